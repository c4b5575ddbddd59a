//! Writing a store.

use std::time::{SystemTime, UNIX_EPOCH};

use keybearer_core::{Certificate, Error, ErrorKind, Result, Secret};
use keybearer_soft::PrivateKey;

use crate::{
    modified_utf8, protection,
    reader::{self, CERTIFICATE, KEY, Kind, MAGIC, X509},
};

/// A JKS store that is being written: a new one, or one that was read and gets more entries.
///
/// Entries that are not touched keep their bytes, dates included. Aliases are written in lower case, as Java's own writer
/// does: it finds no others.
///
/// ```
/// use keybearer_core::{Certificate, Result, Secret};
/// use keybearer_jks::StoreWriter;
/// use keybearer_soft::PrivateKey;
///
/// fn store(key: &PrivateKey, chain: &[Certificate], password: &Secret) -> Result<Vec<u8>> {
///     let mut store = StoreWriter::new();
///     store.key("jobcert", key, password, chain)?;
///     store.finish(password)
/// }
/// ```
#[derive(Debug)]
pub struct StoreWriter {
    version: u32,
    entries: Vec<(String, Vec<u8>)>,
}

/// Java's tools take no shorter password, in UTF-16 units, for what they write.
const SHORTEST_PASSWORD: usize = 6;

impl StoreWriter {
    /// A store without entries.
    pub fn new() -> Self {
        Self {
            version: 2,
            entries: Vec::new(),
        }
    }

    /// A store as it is, to be written again.
    ///
    /// # Errors
    /// [`ErrorKind::BadSecret`] where the digest does not fit the password, [`ErrorKind::Malformed`] for what is no JKS,
    /// [`ErrorKind::Unsupported`] for JCEKS.
    pub fn read(bytes: &[u8], password: &Secret) -> Result<Self> {
        let store = reader::read(bytes, Some(password))?;
        if store.kind != Kind::Jks {
            return Err(refused("nothing is written into JCEKS stores here").with_hint(
                "make a JKS of it: keytool -importkeystore -srcstoretype JCEKS -srckeystore FILE -deststoretype JKS -destkeystore NEW.jks",
            ));
        }
        let entries = store.entries.into_iter();
        Ok(Self {
            version: store.version,
            entries: entries
                .map(|entry| (entry.alias, entry.whole.to_vec()))
                .collect(),
        })
    }

    /// The alias of the entry that is found under this one, as it is written: exactly the same first, then without regard
    /// to case.
    pub fn find(&self, alias: &str) -> Option<&str> {
        self.position(alias)
            .and_then(|at| self.entries.get(at))
            .map(|(alias, _)| alias.as_str())
    }

    /// Puts a key in, protected by this password, in place of any entry with its alias.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] without a certificate, which Java's stores do not allow, for a certificate of another
    /// key, and for an alias that is empty or too long; [`ErrorKind::BadSecret`] for a password under 6 characters.
    pub fn key(
        &mut self,
        alias: &str,
        key: &PrivateKey,
        password: &Secret,
        chain: &[Certificate],
    ) -> Result<()> {
        let leaf = chain.first().ok_or_else(|| {
            refused("a Java key store holds no key without a certificate")
                .with_hint("make one: keybearer cert new --key URI --subject CN=...")
        })?;
        if leaf.public_key()? != *key.public_key() {
            return Err(refused("the certificate belongs to another key")
                .with_hint("the first certificate is the key's own, its issuers follow"));
        }
        check_password(password, "password of the key")?;
        let protected = protection::protect(&key.to_pkcs8_der(), password)?;
        let mut entry = self.begin(KEY, alias)?;
        counted(&mut entry, &protected)?;
        number(&mut entry, chain.len())?;
        for certificate in chain {
            self.certificate_bytes(&mut entry, certificate)?;
        }
        self.put(alias, entry);
        Ok(())
    }

    /// Puts a trusted certificate in, in place of any entry with its alias.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for an alias that is empty or too long.
    pub fn certificate(&mut self, alias: &str, certificate: &Certificate) -> Result<()> {
        let mut entry = self.begin(CERTIFICATE, alias)?;
        self.certificate_bytes(&mut entry, certificate)?;
        self.put(alias, entry);
        Ok(())
    }

    /// The bytes of the store, its digest under this password at the end.
    ///
    /// # Errors
    /// [`ErrorKind::BadSecret`] for a password that is not UTF-8.
    pub fn finish(&self, password: &Secret) -> Result<Vec<u8>> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.version.to_be_bytes());
        number(&mut bytes, self.entries.len())?;
        for (_, entry) in &self.entries {
            bytes.extend(entry);
        }
        bytes.extend(reader::digest(&bytes, password)?);
        Ok(bytes)
    }

    fn position(&self, alias: &str) -> Option<usize> {
        let exact = self.entries.iter().position(|(known, _)| known == alias);
        let lower = alias.to_lowercase();
        exact.or_else(|| {
            self.entries
                .iter()
                .position(|(known, _)| known.to_lowercase() == lower)
        })
    }

    fn begin(&self, tag: u32, alias: &str) -> Result<Vec<u8>> {
        if alias.is_empty() {
            return Err(refused("an entry has no alias").with_hint("name it: alias=NAME"));
        }
        let mut entry = tag.to_be_bytes().to_vec();
        text(&mut entry, &alias.to_lowercase())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let milliseconds = now.map_or(0, |since| since.as_millis());
        entry.extend(
            u64::try_from(milliseconds)
                .unwrap_or_default()
                .to_be_bytes(),
        );
        Ok(entry)
    }

    fn certificate_bytes(&self, entry: &mut Vec<u8>, certificate: &Certificate) -> Result<()> {
        // Version 1 knew no other kind and does not name it.
        if self.version > 1 {
            text(entry, X509)?;
        }
        counted(entry, certificate.as_der())
    }

    fn put(&mut self, alias: &str, entry: Vec<u8>) {
        let alias = alias.to_lowercase();
        let found = self.position(&alias);
        match found.and_then(|at| self.entries.get_mut(at)) {
            Some(known) => *known = (alias, entry),
            None => self.entries.push((alias, entry)),
        }
    }
}

impl Default for StoreWriter {
    fn default() -> Self {
        Self::new()
    }
}

/// Refuses a password that is being chosen and that Java's tools would not take.
///
/// # Errors
/// [`ErrorKind::BadSecret`].
pub(crate) fn check_password(password: &Secret, what: &str) -> Result<()> {
    let long_enough = password
        .expose_str()
        .is_some_and(|text| text.encode_utf16().count() >= SHORTEST_PASSWORD);
    if long_enough {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BadSecret,
        format!("the {what} has fewer than {SHORTEST_PASSWORD} characters"),
    )
    .with_hint("choose a longer one: Java's tools refuse such a password"))
}

fn text(bytes: &mut Vec<u8>, text: &str) -> Result<()> {
    let encoded = modified_utf8::encode(text);
    let length = u16::try_from(encoded.len()).map_err(|_| {
        refused("an alias has more than 65,535 bytes").with_hint("choose a shorter one")
    })?;
    bytes.extend(length.to_be_bytes());
    bytes.extend(encoded);
    Ok(())
}

fn counted(bytes: &mut Vec<u8>, part: &[u8]) -> Result<()> {
    number(bytes, part.len())?;
    bytes.extend(part);
    Ok(())
}

fn number(bytes: &mut Vec<u8>, number: usize) -> Result<()> {
    let number = u32::try_from(number).map_err(|_| refused("the store would be too large"))?;
    bytes.extend(number.to_be_bytes());
    Ok(())
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, why)
}
