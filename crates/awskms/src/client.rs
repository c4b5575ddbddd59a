//! The SDK's client: its configuration, its network.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_kms::{Client, config::SharedHttpClient};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use keybearer_core::{Certificate, Error, ErrorKind, KeyUri, OpenContext, Result, Secret};
use rustls::{RootCertStore, pki_types::CertificateDer};

use crate::locator::Locator;

/// A system's bundle has about 300 KiB.
const MAX_CA_FILE: u64 = 16 << 20;

/// Tries in all, within the time of the whole call.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the caller's program configured, or else the SDK's defaults, with what the URI says on top.
pub(crate) async fn client(
    base: Option<&SdkConfig>,
    uri: &KeyUri,
    locator: &Locator,
    cx: &OpenContext,
) -> Result<Client> {
    let region = locator.region.as_deref().or(uri.attribute("region"));
    let endpoint = uri
        .attribute("endpoint")
        .map(|url| checked(uri, url))
        .transpose()?;
    let plain = endpoint.is_some_and(|url| url.starts_with("http://"));
    let config = match base {
        Some(base) if base.http_client().is_some() => base.clone(),
        Some(base) => {
            let http = http(cx, plain).await?;
            base.to_builder().http_client(http).build()
        }
        None => {
            let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
                .http_client(http(cx, plain).await?)
                .timeout_config(timeouts(cx));
            if let Some(profile) = uri.attribute("profile") {
                loader = loader.profile_name(profile);
            }
            // Said before the credentials are looked for, since they may come from a service of the region.
            if let Some(region) = region {
                loader = loader.region(Region::new(region.to_owned()));
            }
            loader.load().await
        }
    };
    let mut kms = aws_sdk_kms::config::Builder::from(&config)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(TRIES)
                .with_initial_backoff(FIRST_PAUSE)
                .with_max_backoff(LONGEST_PAUSE),
        )
        .timeout_config(timeouts(cx));
    if let Some(region) = region {
        kms = kms.region(Region::new(region.to_owned()));
    } else if config.region().is_none() {
        return Err(uri.invalid("no AWS region is known").with_hint(
            "give region=REGION, the key's ARN, AWS_REGION, or a region in the profile",
        ));
    }
    if let Some(endpoint) = endpoint {
        kms = kms.endpoint_url(endpoint);
    }
    Ok(Client::from_conf(kms.build()))
}

async fn http(cx: &OpenContext, plain: bool) -> Result<SharedHttpClient> {
    let proxy = proxy(cx.network.proxy.as_ref())?;
    let tls = tls_context(cx, plain).await?;
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

fn timeouts(cx: &OpenContext) -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_timeout(cx.timeout)
        .connect_timeout(cx.network.connect_timeout.unwrap_or(cx.timeout))
        .build()
}

/// The system's roots and those of `ca_certificate`. None where TLS is not spoken: loading them takes milliseconds.
async fn tls_context(cx: &OpenContext, plain: bool) -> Result<TlsContext> {
    let mut store = TrustStore::empty().with_native_roots(!plain);
    if let Some(path) = &cx.network.ca_certificate {
        let bad = |why: String| {
            Error::new(ErrorKind::Malformed, "the CA certificates cannot be used")
                .with_source(format!("{}: {why}", path.display()))
                .with_hint("give a PEM file of CA certificates")
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
fn proxy(given: Option<&Secret>) -> Result<ProxyConfig> {
    let Some(given) = given else {
        return Ok(ProxyConfig::from_env());
    };
    let bad = || {
        Error::new(ErrorKind::InvalidUri, "the proxy is not an http:// URL")
            .with_hint("write http://host:port, or http://user:password@host:port")
    };
    let text = given.expose_str().ok_or_else(bad)?;
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let (login, host) = rest
        .rsplit_once('@')
        .map_or((None, rest), |(login, host)| (Some(login), host));
    let proxy = ProxyConfig::all(format!("{scheme}://{host}")).map_err(|_| bad())?;
    let Some(login) = login else {
        return Ok(proxy);
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let decoded = |text: &str| {
        let bytes = KeyUri::new("awskms", "").decode(text).ok()?;
        String::from_utf8(bytes).ok()
    };
    let user = decoded(user).ok_or_else(bad)?;
    let password = decoded(password).ok_or_else(bad)?;
    Ok(proxy.with_basic_auth(user, password))
}

/// Only a URL with a host goes on: the SDK tells what it cannot use at the first call, in words of its own.
fn checked<'a>(uri: &KeyUri, endpoint: &'a str) -> Result<&'a str> {
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| endpoint.strip_prefix(scheme));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['@', ' ']) => Ok(endpoint),
        _ => Err(uri
            .invalid("endpoint is not an http:// or https:// URL")
            .with_hint("write endpoint=https://HOST")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_may_have_a_login_and_is_never_repeated() {
        let secret = |text: &str| Secret::from(text.to_owned());
        assert!(proxy(Some(&secret("http://user:p%40ss@proxy.example:3128"))).is_ok());
        assert!(proxy(Some(&secret("proxy.example:3128"))).is_ok());
        let error = proxy(Some(&secret("http://user:hidden@"))).unwrap_err();
        assert!(!format!("{error:?}").contains("hidden"));
    }

    #[test]
    fn an_endpoint_is_a_url() {
        let uri: KeyUri = "awskms:alias/a".parse().unwrap();
        assert!(checked(&uri, "http://127.0.0.1:4566").is_ok());
        for endpoint in ["", "localhost", "https://", "ftp://a", "https://user@host"] {
            assert!(checked(&uri, endpoint).is_err(), "{endpoint}");
        }
    }
}
