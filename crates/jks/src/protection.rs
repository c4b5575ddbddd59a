//! Sun's key protector (OID 1.3.6.1.4.1.42.2.17.1.1): a keystream of SHA-1 over password and salt.

use der::{
    Decode, Reader, SliceReader, Tag, Tagged,
    asn1::{AnyRef, ObjectIdentifier, OctetStringRef},
};
use keybearer_core::{Error, ErrorKind, Result, Secret};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const PROTECTOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.42.2.17.1.1");
const BLOCK: usize = 20;

/// The PKCS#8 key in an entry's `EncryptedPrivateKeyInfo`.
pub(crate) fn recover(entry: &[u8], password: &Secret) -> Result<Secret> {
    let (oid, protected) = outline(entry).map_err(|error| damaged(error.to_string()))?;
    if oid != PROTECTOR {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the key is protected by {oid}, which is not Sun's protector"),
        ));
    }
    let middle = protected
        .len()
        .checked_sub(2 * BLOCK)
        .ok_or_else(|| damaged("it is too short".into()))?;
    let (salt, rest) = protected.split_at(BLOCK);
    let (sealed, check) = rest.split_at(middle);
    let password = utf16(password)?;
    let mut key = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let mut block = Zeroizing::new(salt.to_vec());
    for chunk in sealed.chunks(BLOCK) {
        *block = Sha1::new()
            .chain_update(password.as_slice())
            .chain_update(block.as_slice())
            .finalize()
            .to_vec();
        key.extend(
            chunk
                .iter()
                .zip(block.iter())
                .map(|(sealed, stream)| sealed ^ stream),
        );
    }
    let digest = Sha1::new()
        .chain_update(password.as_slice())
        .chain_update(key.as_slice())
        .finalize();
    if !bool::from(digest.as_slice().ct_eq(check)) {
        return Err(
            Error::new(ErrorKind::BadSecret, "the password of the key is wrong")
                .with_hint("the key has a password of its own: give key-password-source"),
        );
    }
    Ok(Secret::new(key.as_slice()))
}

/// A password as Java hashes it: UTF-16, big-endian.
pub(crate) fn utf16(password: &Secret) -> Result<Zeroizing<Vec<u8>>> {
    let text = password
        .expose_str()
        .ok_or_else(|| Error::new(ErrorKind::BadSecret, "the password is not UTF-8"))?;
    Ok(Zeroizing::new(
        text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ))
}

fn outline(entry: &[u8]) -> der::Result<(ObjectIdentifier, &[u8])> {
    let whole = AnyRef::from_der(entry)?;
    whole.tag().assert_eq(Tag::Sequence)?;
    let mut fields = SliceReader::new(whole.value())?;
    let algorithm = AnyRef::decode(&mut fields)?;
    let oid = ObjectIdentifier::decode(&mut SliceReader::new(algorithm.value())?)?;
    let protected = <&OctetStringRef>::decode(&mut fields)?.as_bytes();
    fields.finish()?;
    Ok((oid, protected))
}

fn damaged(why: String) -> Error {
    Error::new(ErrorKind::Malformed, "the protected key is damaged").with_source(why)
}
