//! Writing a store.

use std::collections::HashSet;

use keybearer_core::{Certificate, Error, ErrorKind, Result, Secret, WorkLimit};
use keybearer_soft::{PrivateKey, random, work::WorkBudget};

use crate::{
    attributes::Attributes,
    bags::{Bag, Bags, Content, Encoding},
    encoding,
    pfx::{LARGEST_FILE, Pfx},
    pool::Pool,
    protection::Protection,
};

/// A PKCS#12 store that is being written: a new one, or one that was read and gets more entries.
///
/// Keys and names keep their case. A key has its certificates beside it, the first tied to it by a `localKeyId`, its issuers
/// once in the store. One password protects everything.
///
/// ```
/// use keybearer_core::{Certificate, Result, Secret};
/// use keybearer_pkcs12::{Protection, StoreWriter};
/// use keybearer_soft::PrivateKey;
///
/// fn store(key: &PrivateKey, chain: &[Certificate], password: &Secret) -> Result<Vec<u8>> {
///     let mut store = StoreWriter::new(password, Protection::Modern)?;
///     store.key(Some("jobcert"), key, chain)?;
///     store.finish()
/// }
/// ```
#[derive(Debug)]
pub struct StoreWriter {
    password: Secret,
    protection: Protection,
    parts: Vec<Part>,
}

/// A bag, and what is known of it.
struct Part {
    attributes: Attributes,
    kind: Kind,
    encoding: Encoding,
}

enum Kind {
    /// A private key under this alias.
    Key(String),
    Certificate(Certificate),
    Other,
}

/// Java marks the certificates that it trusts by this attribute (2.16.840.1.113894.746875.1.1).
const TRUSTED: &[u8] = b"\x60\x86\x48\x01\x86\xf9\x66\xad\xca\x7b\x01\x01";

impl StoreWriter {
    /// A store without entries.
    ///
    /// # Errors
    /// [`ErrorKind::BadSecret`] for a password that is empty or no UTF-8: programs do not agree on those.
    pub fn new(password: &Secret, protection: Protection) -> Result<Self> {
        if password.is_empty() || password.expose_str().is_none() {
            let why = match password.is_empty() {
                true => "the password of the new store is empty",
                false => "the password of the new store is not UTF-8",
            };
            return Err(Error::new(ErrorKind::BadSecret, why)
                .with_hint("choose another one: programs do not agree on such passwords"));
        }
        Ok(Self {
            password: password.clone(),
            protection,
            parts: Vec::new(),
        })
    }

    /// A store as it is, to be written again. Its keys stay encrypted as they are; what is encrypted together, and the
    /// MAC, are made anew.
    ///
    /// # Errors
    /// [`ErrorKind::BadSecret`] where the MAC does not match, [`ErrorKind::Malformed`] for what is no PKCS#12 store,
    /// [`ErrorKind::Unsupported`] for one without a MAC, and for more work than `work` allows.
    pub fn read(
        bytes: &[u8],
        password: &Secret,
        protection: Protection,
        work: WorkLimit,
    ) -> Result<Self> {
        let pfx = Pfx::read(bytes)?;
        if !pfx.has_mac() {
            return Err(refused(
                "the store has no MAC: nothing vouches for what it holds",
                "copy its key into a new store: keybearer key copy FROM TO",
            ));
        }
        let mut budget = WorkBudget::new(work);
        pfx.verify(password, &mut budget)?;
        let bags = Bags::read_keeping(&pfx.content, password, &mut budget)?;
        let mut unnamed = 0;
        let parts = bags.bags.into_iter();
        Ok(Self {
            password: password.clone(),
            protection,
            parts: parts
                .filter_map(|bag| Part::of(bag, &mut unnamed))
                .collect(),
        })
    }

    /// The name of the entry that is found under this alias: exactly the same first, then without regard to case.
    /// Keys without a name are counted, as in Java: `1`, `2`, …
    pub fn find(&self, alias: &str) -> Option<&str> {
        let lower = alias.to_lowercase();
        let names = || self.parts.iter().filter_map(Part::name);
        names()
            .find(|name| *name == alias)
            .or_else(|| names().find(|name| name.to_lowercase() == lower))
    }

    /// Whether it has a private key already.
    pub fn has_keys(&self) -> bool {
        let mut kinds = self.parts.iter().map(|part| &part.kind);
        kinds.any(|kind| matches!(kind, Kind::Key(_)))
    }

    /// Puts a key in, in place of any entry that [`find`](Self::find) finds under its alias, whose certificates go with
    /// it. `chain` is leaf first, and may be empty. Takes as long as a key derivation does.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a certificate of another key and for an empty alias.
    pub fn key(
        &mut self,
        alias: Option<&str>,
        key: &PrivateKey,
        chain: &[Certificate],
    ) -> Result<()> {
        if alias == Some("") {
            return Err(refused("an entry has no alias", "name it: alias=NAME"));
        }
        if let Some(leaf) = chain.first()
            && leaf.public_key()? != *key.public_key()
        {
            return Err(refused(
                "the certificate belongs to another key",
                "the first certificate is the key's own, its issuers follow",
            ));
        }
        let attributes = Attributes {
            name: alias.map(str::to_owned),
            // Any octets that nothing else in the store has.
            local_key_id: Some(random::<20>()?.to_vec()),
            trusted: false,
        };
        let (pkcs8, password) = (key.to_pkcs8_der(), &self.password);
        let bag = encoding::shrouded_key_bag(&pkcs8, password, self.protection, &attributes)?;
        if let Some(alias) = alias {
            self.remove(alias);
        }
        self.parts.push(Part {
            kind: Kind::Key(alias.unwrap_or_default().to_owned()),
            attributes: attributes.clone(),
            encoding: Encoding {
                der: bag,
                is_sealed: false,
            },
        });
        if let Some((leaf, issuers)) = chain.split_first() {
            self.certificate(leaf, attributes);
            for issuer in issuers {
                let is_there = self
                    .parts
                    .iter()
                    .any(|part| part.certificate() == Some(issuer));
                if !is_there {
                    self.certificate(issuer, Attributes::default());
                }
            }
        }
        Ok(())
    }

