//! Encrypted PKCS#8: `EncryptedPrivateKeyInfo` (RFC 5958 section 3).

use der::{
    Decode, Reader, SliceReader, Tag, Tagged,
    asn1::{AnyRef, OctetStringRef},
};
use keybearer_core::{Error, ErrorKind, Result, Secret};

use super::{
    REWRITE_KEY, decrypt,
    encrypt::{Encryption, encrypt},
};
use crate::work::WorkBudget;

/// What we write unless told: OWASP's figure for PBKDF2 with HMAC-SHA-256 (Password Storage Cheat Sheet, 2023).
const ROUNDS: u32 = 600_000;

/// Decrypts an `EncryptedPrivateKeyInfo` in DER. What comes out is a PKCS#8 key in DER.
///
/// # Errors
/// As [`decrypt`]; [`ErrorKind::Malformed`] for what is no `EncryptedPrivateKeyInfo`.
pub fn decrypt_pkcs8(
    encrypted_private_key_info_der: &[u8],
    password: &Secret,
    budget: &mut WorkBudget,
) -> Result<Secret> {
    let outline = || {
        let whole = AnyRef::from_der(encrypted_private_key_info_der)?;
        whole.tag().assert_eq(Tag::Sequence)?;
        let mut fields = SliceReader::new(whole.value())?;
        let algorithm = fields.tlv_bytes()?;
        let ciphertext = <&OctetStringRef>::decode(&mut fields)?;
        fields.finish()?;
        Ok((algorithm, ciphertext.as_bytes()))
    };
    let (algorithm, ciphertext) = outline().map_err(|error: der::Error| {
        Error::new(ErrorKind::Malformed, "this is not an encrypted PKCS#8 key")
            .with_source(error.to_string())
    })?;
    let key =
        decrypt(algorithm, ciphertext, password, budget).map_err(|error| match error.kind() {
            ErrorKind::Unsupported => error.with_hint(REWRITE_KEY),
            _ => error,
        })?;
    if is_private_key_info(key.expose()) {
        Ok(key)
    } else {
        Err(super::wrong_password())
    }
}

/// Encrypts a PKCS#8 key (in DER) as an `EncryptedPrivateKeyInfo` in DER: PBES2 with PBKDF2-HMAC-SHA-256 of 600,000
/// rounds and AES-256-CBC, salt and initialization vector random.
///
/// # Errors
/// As [`encrypt`].
pub fn encrypt_pkcs8(pkcs8_der: &Secret, password: &Secret) -> Result<Vec<u8>> {
    encrypt_pkcs8_with(pkcs8_der, password, Encryption::Aes256 { rounds: ROUNDS })
}

/// As [`encrypt_pkcs8`], in a way of the caller's choice.
///
/// # Errors
/// As [`encrypt`].
pub fn encrypt_pkcs8_with(
    pkcs8_der: &Secret,
    password: &Secret,
    how: Encryption,
) -> Result<Vec<u8>> {
    encrypt(pkcs8_der, password, how)?.to_private_key_info()
}

/// Begins as a `OneAsymmetricKey` (RFC 5958 section 2) does: version, algorithm, key.
fn is_private_key_info(der: &[u8]) -> bool {
    let read = || {
        let whole = AnyRef::from_der(der)?;
        let mut fields = SliceReader::new(whole.value())?;
        u8::decode(&mut fields)?;
        AnyRef::decode(&mut fields)?
            .tag()
            .assert_eq(Tag::Sequence)?;
        <&OctetStringRef>::decode(&mut fields).map(|_| ())
    };
    read().is_ok_and(|()| true)
}
