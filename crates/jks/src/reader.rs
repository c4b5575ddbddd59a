//! The format of JKS: a header, entries, a digest over all of it and the password.

use keybearer_core::{Certificate, Error, ErrorKind, Result, Secret};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use crate::protection::utf16;

/// A store whose outline is whole.
pub(crate) struct Store {
    pub(crate) entries: Vec<StoreEntry>,
}

pub(crate) struct StoreEntry {
    pub(crate) alias: String,
    /// The protected key, an `EncryptedPrivateKeyInfo`; `None` for a certificate alone.
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) certificates: Vec<Certificate>,
}

const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
const JCEKS: [u8; 4] = [0xce, 0xce, 0xce, 0xce];
const DIGEST: usize = 20;
/// What is hashed between the password and the store.
const WHITENER: &[u8] = b"Mighty Aphrodite";

/// Checks the digest with the password, then reads the entries; without a password the entries are read unchecked.
pub(crate) fn read(bytes: &[u8], password: Option<&Secret>) -> Result<Store> {
    if !bytes.starts_with(&MAGIC) {
        return Err(other_format(bytes));
    }
    let body = bytes
        .len()
        .checked_sub(DIGEST)
        .and_then(|end| bytes.get(..end));
    let body = body.ok_or_else(|| malformed("it is cut off"))?;
    if let Some(password) = password {
        let mut digest = Sha1::new();
        digest.update(utf16(password)?.as_slice());
        digest.update(WHITENER);
        digest.update(body);
        if !bool::from(digest.finalize().as_slice().ct_eq(&bytes[body.len()..])) {
            // An outline that breaks off is damage, whatever the password.
            entries(body)?;
            return Err(Error::new(ErrorKind::BadSecret, "the store password is wrong, or the store was changed")
                .with_hint("check the password first; keytool -list -keystore FILE says the same of a wrong one"));
        }
    }
    Ok(Store {
        entries: entries(body)?,
    })
}

fn entries(body: &[u8]) -> Result<Vec<StoreEntry>> {
    let mut cursor = Cursor(body.get(MAGIC.len()..).unwrap_or_default());
    let version = cursor.number()?;
    if !matches!(version, 1 | 2) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("this is version {version} of JKS, and 1 and 2 are known"),
        ));
    }
    let count = cursor.number()?;
    let mut entries = Vec::new();
    // A count is believed an entry at a time: each takes bytes that must be there.
    for _ in 0..count {
        let tag = cursor.number()?;
        let alias = cursor.text()?;
        cursor.take(8)?;
        let entry = match tag {
            1 => {
                let length = cursor.number()?;
                let key = cursor.take(length as usize)?.to_vec();
                let chain = cursor.number()?;
                let mut certificates = Vec::new();
                for _ in 0..chain {
                    certificates.extend(cursor.certificate(version)?);
                }
                StoreEntry {
                    alias,
                    key: Some(key),
                    certificates,
                }
            }
            2 => StoreEntry {
                alias,
                key: None,
                certificates: cursor.certificate(version)?.into_iter().collect(),
            },
            other => return Err(malformed(&format!("an entry has the tag {other}"))),
        };
        entries.push(entry);
    }
    if cursor.0.is_empty() {
        Ok(entries)
    } else {
        Err(malformed("bytes follow the last entry"))
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| malformed("it is cut off, or a length in it is wrong"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32> {
        let bytes = self.take(4)?;
        Ok(bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    /// Java's modified UTF-8 (`DataInput.readUTF`): characters beyond the BMP are two surrogates of three bytes each.
    fn text(&mut self) -> Result<String> {
        let length = self.take(2)?;
        let bytes = self.take(usize::from(length[0]) << 8 | usize::from(length[1]))?;
        let mut units = Vec::with_capacity(bytes.len());
        let mut rest = bytes.iter().map(|byte| u16::from(*byte));
        let mut next = || rest.next();
        while let Some(first) = next() {
            let mut more = || {
                next()
                    .filter(|byte| byte & 0xc0 == 0x80)
                    .map(|byte| byte & 0x3f)
            };
            let unit = match first {
                0x00..0x80 => Some(first),
                0xc0..0xe0 => more().map(|a| (first & 0x1f) << 6 | a),
                0xe0..0xf0 => more()
                    .zip(more())
                    .map(|(a, b)| (first & 0x0f) << 12 | a << 6 | b),
                _ => None,
            };
            units.push(unit.ok_or_else(|| malformed("a name is not Java's UTF-8"))?);
        }
        String::from_utf16(&units).map_err(|_| malformed("a name is not Java's UTF-8"))
    }

    /// `None` for a certificate of another kind than X.509.
    fn certificate(&mut self, version: u32) -> Result<Option<Certificate>> {
        let kind = if version == 2 {
            self.text()?
        } else {
            "X.509".into()
        };
        let length = self.number()?;
        let der = self.take(length as usize)?;
        if kind.eq_ignore_ascii_case("X.509") {
            Certificate::from_der(der).map(Some)
        } else {
            Ok(None)
        }
    }
}

fn other_format(bytes: &[u8]) -> Error {
    let (what, hint) = if bytes.is_empty() {
        ("the file is empty", "take the file from its source again")
    } else if bytes.starts_with(&JCEKS) {
        (
            "this is a JCEKS store and no JKS",
            "convert it: keytool -importkeystore -srcstoretype JCEKS -srckeystore FILE -deststoretype JKS -destkeystore NEW.jks",
        )
    } else if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        ("this is a PEM file and no JKS", "write pem:PATH")
    } else if bytes.starts_with(&[0x30]) {
        (
            "this is a PKCS#12 store (or other DER) and no JKS",
            "convert it: keytool -importkeystore -srckeystore FILE -deststoretype JKS -destkeystore NEW.jks",
        )
    } else {
        (
            "this is no JKS",
            "keytool -list -keystore FILE says what it is",
        )
    };
    Error::new(ErrorKind::Malformed, what).with_hint(hint)
}

fn malformed(why: &str) -> Error {
    Error::new(ErrorKind::Malformed, "the JKS store is damaged").with_source(why.to_owned())
}
