//! `jks:`.

use std::sync::Arc;

use keybearer_core::{
    Attribute, Entries, Entry, EntryKind, Error, ErrorKind, KeyUri, OpenContext, Provider, Result,
    Signer, async_trait,
};
use keybearer_soft::{PrivateKey, SoftSigner, file};

use crate::{
    protection,
    reader::{self, Store, StoreEntry},
};

/// Opens `jks:` keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jks;

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new("alias", "the entry; needed where there are several keys"),
    Attribute::new(
        "password-source",
        "where the store password is: env:NAME, file:PATH, fd:N, prompt:",
    ),
    Attribute::new(
        "password-value",
        "the store password itself (better: password-source)",
    ),
    Attribute::new(
        "key-password-source",
        "where the key's own password is, if it is not the store's",
    ),
    Attribute::new(
        "key-password-value",
        "the key's own password itself (better: key-password-source)",
    ),
    Attribute::new(
        "spki-sha256",
        "SHA-256 of the public key (SPKI) that must be found, in hex",
    ),
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
        let opened = async {
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
            let (entry, protected) = choose(&store, uri.attribute("alias"))?;
            let password = uri
                .secret("key-password", "password of the key", env)
                .await?
                .unwrap_or(store_password);
            let der = protection::recover(protected, &password)?;
            let key = PrivateKey::from_pkcs8_der_beside(der.expose(), &entry.certificates)?;
            let uri = uri.clone().with_attribute("alias", &entry.alias);
            Ok::<_, Error>(
                Arc::new(SoftSigner::new(&uri, &key, &entry.certificates)?) as Arc<dyn Signer>
            )
        };
        opened.await.map_err(|error| error.with_key(uri))
    }

    async fn entries(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Entries> {
        let bytes = file::read(uri, cx).await?;
        let password = uri
            .secret("password", "store password", cx.env.as_ref())
            .await?;
        let store =
            reader::read(bytes.expose(), password.as_ref()).map_err(|error| error.with_key(uri))?;
        Ok(Entries::new(
            "JKS",
            store
                .entries
                .into_iter()
                .map(|entry| told(entry, password.is_some()))
                .collect(),
        ))
    }
}

/// An exact match first, then without case, as Java's.
fn choose<'a>(store: &'a Store, alias: Option<&str>) -> Result<(&'a StoreEntry, &'a [u8])> {
    let keys: Vec<_> = store
        .entries
        .iter()
        .filter_map(|entry| Some((entry, entry.key.as_deref()?)))
        .collect();
    let names = keys
        .iter()
        .map(|(entry, _)| format!("\"{}\"", entry.alias.escape_debug()))
        .collect::<Vec<_>>()
        .join(", ");
    let Some(alias) = alias else {
        return match keys.as_slice() {
            [] => Err(Error::new(
                ErrorKind::NotFound,
                "the store has no private key",
            )),
            [only] => Ok(*only),
            several => Err(Error::new(
                ErrorKind::Ambiguous,
                format!("the store has {} private keys", several.len()),
            )
            .with_hint(format!("name one by its alias: {names}"))),
        };
    };
    let exact = keys.iter().find(|(entry, _)| entry.alias == alias);
    let lower = alias.to_lowercase();
    let found = exact.or_else(|| {
        keys.iter()
            .find(|(entry, _)| entry.alias.to_lowercase() == lower)
    });
    found.copied().ok_or_else(|| {
        let hint = if names.is_empty() {
            "the store has no private key".into()
        } else {
            format!("the private keys are {names}")
        };
        Error::new(
            ErrorKind::NotFound,
            format!("the store has no private key \"{}\"", alias.escape_debug()),
        )
        .with_hint(hint)
    })
}

fn told(entry: StoreEntry, checked: bool) -> Entry {
    let kind = if entry.key.is_some() {
        EntryKind::Key
    } else {
        EntryKind::Certificate
    };
    let key_type = entry
        .certificates
        .first()
        .and_then(|leaf| leaf.public_key().ok())
        .map(|key| key.key_type());
    let mut told = Entry::new(Some(entry.alias), kind);
    if let Some(key_type) = key_type {
        told = told.with_key_type(key_type);
    }
    told.certificates = entry.certificates;
    told.note = (!checked).then(|| "not checked: no password was given".into());
    told
}
