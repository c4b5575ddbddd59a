//! PEM and PKCS#8 key files as keybearer signers.
//!
//! `pem:/etc/keys/login.pem` opens a private key in PEM (RFC 7468): PKCS#8, PKCS#1, SEC1, or encrypted PKCS#8
//! (`password-source`), with its certificates in the same file, in any order.

mod blocks;
mod provider;

use keybearer_core::{Certificate, Secret};
use keybearer_soft::PrivateKey;

pub use provider::Pem;

/// A private key in PEM (PKCS#8, not encrypted), followed by its certificates.
pub fn encode(key: &PrivateKey, certificates: &[Certificate]) -> Secret {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let block = pem::Pem::new("PRIVATE KEY", key.to_pkcs8_der().expose());
    let mut text = pem::encode_config(&block, config);
    for certificate in certificates {
        text.push_str(&certificate.to_pem());
    }
    text.into()
}
