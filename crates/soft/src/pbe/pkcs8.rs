//! Encrypted PKCS#8: `EncryptedPrivateKeyInfo` (RFC 5958 section 3).

use der::{
    Decode, Encode, Reader, Sequence, SliceReader, Tag, Tagged,
    asn1::{AnyRef, OctetStringRef},
};
use keybearer_core::{Error, ErrorKind, Result, Secret};
use ring::rand::{SecureRandom, SystemRandom};

use super::{
    cipher::{Cipher, encrypt_aes256},
    decrypt,
    hash::{HMAC_SHA256, Hash},
    kdf::Pbkdf2,
    malformed,
    scheme::{AES_256_CBC, PBES2, PBKDF2},
};
use crate::{asn1::AlgorithmIdentifier, work::WorkBudget};

/// What we write: OWASP's figure for PBKDF2 with HMAC-SHA-256 (Password Storage Cheat Sheet, 2023).
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
    let key = decrypt(algorithm, ciphertext, password, budget)?;
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
/// [`ErrorKind::Backend`] where the system gives no random bytes.
pub fn encrypt_pkcs8(pkcs8_der: &Secret, password: &Secret) -> Result<Vec<u8>> {
    let (salt, iv): ([u8; 16], [u8; 16]) = (random()?, random()?);
    let kdf = Pbkdf2 {
        hash: Hash::Sha256,
        salt: &salt,
        rounds: ROUNDS.into(),
    };
    let mut budget = WorkBudget::new(keybearer_core::WorkLimit::new(ROUNDS.into(), 0));
    let key = kdf.derive(password.expose(), Cipher::Aes256.key_len(), &mut budget)?;
    let ciphertext = encrypt_aes256(&key, &iv, pkcs8_der)?;
    encode(&salt, &iv, &ciphertext).map_err(|error| malformed(error.to_string()))
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

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Error::new(
            ErrorKind::Backend,
            "the operating system gives no random bytes",
        )
    })?;
    Ok(bytes)
}

fn encode(salt: &[u8], iv: &[u8], ciphertext: &[u8]) -> der::Result<Vec<u8>> {
    let kdf = Pbkdf2Parameters {
        salt: OctetStringRef::new(salt)?,
        rounds: ROUNDS,
        prf: AlgorithmIdentifier {
            oid: HMAC_SHA256,
            parameters: Some(AnyRef::NULL),
        },
    }
    .to_der()?;
    let scheme = Pbes2Parameters {
        kdf: AlgorithmIdentifier {
            oid: PBKDF2,
            parameters: Some(AnyRef::from_der(&kdf)?),
        },
        cipher: AlgorithmIdentifier {
            oid: AES_256_CBC,
            parameters: Some(OctetStringRef::new(iv)?.into()),
        },
    }
    .to_der()?;
    EncryptedPrivateKeyInfo {
        algorithm: AlgorithmIdentifier {
            oid: PBES2,
            parameters: Some(AnyRef::from_der(&scheme)?),
        },
        ciphertext: OctetStringRef::new(ciphertext)?,
    }
    .to_der()
}

#[derive(Sequence)]
struct Pbkdf2Parameters<'a> {
    salt: &'a OctetStringRef,
    rounds: u32,
    prf: AlgorithmIdentifier<'a>,
}

#[derive(Sequence)]
struct Pbes2Parameters<'a> {
    kdf: AlgorithmIdentifier<'a>,
    cipher: AlgorithmIdentifier<'a>,
}

#[derive(Sequence)]
struct EncryptedPrivateKeyInfo<'a> {
    algorithm: AlgorithmIdentifier<'a>,
    ciphertext: &'a OctetStringRef,
}
