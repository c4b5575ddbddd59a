//! What opens the keys of one scheme.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{Certificate, Error, ErrorKind, KeyFile, KeyType, KeyUri, OpenContext, Result, Signer};

/// Opens the key URIs of one scheme.
///
/// A [`Registry`](crate::Registry) checks the attributes of a URI before it hands it over, so a provider sees only those
/// that it names and the common ones ([`COMMON_ATTRIBUTES`](crate::COMMON_ATTRIBUTES)), which the registry applies.
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// The scheme, in lower case.
    fn scheme(&self) -> &'static str;

    /// The attributes that its URIs take, without the common ones.
    fn attributes(&self) -> &[Attribute];

    /// Opens a key.
    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>>;

    /// What a store holds, in its order, as far as it can be told without the password of a key.
    async fn entries(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Entries> {
        let _ = cx;
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("{}: cannot list what it holds", self.scheme()),
        )
        .with_key(uri))
    }

    /// What makes new keys here, where that can be done.
    fn key_maker(&self) -> Option<&dyn KeyMaker> {
        None
    }

    /// What moves keys in and out, where they are bytes in a file.
    fn key_file(&self) -> Option<&dyn KeyFile> {
        None
    }
}

/// An attribute of a key URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The name as it is written.
    pub name: &'static str,
    /// One line for people.
    pub help: &'static str,
}

impl Attribute {
    /// An attribute of this name, told in one line.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help }
    }
}

/// What a store holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entries {
    /// The format of the store, as its own documentation writes it: `JKS`, `PKCS#12`, `PEM`, `PKCS#11`.
    pub format: String,
    /// The entries, in the order of the store.
    pub entries: Vec<Entry>,
}

impl Entries {
    /// The entries of a store of this format.
    pub fn new(format: impl Into<String>, entries: Vec<Entry>) -> Self {
        Self {
            format: format.into(),
            entries,
        }
    }
}

/// One entry of a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The name under which it is asked for; `None` where it has none.
    pub alias: Option<String>,
    /// What it is.
    pub kind: EntryKind,
    /// The type of its key, where that can be told: `RSA`, `EC`, `OKP`, `DSA`, `AES`.
    pub key_type: Option<String>,
    /// The size of its key in bits, where that can be told.
    pub bits: Option<usize>,
    /// Its certificates, leaf first.
    pub certificates: Vec<Certificate>,
    /// Why it cannot be used, or what is odd about it.
    pub note: Option<String>,
}

impl Entry {
    /// An entry of which nothing more is known.
    pub fn new(alias: Option<String>, kind: EntryKind) -> Self {
        Self {
            alias,
            kind,
            key_type: None,
            bits: None,
            certificates: Vec::new(),
            note: None,
        }
    }

    /// This entry with the type and size of its key.
    #[must_use]
    pub fn with_key_type(mut self, key_type: KeyType) -> Self {
        self.key_type = Some(key_type.name().into());
        self.bits = Some(key_type.bits());
        self
    }
}

/// What an [`Entry`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A private key, with or without certificates.
    Key,
    /// A certificate alone.
    Certificate,
    /// A symmetric key.
    Secret,
}

impl EntryKind {
    /// The name as machines read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Certificate => "certificate",
            Self::Secret => "secret",
        }
    }
}

/// Makes key pairs where a provider keeps keys. Beside [`Provider`], never in [`Signer`]: most roles that sign may not
/// do this.
#[async_trait]
pub trait KeyMaker: fmt::Debug + Send + Sync {
    /// Makes a key pair under this URI, has it certified, and stores both: whole or not at all.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a type of key that is not made here, and where something has the name already
    /// and [`KeySpec::overwrite`] is not set.
    async fn make(
        &self,
        uri: &KeyUri,
        spec: &KeySpec,
        certify: &dyn Certify,
        cx: &OpenContext,
    ) -> Result<Arc<dyn Signer>>;
}

/// The key that a [`KeyMaker`] is to make.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeySpec {
    /// Its type and size.
    pub key_type: KeyType,
    /// Whether it may take the place of what has its name.
    pub overwrite: bool,
}

impl KeySpec {
    /// A key of this type, in place of nothing.
    pub fn new(key_type: KeyType) -> Self {
        Self {
            key_type,
            overwrite: false,
        }
    }
}

/// Issues the certificate of a new key, leaf first: a store of Java's holds no key without one.
#[async_trait]
pub trait Certify: Send + Sync {
    /// Certificates for the key, leaf first.
    async fn certify(&self, key: Arc<dyn Signer>) -> Result<Vec<Certificate>>;
}
