//! The SDK's HTTP client: ring's TLS, and what [`Network`] says.

use aws_sdk_kms::config::SharedHttpClient;
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use keybearer_core::{Certificate, Error, ErrorKind, Network, OpenContext, Result, Secret};
use rustls::{RootCertStore, pki_types::CertificateDer};

/// A system's bundle has about 300 KiB.
const MAX_CA_FILE: u64 = 16 << 20;

/// Where EC2, ECS and EKS give credentials to a machine: no proxy stands before them.
const OF_THE_MACHINE: &str =
    "169.254.169.254,fd00:ec2::254,169.254.170.2,169.254.170.23,fd00:ec2::23";

pub(crate) async fn http(cx: &OpenContext) -> Result<SharedHttpClient> {
    let proxy = proxy(&cx.network)?;
    let tls = tls_context(cx).await?;
    Ok(
        Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = Connector::builder().proxy_config(proxy.clone());
            if let Some(settings) = settings {
                connector = connector.connector_settings(settings.clone());
            }
            connector.set_sleep_impl(components.and_then(|it| it.sleep_impl()));
            connector
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .tls_context(tls.clone())
                .build()
        }),
    )
}

/// The system's roots, and those of `ca_certificate`.
async fn tls_context(cx: &OpenContext) -> Result<TlsContext> {
    let mut store = TrustStore::empty().with_native_roots(true);
    if let Some(path) = &cx.network.ca_certificate {
        let bad = |why: String| {
            let what = format!("the CA certificates cannot be read from {}", path.display());
            Error::new(ErrorKind::Malformed, what)
                .with_source(why)
                .with_hint("give a file of PEM certificates")
        };
        let bytes = cx.env.read(path, MAX_CA_FILE).await;
        let bytes = bytes.map_err(|error| bad(error.to_string()))?;
        let certificates =
            Certificate::from_file(&bytes).map_err(|error| bad(error.to_string()))?;
        // The SDK panics on what its TLS cannot use, so that is tried first.
        let mut tried = RootCertStore::empty();
        for certificate in certificates {
            let der = CertificateDer::from(certificate.as_der().to_vec());
            tried.add(der).map_err(|error| bad(error.to_string()))?;
            store = store.with_pem_certificate(certificate.to_pem());
        }
    }
    let context = TlsContext::builder().with_trust_store(store).build();
    context.map_err(|error| {
        Error::new(ErrorKind::Backend, "TLS cannot be set up").with_source(error.to_string())
    })
}

/// The proxy that was given, or else the environment's.
fn proxy(network: &Network) -> Result<ProxyConfig> {
    let Some(given) = &network.proxy else {
        return Ok(ProxyConfig::from_env());
    };
    // Not repeated: a password may stand in it.
    read(given).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidUri,
            "the proxy is not the URL of an HTTP proxy",
        )
        .with_hint("a proxy is written http://[user:password@]host:port")
    })
}

/// A login in the URL stays in it: what the SDK takes beside the URL it writes there unescaped.
fn read(given: &Secret) -> Option<ProxyConfig> {
    let text = given.expose_str()?;
    let url = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let proxy = ProxyConfig::all(url).ok()?;
    Some(proxy.no_proxy(OF_THE_MACHINE))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keybearer_conformance::TestEnv;

    use super::*;

    fn of(proxy: &str) -> Result<ProxyConfig> {
        let mut network = Network::default();
        network.proxy = Some(proxy.into());
        super::proxy(&network)
    }

    #[test]
    fn a_proxy_may_have_a_login_and_is_never_repeated() {
        assert!(of("http://user:p%40ss@proxy.example:3128").is_ok());
        assert!(of("proxy.example:3128").is_ok());
        for wrong in [
            "http://user:hidden@",
            "socks5://user:hidden@host",
            "hidden host",
        ] {
            let error = of(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUri, "{wrong}");
            assert!(!format!("{error:?}").contains("hidden"));
        }
    }

    #[tokio::test]
    async fn a_file_of_no_certificates_is_an_error_and_no_panic() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut cx = OpenContext::new(Arc::new(TestEnv::new()));
        cx.network.ca_certificate = Some(file.path().into());
        // A certificate in form alone: its content is no X.509.
        let empty = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        for text in ["", "no PEM", empty] {
            std::fs::write(file.path(), text).unwrap();
            let error = http(&cx).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{text}");
        }
    }
}
