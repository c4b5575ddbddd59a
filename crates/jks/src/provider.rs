//! `jks:`.

use std::sync::Arc;

use keybearer_core::{
    Attribute, Entries, Entry, EntryKind, Error, ErrorKind, KeyFile, KeyMaker, KeyUri, OpenContext,
    Provider, Result, Signer, async_trait,
};
use keybearer_soft::{
    FoundKey, PrivateKey, alias, attributes, describe_certificate, file, offload, work::WorkBudget,
};

use crate::{
    protection,
    reader::{self, Store, StoreEntry},
};

/// Opens `jks:` keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jks;

const ATTRIBUTES: &[Attribute] = &[
    attributes::ALIAS,
    attributes::STORE_PASSWORD_SOURCE,
    attributes::STORE_PASSWORD_VALUE,
    Attribute::new(
        "key-password-source",
        "where the key's own password is, if it is not the store's",
    ),
    Attribute::new(
        "key-password-value",
        "the key's own password itself (better: key-password-source)",
    ),
    attributes::SPKI_SHA256,
];

#[async_trait]
impl Provider for Jks {
    fn scheme(&self) -> &'static str {
        "jks"
    }

    fn attributes(&self) -> &[Attribute] {
        ATTRIBUTES
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let opened = unlock(uri, cx).await.and_then(|found| found.signer());
        match opened {
            Ok(signer) => Ok(Arc::new(signer)),
            Err(error) => Err(error.with_key(uri)),
        }
    }

    async fn entries(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Entries> {
        let bytes = file::read(uri, cx).await?;
        let password = uri
            .secret("password", "store password", cx.env.as_ref())
            .await?;
        let told = || {
            let store = reader::read(bytes.expose(), password.as_ref())?;
            let entries = store.entries.into_iter();
            let told = entries.map(|entry| told(entry, password.is_some()));
            Ok(Entries::new(
                store.kind.name(),
                told.collect::<Result<_>>()?,
            ))
        };
        told().map_err(|error: Error| error.with_key(uri))
    }

    fn key_maker(&self) -> Option<&dyn KeyMaker> {
        Some(self)
    }

    fn key_file(&self) -> Option<&dyn KeyFile> {
        Some(self)
    }
}

/// The key that the URI means.
pub(crate) async fn unlock(uri: &KeyUri, cx: &OpenContext) -> Result<FoundKey> {
    let bytes = file::read(uri, cx).await?;
    let env = cx.env.as_ref();
    // What is no store at all is told before anybody is asked for a password.
    reader::read(bytes.expose(), None)?;
    let store_password = uri
        .secret("password", "store password", env)
        .await?
        .ok_or_else(|| {
            Error::new(ErrorKind::BadSecret, "no store password is given")
                .with_hint("give password-source=env:NAME, file:PATH, fd:N or prompt:")
        })?;
    let store = reader::read(bytes.expose(), Some(&store_password))?;
    let (entry, protected) = choose(store, uri.attribute("alias"))?;
    let own = uri
        .secret("key-password", "password of the key", env)
        .await?;
    let hint = own.as_ref().map_or(
        "the key has a password of its own: give key-password-source",
        |_| "check what key-password-source names; it is not the store's password",
    );
    let pool = entry.certificates()?;
    let uri = uri.clone().with_attribute("alias", &entry.alias);
    let alias = Some(entry.alias);
    let (protected, password, work) = (protected.to_vec(), own.unwrap_or(store_password), cx.work);
    // The key derivation of a JCEKS store takes up to seconds.
    offload(move || {
        let der = protection::recover(&protected, &password, &mut WorkBudget::new(work)).map_err(
            |error| match error.kind() {
                ErrorKind::BadSecret => error.with_hint(hint),
                _ => error,
            },
        )?;
        let key = PrivateKey::from_pkcs8_der_beside(der.expose(), &pool)?;
        Ok(FoundKey {
            uri,
            alias,
            key,
            pool,
        })
    })
    .await
}

/// The one entry with a private key that is meant, and the protected key.
fn choose<'a>(store: Store<'a>, alias: Option<&str>) -> Result<(StoreEntry<'a>, &'a [u8])> {
    let (mut keys, mut others) = (Vec::new(), Vec::new());
    for entry in store.entries {
        match entry.key {
            Some(key) => keys.push((entry.alias.clone(), (entry, key))),
            None => others.push(entry.alias),
        }
    }
    let others: Vec<_> = others.iter().map(String::as_str).collect();
    alias::only(alias::find(keys, &others, alias)?).map(|(_, found)| found)
}

fn told(entry: StoreEntry<'_>, checked: bool) -> Result<Entry> {
    let kind = match entry.key {
        Some(_) => EntryKind::Key,
        None if entry.is_secret => EntryKind::Secret,
        None => EntryKind::Certificate,
    };
    let certificates = entry.certificates()?;
    let mut told = Entry::new(Some(entry.alias), kind);
    let mut notes = Vec::new();
    if let Some(leaf) = certificates.first() {
        let described = describe_certificate(leaf);
        told.key_type = Some(described.key_type).filter(|name| !name.is_empty());
        told.bits = described.bits;
        notes.extend(described.unusable.filter(|_| kind == EntryKind::Key));
    }
    if !checked {
        notes.push("not checked: no password was given".to_owned());
    }
    told.certificates = certificates;
    told.note = Some(notes.join("; ")).filter(|note| !note.is_empty());
    Ok(told)
}
