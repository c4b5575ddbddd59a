//! Password-based encryption, as key files use it.
//!
//! Read: PBES2 (RFC 8018) by PBKDF2 (HMAC with SHA-1 to SHA-512, and MD5) or scrypt (RFC 7914), with AES in CBC mode or GCM,
//! triple DES, DES or RC2; PBES1 with MD5 or SHA-1; the schemes of PKCS#12 (RFC 7292 appendix C) with triple DES, RC2 and RC4; and its
//! MAC, PBMAC1 (RFC 9579) included; the old encryption of PEM (`DEK-Info`).
//! Written ([`encrypt`]): PBES2, PBKDF2 with HMAC-SHA-256, AES-256 in CBC mode; and the old way of PKCS#12, triple DES
//! and SHA-1; its MAC with either hash. What a derivation costs is charged to a [`WorkBudget`] before it begins.

mod cipher;
mod dek;
mod encrypt;
mod hash;
mod jceks;
mod kdf;
mod mac;
mod pkcs8;
mod rc4;
mod scheme;

use keybearer_core::{Error, ErrorKind, Result, Secret};

use crate::work::WorkBudget;

pub use dek::decrypt_dek;
pub use encrypt::{Encrypted, Encryption, encrypt};
pub use mac::{MacHash, NewPkcs12Mac, Pkcs12Mac};
pub use pkcs8::{decrypt_pkcs8, encrypt_pkcs8, encrypt_pkcs8_with};

use scheme::Scheme;

/// What to do with a store that is protected in a way that is not read here: what comes out is PEM, encrypted with AES-256.
const REWRITE: &str = "convert it: openssl pkcs12 -legacy -in FILE -out NEW.pem";
/// And with a key alone.
const REWRITE_KEY: &str =
    "convert it: openssl pkcs8 -topk8 -provider legacy -provider default -in FILE -out NEW.pem";

/// Decrypts what an `AlgorithmIdentifier` (in DER) says was encrypted with a password.
///
/// The password is UTF-8; the schemes of PKCS#12 turn it into UTF-16 themselves.
///
/// # Errors
/// [`ErrorKind::BadSecret`] where the outcome is not an ASN.1 SEQUENCE, which is what every key format encrypts: the
/// password is wrong, or the bytes are damaged. [`ErrorKind::Unsupported`] for an algorithm that is not read here, by its
/// name, and for more work than is allowed; [`ErrorKind::Malformed`] for parameters that are none.
pub fn decrypt(
    algorithm_identifier_der: &[u8],
    ciphertext: &[u8],
    password: &Secret,
    budget: &mut WorkBudget,
) -> Result<Secret> {
    Scheme::from_der(algorithm_identifier_der)?.decrypt(ciphertext, password, budget)
}

/// What a wrong password and a damaged ciphertext look like, which are not to be told apart.
pub(crate) fn wrong_password() -> Error {
    Error::new(
        ErrorKind::BadSecret,
        "the password is wrong, or the encrypted part of the file is damaged",
    )
    .with_hint("check the password first; case and non-ASCII letters count")
}

fn malformed(why: impl Into<String>) -> Error {
    Error::new(
        ErrorKind::Malformed,
        "the parameters of the encryption are damaged",
    )
    .with_source(why.into())
}

#[cfg(test)]
mod tests;
