//! A PKCS#12 file as a key store: keys by their aliases, and the certificates beside them.

use keybearer_core::{Certificate, EntryKind, Error, ErrorKind, Result, Secret};
use keybearer_soft::{PrivateKey, work::WorkBudget};

use crate::{
    bags::{Bags, Content, Shrouded},
    pfx::Pfx,
};

/// The entries of a file.
pub(crate) struct Store {
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) certificates: Vec<StoredCertificate>,
    pub(crate) others: Vec<Other>,
    /// Whether parts stayed closed, since no password is known.
    pub(crate) locked: bool,
    /// What opens the keys, where it is known.
    password: Option<Secret>,
    /// Whether the MAC vouches for the password.
    verified: bool,
}

pub(crate) struct StoredKey {
    /// The friendly name. Keys without one are numbered, as Java does it: `1`, `2`, …
    pub(crate) alias: String,
    pub(crate) is_named: bool,
    local_key_id: Option<Vec<u8>>,
    protection: Protection,
}

enum Protection {
    None(Secret),
    Shrouded(Shrouded),
}

pub(crate) struct StoredCertificate {
    pub(crate) name: Option<String>,
    local_key_id: Option<Vec<u8>>,
    pub(crate) certificate: Certificate,
}

/// What is neither a key pair nor a certificate.
pub(crate) struct Other {
    pub(crate) name: Option<String>,
    pub(crate) kind: EntryKind,
    pub(crate) note: Option<String>,
}

impl Store {
    /// Checks the MAC, then reads all entries. Where no password is given the empty one is tried, in both its forms.
    ///
    /// # Errors
    /// As [`Pfx::verify`] and [`Bags::read`]; [`ErrorKind::BadSecret`] too where a password is needed and none is given.
    pub(crate) fn open(
        pfx: &Pfx<'_>,
        password: Option<&Secret>,
        budget: &mut WorkBudget,
    ) -> Result<Self> {
        let empty = Secret::from("");
        let tried = password.unwrap_or(&empty);
        let read = pfx
            .verify(tried, budget)
            .and_then(|()| Bags::read(&pfx.content, Some(tried), budget))
            .map_err(|error| match (error.kind(), password) {
                (ErrorKind::BadSecret, None) => no_password(),
                _ => error,
            });
        Ok(Self::of(read?, Some(tried.clone()), pfx.has_mac()))
    }

    /// Reads what can be read without a password, unchecked.
    ///
    /// # Errors
    /// As [`Bags::read`].
    pub(crate) fn glance(pfx: &Pfx<'_>, budget: &mut WorkBudget) -> Result<Self> {
        let bags = Bags::read(&pfx.content, None, budget)?;
        Ok(Self::of(bags, None, false))
    }

    /// Whether a password is needed for anything.
    pub(crate) fn is_encrypted(&self) -> bool {
        let is_shrouded = |key: &StoredKey| matches!(key.protection, Protection::Shrouded(_));
        self.locked || self.keys.iter().any(is_shrouded)
    }

    /// Whether the password is known.
    pub(crate) fn is_open(&self) -> bool {
        self.password.is_some()
    }

    /// The PKCS#8 key in DER.
    ///
    /// # Errors
    /// [`ErrorKind::BadSecret`] and the others of [`Shrouded::open`].
    pub(crate) fn pkcs8(&self, key: &StoredKey, budget: &mut WorkBudget) -> Result<Secret> {
        let shrouded = match &key.protection {
            Protection::None(der) => return Ok(der.clone()),
            Protection::Shrouded(shrouded) => shrouded,
        };
        let password = self.password.as_ref().ok_or_else(no_password)?;
        shrouded.open(password, budget).map_err(|error| {
            if self.verified && error.kind() == ErrorKind::BadSecret {
                Error::new(
                    ErrorKind::BadSecret,
                    "the key is encrypted with another password than the store",
                )
                .with_hint("give all the same: keytool -importkeystore -srckeystore FILE -srcalias ALIAS -srckeypass KEYPASS -deststoretype PKCS12 -destkeystore NEW.p12")
            } else {
                error
            }
        })
    }

    /// The key, ready to sign.
    ///
    /// # Errors
    /// As [`pkcs8`](Self::pkcs8) and [`PrivateKey::from_pkcs8_der_beside`].
    pub(crate) fn private_key(
        &self,
        key: &StoredKey,
        budget: &mut WorkBudget,
    ) -> Result<PrivateKey> {
        let der = self.pkcs8(key, budget)?;
        PrivateKey::from_pkcs8_der_beside(der.expose(), &self.pool(key))
    }

    /// All certificates, with those first that are tied to the key.
    pub(crate) fn pool(&self, key: &StoredKey) -> Vec<Certificate> {
        let (tied, others): (Vec<_>, Vec<_>) = self
            .certificates
            .iter()
            .partition(|certificate| certificate.is_tied_to(key));
        tied.into_iter()
            .chain(others)
            .map(|stored| stored.certificate.clone())
            .collect()
    }

    /// The certificate that is tied to the key, whether or not it fits.
    pub(crate) fn tied(&self, key: &StoredKey) -> Option<&Certificate> {
        self.certificates
            .iter()
            .find(|certificate| certificate.is_tied_to(key))
            .map(|stored| &stored.certificate)
    }

    /// The aliases of what is no key.
    pub(crate) fn other_names(&self) -> Vec<&str> {
        let certificates = self.certificates.iter().map(|stored| &stored.name);
        let others = self.others.iter().map(|other| &other.name);
        certificates
            .chain(others)
            .map(|name| name.as_deref().unwrap_or("(without a name)"))
            .collect()
    }

    fn of(bags: Bags, password: Option<Secret>, verified: bool) -> Self {
        let mut store = Self {
            keys: Vec::new(),
            certificates: Vec::new(),
            others: Vec::new(),
            locked: bags.locked > 0,
            password,
            verified,
        };
        let mut unnamed = 0;
        for bag in bags.bags {
            let (name, local_key_id) = (bag.attributes.name, bag.attributes.local_key_id);
            let protection = match bag.content {
                Content::Key(der) => Protection::None(der),
                Content::Shrouded(shrouded) => Protection::Shrouded(shrouded),
                Content::Certificate(certificate) => {
                    store.certificates.push(StoredCertificate {
                        name,
                        local_key_id,
                        certificate,
                    });
                    continue;
                }
                Content::Secret => {
                    store.others.push(Other::new(name, EntryKind::Secret, None));
                    continue;
                }
                Content::Other(what) => {
                    let note = format!("{what}: passed over");
                    let other = Other::new(name, EntryKind::Certificate, Some(note));
                    store.others.push(other);
                    continue;
                }
            };
            let is_named = name.is_some();
            unnamed += usize::from(!is_named);
            store.keys.push(StoredKey {
                alias: name.unwrap_or_else(|| unnamed.to_string()),
                is_named,
                local_key_id,
                protection,
            });
        }
        store
    }
}

impl StoredCertificate {
    fn is_tied_to(&self, key: &StoredKey) -> bool {
        self.local_key_id.is_some() && self.local_key_id == key.local_key_id
    }
}

impl Other {
    fn new(name: Option<String>, kind: EntryKind, note: Option<String>) -> Self {
        Self { name, kind, note }
    }
}

fn no_password() -> Error {
    Error::new(
        ErrorKind::BadSecret,
        "the store has a password and none is given",
    )
    .with_hint("give password-source=env:NAME, file:PATH, fd:N or prompt:")
}
