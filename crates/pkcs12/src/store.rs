//! A PKCS#12 file as a key store: keys by their aliases, and the certificates beside them.

use keybearer_core::{EntryKind, Error, ErrorKind, PublicKey, Result, Secret};
use keybearer_soft::{PrivateKey, work::WorkBudget};

use crate::{
    attributes::Attributes,
    bags::{Bags, Content, Shrouded},
    pfx::Pfx,
    pool::Pool,
};

/// The entries of a file.
pub(crate) struct Store {
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) certificates: Pool,
    /// What is said of each certificate of the pool.
    pub(crate) remarks: Vec<Attributes>,
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
        PrivateKey::from_pkcs8_der_beside(der.expose(), self.certificates.all())
    }

    /// The places of a key's certificates, leaf first: of several for the key, the one that is tied to it.
    pub(crate) fn chain(&self, entry: &StoredKey, key: &PublicKey) -> Vec<usize> {
        let leaf = self
            .certificates
            .leaf(key, |place| self.is_tied(place, entry));
        leaf.map_or_else(Vec::new, |leaf| self.certificates.chain(leaf))
    }

    /// The place of the certificate that is tied to a key, whether or not it fits.
    pub(crate) fn tied(&self, key: &StoredKey) -> Option<usize> {
        (0..self.remarks.len()).find(|place| self.is_tied(*place, key))
    }

    /// The aliases of what is no key; all that have none are told in a word.
    pub(crate) fn other_names(&self) -> Vec<&str> {
        let certificates = self.remarks.iter().map(|remark| remark.name.as_deref());
        let others = self.others.iter().map(|other| other.name.as_deref());
        let all: Vec<_> = certificates.chain(others).collect();
        let unnamed = all.contains(&None).then_some("(without a name)");
        all.into_iter().flatten().chain(unnamed).collect()
    }

    fn is_tied(&self, place: usize, key: &StoredKey) -> bool {
        let id = self
            .remarks
            .get(place)
            .and_then(|remark| remark.local_key_id.as_ref());
        id.is_some() && id == key.local_key_id.as_ref()
    }

    fn of(bags: Bags, password: Option<Secret>, verified: bool) -> Self {
        let (mut keys, mut others) = (Vec::new(), Vec::new());
        let (mut certificates, mut remarks) = (Vec::new(), Vec::new());
        let mut unnamed = 0;
        for bag in bags.bags {
            let protection = match bag.content {
                Content::Key(der) => Protection::None(der),
                Content::Shrouded(shrouded) => Protection::Shrouded(shrouded),
                Content::Certificate(certificate) => {
                    certificates.push(certificate);
                    remarks.push(bag.attributes);
                    continue;
                }
                Content::Secret => {
                    others.push(Other::new(bag.attributes, EntryKind::Secret, None));
                    continue;
                }
                Content::Other(what) => {
                    let note = format!("{what}: passed over");
                    let kind = EntryKind::Certificate;
                    others.push(Other::new(bag.attributes, kind, Some(note)));
                    continue;
                }
            };
            let name = bag.attributes.name;
            let is_named = name.is_some();
            unnamed += usize::from(!is_named);
            keys.push(StoredKey {
                alias: name.unwrap_or_else(|| unnamed.to_string()),
                is_named,
                local_key_id: bag.attributes.local_key_id,
                protection,
            });
        }
        Self {
            keys,
            certificates: Pool::new(certificates),
            remarks,
            others,
            locked: bags.locked > 0,
            password,
            verified,
        }
    }
}

impl Other {
    fn new(attributes: Attributes, kind: EntryKind, note: Option<String>) -> Self {
        Self {
            name: attributes.name,
            kind,
            note,
        }
    }
}

fn no_password() -> Error {
    Error::new(
        ErrorKind::BadSecret,
        "the store has a password and none is given",
    )
    .with_hint("give password-source=env:NAME, file:PATH, fd:N or prompt:")
}
