//! TLS, with a certificate that the org makes itself.

use std::{net::IpAddr, sync::Arc};

use keybearer_core::{Bound, EcCurve, Error, ErrorKind, KeyType, KeyUri, Result};
use keybearer_soft::{PrivateKey, SoftSigner};
use keybearer_x509::SelfSigned;
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::TlsAcceptor;

/// What a server with TLS needs.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The certificate in PEM: a client that trusts it trusts the server.
    pub(crate) ca_pem: String,
}

impl Tls {
    /// A new key, with a certificate for this machine's loopback names and for `address`.
    ///
    /// # Errors
    /// Where no key can be made.
    pub(crate) async fn new(address: IpAddr) -> Result<Self> {
        let key = PrivateKey::generate(KeyType::Ec(EcCurve::P256))?;
        let signer = SoftSigner::new(&KeyUri::literal("pem", "localorg"), &key, &[])?;
        let algorithm = key.algorithms().first().copied();
        let algorithm = algorithm.ok_or_else(|| failed("the key does no algorithm".to_owned()))?;
        let bound = Bound::new(Arc::new(signer), algorithm)?;
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
        let own = address.to_string();
        if !address.is_unspecified() && !names.contains(&own) {
            names.push(own);
        }
        let certificate = SelfSigned::new("CN=keybearer local org")?
            .subject_alt_names(names)?
            .issue(&bound)
            .await?;
        let der = PrivatePkcs8KeyDer::from(key.to_pkcs8_der().expose().to_vec());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate.as_der().to_vec())],
                PrivateKeyDer::Pkcs8(der),
            )
            .map_err(failed)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca_pem: certificate.to_pem(),
        })
    }
}

fn failed(why: impl ToString) -> Error {
    Error::new(ErrorKind::Backend, "the org's TLS cannot be set up").with_source(why.to_string())
}
