//! What protects a key: Sun's key protector (OID 1.3.6.1.4.1.42.2.17.1.1), a keystream of SHA-1 over password and salt; in
//! JCEKS triple DES.

use der::{
    Decode, Encode, Reader, Sequence, SliceReader, Tag, Tagged,
    asn1::{AnyRef, Null, ObjectIdentifier, OctetStringRef},
};
use keybearer_core::{Error, ErrorKind, Result, Secret};
use keybearer_soft::{pbe, work::WorkBudget};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const PROTECTOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.42.2.17.1.1");
const JCEKS_PROTECTOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.42.2.19.1");
const BLOCK: usize = 20;

/// The PKCS#8 key in an entry's `EncryptedPrivateKeyInfo`.
pub(crate) fn recover(entry: &[u8], password: &Secret, budget: &mut WorkBudget) -> Result<Secret> {
    let (algorithm, oid, protected) = outline(entry).map_err(|error| damaged(error.to_string()))?;
    // JCEKS stores have either: Java reads both.
    if oid == JCEKS_PROTECTOR {
        return pbe::decrypt(algorithm, protected, password, budget);
    }
    if oid != PROTECTOR {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the key is protected by {oid}, which no Java key store uses"),
        ));
    }
    let middle = protected
        .len()
        .checked_sub(2 * BLOCK)
        .ok_or_else(|| damaged("it is too short".into()))?;
    let (salt, rest) = protected.split_at(BLOCK);
    let (sealed, check) = rest.split_at(middle);
    let password = utf16(password)?;
    let key = keystream(&password, salt, sealed);
    if !bool::from(digest(&password, &key).ct_eq(check)) {
        return Err(Error::new(
            ErrorKind::BadSecret,
            "the password of the key is wrong",
        ));
    }
    Ok(Secret::new(key.as_slice()))
}

/// A PKCS#8 key as an entry's `EncryptedPrivateKeyInfo`, with a salt that nothing else has.
pub(crate) fn protect(key: &Secret, password: &Secret) -> Result<Vec<u8>> {
    let mut salt = [0; BLOCK];
    getrandom::fill(&mut salt).map_err(|error| failed(error.to_string()))?;
    let password = utf16(password)?;
    let mut protected = salt.to_vec();
    protected.extend(keystream(&password, &salt, key.expose()).as_slice());
    protected.extend(digest(&password, key.expose()));
    let encode = || {
        EncryptedPrivateKeyInfo {
            algorithm: Algorithm {
                oid: PROTECTOR,
                parameters: Null,
            },
            protected: OctetStringRef::new(&protected)?,
        }
        .to_der()
    };
    encode().map_err(|error: der::Error| failed(error.to_string()))
}

/// A password as Java hashes it: UTF-16, big-endian.
pub(crate) fn utf16(password: &Secret) -> Result<Zeroizing<Vec<u8>>> {
    let text = password
        .expose_str()
        .ok_or_else(|| Error::new(ErrorKind::BadSecret, "the password is not UTF-8"))?;
    // Long enough at once: what a growing vector leaves behind is not wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * text.len()));
    bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    Ok(bytes)
}

#[derive(Sequence)]
struct EncryptedPrivateKeyInfo<'a> {
    algorithm: Algorithm,
    protected: &'a OctetStringRef,
}

#[derive(Sequence)]
struct Algorithm {
    oid: ObjectIdentifier,
    parameters: Null,
}

/// Covers and uncovers: each block of the stream is the hash of the password and the block before, the salt at first.
fn keystream(password: &[u8], salt: &[u8], text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut block = Zeroizing::new(salt.to_vec());
    for chunk in text.chunks(BLOCK) {
        let next = digest(password, &block);
        block.clear();
        block.extend(next);
        out.extend(chunk.iter().zip(next).map(|(text, stream)| text ^ stream));
    }
    out
}

fn digest(password: &[u8], text: &[u8]) -> [u8; BLOCK] {
    let digest = Sha1::new().chain_update(password).chain_update(text);
    digest.finalize().into()
}

/// The whole algorithm, its name, and what it protects.
fn outline(entry: &[u8]) -> der::Result<(&[u8], ObjectIdentifier, &[u8])> {
    let whole = AnyRef::from_der(entry)?;
    whole.tag().assert_eq(Tag::Sequence)?;
    let mut fields = SliceReader::new(whole.value())?;
    let algorithm = fields.tlv_bytes()?;
    let inner = AnyRef::from_der(algorithm)?;
    inner.tag().assert_eq(Tag::Sequence)?;
    let oid = ObjectIdentifier::decode(&mut SliceReader::new(inner.value())?)?;
    let protected = <&OctetStringRef>::decode(&mut fields)?.as_bytes();
    fields.finish()?;
    Ok((algorithm, oid, protected))
}

fn failed(why: String) -> Error {
    Error::new(ErrorKind::Backend, "the key cannot be protected").with_source(why)
}

fn damaged(why: String) -> Error {
    Error::new(ErrorKind::Malformed, "the protected key is damaged").with_source(why)
}
