//! Certificates in DER or PEM, and what is said of them.

use keybearer_core::Certificate;
use keybearer_x509::{CertificateInfo, sha256};

pub(crate) fn run(bytes: &[u8]) {
    let Ok(certificates) = Certificate::from_file(bytes) else {
        return;
    };
    for certificate in &certificates {
        let told = CertificateInfo::read(certificate);
        assert_eq!(sha256(certificate).len(), 64);
        let again = Certificate::from_file(certificate.to_pem().as_bytes());
        assert!(again.is_ok_and(|again| again == [certificate.clone()]));
        if let Some(key) = told.ok().and_then(|told| told.public_key) {
            let chain = Certificate::chain_for(&key, &certificates);
            assert!(!chain.is_empty() && chain.len() <= 32);
        }
    }
}
