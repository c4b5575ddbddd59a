//! PEM and PKCS#8 key files as keybearer signers.
//!
//! `pem:/etc/keys/login.pem` opens a private key in PEM (RFC 7468): PKCS#8, PKCS#1, SEC1, encrypted ones by
//! `password-source` (PKCS#8's way and the one before it), with its certificates in the same file, in any order. The same
//! keys in DER and private JWKs (RFC 7517) are read too.

mod armour;
mod blocks;
mod jwk;
mod others;
mod provider;

use keybearer_core::{Certificate, Result, Secret};
use keybearer_soft::{PrivateKey, pbe};

pub use provider::Pem;

/// A private key in PEM (PKCS#8, encrypted where there is a password), followed by its certificates.
///
/// # Errors
/// As [`pbe::encrypt_pkcs8`].
pub fn encode(
    key: &PrivateKey,
    password: Option<&Secret>,
    certificates: &[Certificate],
) -> Result<Secret> {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let der = key.to_pkcs8_der();
    let block = match password {
        Some(password) => {
            pem::Pem::new("ENCRYPTED PRIVATE KEY", pbe::encrypt_pkcs8(&der, password)?)
        }
        None => pem::Pem::new("PRIVATE KEY", der.expose()),
    };
    let mut text = pem::encode_config(&block, config);
    for certificate in certificates {
        text.push_str(&certificate.to_pem());
    }
    Ok(text.into())
}