    /// The bytes of the store. Takes as long as two key derivations do.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where it has more bytes than are read here again.
    pub fn finish(&self) -> Result<Vec<u8>> {
        let lying = |sealed| {
            let parts = self.parts.iter();
            let parts = parts.filter(move |part| part.encoding.is_sealed == sealed);
            parts.map(|part| &part.encoding.der)
        };
        let mut safes = Vec::new();
        if lying(true).next().is_some() {
            safes.push(encoding::encrypted_safe(
                lying(true),
                &self.password,
                self.protection,
            )?);
        }
        safes.push(encoding::data_safe(lying(false)));
        let bytes = encoding::pfx(&safes, &self.password, self.protection)?;
        if bytes.len() > LARGEST_FILE {
            return Err(refused(
                "the store would have more than 8 MiB",
                "put the key into a store of its own",
            ));
        }
        Ok(bytes)
    }

    fn certificate(&mut self, certificate: &Certificate, attributes: Attributes) {
        let der = encoding::certificate_bag(certificate, &attributes);
        self.parts.push(Part {
            kind: Kind::Certificate(certificate.clone()),
            attributes,
            encoding: Encoding {
                der,
                is_sealed: true,
            },
        });
    }

    /// Takes an entry out, with the certificates that no other key needs.
    fn remove(&mut self, alias: &str) {
        let Some(name) = self.find(alias).map(str::to_owned) else {
            return;
        };
        let mut kept = Vec::new();
        let mut gone = HashSet::new();
        for part in std::mem::take(&mut self.parts) {
            if part.name() == Some(&name) {
                gone.extend(part.attributes.local_key_id);
            } else {
                kept.push(part);
            }
        }
        // Two keys may have one id.
        for part in &kept {
            if let (Kind::Key(_), Some(id)) = (&part.kind, &part.attributes.local_key_id) {
                gone.remove(id);
            }
        }
        let chains = Chains::of(&kept, &gone);
        let mut place = 0;
        kept.retain(|part| {
            if part.certificate().is_none() {
                return true;
            }
            place += 1;
            !chains.is_useless(place - 1, part)
        });
        self.parts = kept;
    }
}

impl Part {
    fn of(bag: Bag, unnamed: &mut usize) -> Option<Self> {
        let kind = match bag.content {
            Content::Key(_) | Content::Shrouded(_) => {
                let name = bag.attributes.name.clone();
                *unnamed += usize::from(name.is_none());
                Kind::Key(name.unwrap_or_else(|| unnamed.to_string()))
            }
            Content::Certificate(certificate) => Kind::Certificate(certificate),
            Content::Secret | Content::Other(_) => Kind::Other,
        };
        Some(Self {
            attributes: bag.attributes,
            kind,
            encoding: bag.encoding?,
        })
    }

    /// The alias, of what is an entry of its own: a key, or a certificate that is tied to none.
    fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Key(alias) => Some(alias).filter(|alias| !alias.is_empty()),
            _ if self.attributes.local_key_id.is_some() => None,
            _ => self.attributes.name.as_ref(),
        }
        .map(String::as_str)
    }

    fn certificate(&self) -> Option<&Certificate> {
        match &self.kind {
            Kind::Certificate(certificate) => Some(certificate),
            _ => None,
        }
    }

    fn is_trusted(&self) -> bool {
        let der = self.encoding.der.expose();
        der.windows(TRUSTED.len()).any(|window| window == TRUSTED)
    }
}

/// Which certificates, by their places among them, keys that go and keys that stay need.
struct Chains<'a> {
    gone: &'a HashSet<Vec<u8>>,
    leaving: HashSet<usize>,
    staying: HashSet<usize>,
    pool: Pool,
}

impl<'a> Chains<'a> {
    fn of(parts: &[Part], gone: &'a HashSet<Vec<u8>>) -> Self {
        let certificates = || parts.iter().filter(|part| part.certificate().is_some());
        let pool = Pool::new(
            certificates()
                .filter_map(Part::certificate)
                .cloned()
                .collect(),
        );
        let (mut leaving, mut staying) = (HashSet::new(), HashSet::new());
        for (place, part) in certificates().enumerate() {
            match &part.attributes.local_key_id {
                Some(id) if gone.contains(id) => leaving.extend(pool.chain(place)),
                Some(_) => staying.extend(pool.chain(place)),
                None => {}
            }
        }
        Self {
            gone,
            leaving,
            staying,
            pool,
        }
    }

    fn is_useless(&self, place: usize, part: &Part) -> bool {
        let id = part.attributes.local_key_id.as_ref();
        if let Some(id) = id {
            return self.gone.contains(id);
        }
        let first = self.pool.first(place);
        self.leaving.contains(&first) && !self.staying.contains(&first) && !part.is_trusted()
    }
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Part").field(&self.name()).finish()
    }
}

fn refused(why: &str, hint: &str) -> Error {
    Error::new(ErrorKind::Unsupported, why).with_hint(hint)
}
