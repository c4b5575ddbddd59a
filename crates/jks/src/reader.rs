//! The format of JKS and JCEKS: a header, entries, a digest over all of it and the password.

use keybearer_core::{Certificate, Error, ErrorKind, Result, Secret};
use keybearer_soft::format::Format;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use crate::{modified_utf8, protection::utf16, serialized};

/// A store whose outline is whole.
pub(crate) struct Store<'a> {
    pub(crate) kind: Kind,
    pub(crate) version: u32,
    pub(crate) entries: Vec<StoreEntry<'a>>,
}

/// They differ in their first bytes, in what protects a key, and in secret keys, which JCEKS alone has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Jks,
    Jceks,
}

pub(crate) struct StoreEntry<'a> {
    pub(crate) alias: String,
    /// The protected key, an `EncryptedPrivateKeyInfo`, of an entry that has one.
    pub(crate) key: Option<&'a [u8]>,
    /// Whether it is a secret key, of which nothing more is read.
    pub(crate) is_secret: bool,
    /// All of the entry, as it is written.
    pub(crate) whole: &'a [u8],
    /// X.509 in DER. What is in a certificate of another kind is not told here.
    chain: Vec<&'a [u8]>,
}

pub(crate) const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
pub(crate) const KEY: u32 = 1;
pub(crate) const CERTIFICATE: u32 = 2;
const SECRET: u32 = 3;
pub(crate) const X509: &str = "X.509";
const DIGEST: usize = 20;
/// What is hashed between the password and the store.
const WHITENER: &[u8] = b"Mighty Aphrodite";
/// Entries and certificates in one store: a hundred times as many as Java's own `cacerts` has. Each takes more memory
/// here than it need take in a file.
const MOST_PARTS: u32 = 16_384;

/// Checks the digest with the password, then reads the entries; without a password the entries are read unchecked.
pub(crate) fn read<'a>(bytes: &'a [u8], password: Option<&Secret>) -> Result<Store<'a>> {
    let kind = match Format::of(bytes) {
        Format::Jks => Kind::Jks,
        Format::Jceks => Kind::Jceks,
        other => return Err(other.instead_of("JKS store")),
    };
    let (body, written) = bytes
        .len()
        .checked_sub(DIGEST)
        .and_then(|end| bytes.split_at_checked(end))
        .ok_or_else(|| malformed("it is cut off"))?;
    if let Some(password) = password
        && !bool::from(digest(body, password)?.ct_eq(written))
    {
        // An outline that breaks off is damage, whatever the password.
        entries(kind, body)?;
        return Err(Error::new(
            ErrorKind::BadSecret,
            "the store password is wrong, or the store was changed",
        )
        .with_hint(
            "check the password first; keytool -list -keystore FILE says the same of a wrong one",
        ));
    }
    entries(kind, body)
}

/// What stands at the end of a store.
pub(crate) fn digest(body: &[u8], password: &Secret) -> Result<[u8; DIGEST]> {
    let mut digest = Sha1::new();
    digest.update(utf16(password)?.as_slice());
    digest.update(WHITENER);
    digest.update(body);
    Ok(digest.finalize().into())
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jks => "JKS",
            Self::Jceks => "JCEKS",
        }
    }
}

impl StoreEntry<'_> {
    /// The certificates, leaf first.
    pub(crate) fn certificates(&self) -> Result<Vec<Certificate>> {
        self.chain
            .iter()
            .map(|der| Certificate::from_der(*der))
            .collect()
    }
}

fn entries(kind: Kind, body: &[u8]) -> Result<Store<'_>> {
    let mut cursor = Cursor {
        rest: body.get(MAGIC.len()..).unwrap_or_default(),
        parts: 0,
    };
    let version = cursor.number()?;
    if !matches!(version, 1 | 2) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "this is version {version} of {}, and 1 and 2 are known",
                kind.name()
            ),
        ));
    }
    let count = cursor.number()?;
    let mut entries = Vec::new();
    // A count is believed an entry at a time: each takes bytes that must be there.
    for _ in 0..count {
        entries.push(cursor.entry(kind, version)?);
    }
    if cursor.rest.is_empty() {
        Ok(Store {
            kind,
            version,
            entries,
        })
    } else {
        Err(malformed("bytes follow the last entry"))
    }
}

struct Cursor<'a> {
    rest: &'a [u8],
    parts: u32,
}

impl<'a> Cursor<'a> {
    fn entry(&mut self, kind: Kind, version: u32) -> Result<StoreEntry<'a>> {
        self.part()?;
        let before = self.rest;
        let tag = self.number()?;
        let alias = self.text()?;
        self.take(8)?;
        let mut chain = Vec::new();
        let key = match tag {
            KEY => {
                let key = self.counted()?;
                for _ in 0..self.number()? {
                    chain.extend(self.certificate(version)?);
                }
                Some(key)
            }
            CERTIFICATE => {
                chain.extend(self.certificate(version)?);
                None
            }
            SECRET if kind == Kind::Jceks => {
                let (_, rest) = serialized::split(self.rest).ok_or_else(|| {
                    malformed("a secret key in it is cut off or of no known shape")
                })?;
                self.rest = rest;
                None
            }
            other => return Err(malformed(&format!("an entry has the tag {other}"))),
        };
        let length = before.len() - self.rest.len();
        Ok(StoreEntry {
            alias,
            key,
            is_secret: tag == SECRET,
            chain,
            whole: before.get(..length).unwrap_or_default(),
        })
    }

    /// `None` for a certificate of another kind than X.509, which Java's factory also finds under a name without the dot.
    fn certificate(&mut self, version: u32) -> Result<Option<&'a [u8]>> {
        self.part()?;
        let kind = match version {
            1 => X509.to_owned(),
            _ => self.text()?,
        };
        let is_x509 = kind.replacen('.', "", 1).eq_ignore_ascii_case("X509");
        let der = self.counted()?;
        Ok(is_x509.then_some(der))
    }

    fn part(&mut self) -> Result<()> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the store has more than {MOST_PARTS} entries and certificates"),
            )
            .with_hint("put the key into a store of its own: keytool -importkeystore -srcalias"));
        }
        Ok(())
    }

    fn text(&mut self) -> Result<String> {
        let length = self
            .take(2)?
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        modified_utf8::decode(self.take(length)?)
            .ok_or_else(|| malformed("a name is not Java's UTF-8"))
    }

    fn counted(&mut self) -> Result<&'a [u8]> {
        let length = self.number()?;
        self.take(length as usize)
    }

    fn number(&mut self) -> Result<u32> {
        let bytes = self.take(4)?;
        Ok(bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| malformed("it is cut off, or a length in it is wrong"))?;
        self.rest = rest;
        Ok(taken)
    }
}

fn malformed(why: &str) -> Error {
    Error::new(ErrorKind::Malformed, "the Java key store is damaged")
        .with_source(why.to_owned())
        .with_hint("take the file from its source again; a download as text breaks it")
}
