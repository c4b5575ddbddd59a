//! PEM and PKCS#8 key files as keybearer signers.
//!
//! `pem:/etc/keys/login.pem` opens a private key in PEM (RFC 7468): PKCS#8, PKCS#1, SEC1, encrypted ones by
//! `password-source` (PKCS#8's way and the one before it), with its certificates in the same file, in any order. The same
//! keys in DER and private JWKs (RFC 7517) are read too.

mod armour;
mod blocks;
mod jwk;
mod maker;
mod others;
mod provider;

use keybearer_core::{Certificate, Error, ErrorKind, Result, Secret};
use keybearer_soft::{PrivateKey, pbe};
use zeroize::Zeroizing;

pub use provider::Pem;

/// A private key in PEM (PKCS#8, encrypted where there is a password), followed by its certificates.
///
/// # Errors
/// As [`pbe::encrypt_pkcs8`]; [`ErrorKind::BadSecret`] for a password that is empty, which openssl does not take.
pub fn encode(
    key: &PrivateKey,
    password: Option<&Secret>,
    certificates: &[Certificate],
) -> Result<Secret> {
    encode_named(None, key, password, certificates)
}

/// As [`encode`], with a name for people before the key, as openssl writes it (`friendlyName: NAME`). A name with control
/// characters, which could be taken for a block, is left out.
///
/// # Errors
/// As [`encode`].
pub fn encode_named(
    name: Option<&str>,
    key: &PrivateKey,
    password: Option<&Secret>,
    certificates: &[Certificate],
) -> Result<Secret> {
    if password.is_some_and(Secret::is_empty) {
        return Err(
            Error::new(ErrorKind::BadSecret, "the password of the key is empty").with_hint(
                "choose one; or leave password-source out for a key that is not encrypted",
            ),
        );
    }
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let der = key.to_pkcs8_der();
    let block = match password {
        Some(password) => {
            pem::Pem::new("ENCRYPTED PRIVATE KEY", pbe::encrypt_pkcs8(&der, password)?)
        }
        None => pem::Pem::new("PRIVATE KEY", der.expose()),
    };
    let before = name
        .filter(|name| is_name(name))
        .map(|name| format!("Bag Attributes\n    {FRIENDLY_NAME} {name}\n"))
        .unwrap_or_default();
    let block = Zeroizing::new(pem::encode_config(&block, config));
    let after: String = certificates.iter().map(Certificate::to_pem).collect();
    let parts = [before.as_bytes(), block.as_bytes(), after.as_bytes()];
    Ok(Secret::new(parts.concat()))
}

/// What openssl calls the name of a key in the text before it.
const FRIENDLY_NAME: &str = "friendlyName:";

/// Whether it stays one line of text, which neither begins a block nor is taken for a line break that was spelled out.
fn is_name(name: &str) -> bool {
    let is_odd = |letter: char| letter.is_control() || letter == '\\';
    name.trim() == name && !name.is_empty() && !name.contains("-----") && !name.contains(is_odd)
}
