//! A certificate of the fakes' own.

use std::sync::Arc;

use keybearer_core::{Bound, EcCurve, KeyType, KeyUri};
use keybearer_soft::{PrivateKey, SoftSigner};
use keybearer_x509::SelfSigned;
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// A new key, and a certificate for `localhost` and the names that were asked for.
#[derive(Debug)]
pub struct Tls {
    pub config: ServerConfig,
    /// In PEM: who trusts it trusts the server.
    pub ca_pem: String,
}

impl Tls {
    pub fn new(names: &[&str]) -> Self {
        let key = PrivateKey::generate(KeyType::Ec(EcCurve::P256)).unwrap();
        let signer = SoftSigner::new(&KeyUri::literal("pem", "fake"), &key, &[]).unwrap();
        let bound = Bound::new(Arc::new(signer), key.algorithms()[0]).unwrap();
        let names = ["localhost", "127.0.0.1"].iter().chain(names);
        let asked = SelfSigned::new("CN=keybearer fake").unwrap();
        let asked = asked.subject_alt_names(names.copied()).unwrap();
        // On a thread of its own, as a test's may be a runtime's.
        let issue = || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.build().unwrap();
            runtime.block_on(asked.issue(&bound)).unwrap()
        };
        let certificate = std::thread::scope(|scope| scope.spawn(issue).join().unwrap());
        let der = PrivatePkcs8KeyDer::from(key.to_pkcs8_der().expose().to_vec());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate.as_der().to_vec())],
                PrivateKeyDer::Pkcs8(der),
            )
            .unwrap();
        Self {
            config,
            ca_pem: certificate.to_pem(),
        }
    }
}
