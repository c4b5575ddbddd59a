//! `pkcs12:`.

use std::sync::Arc;

use keybearer_core::{
    Attribute, Entries, Error, ErrorKind, KeyFile, KeyMaker, KeyUri, OpenContext, Provider, Result,
    Secret, Signer, WorkLimit, async_trait,
};
use keybearer_soft::{
    FoundKey, PrivateKey, alias, attributes, file, offload, spki_sha256, work::WorkBudget,
};

use crate::{
    entries,
    pfx::Pfx,
    protection::{self, Protection},
    store::{Store, StoredKey},
};

/// Opens `pkcs12:` keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pkcs12;

const ATTRIBUTES: &[Attribute] = &[
    attributes::ALIAS,
    attributes::STORE_PASSWORD_SOURCE,
    attributes::STORE_PASSWORD_VALUE,
    MAC,
    protection::ATTRIBUTE,
    attributes::SPKI_SHA256,
];

const MAC: Attribute = Attribute::new(
    "mac",
    "\"required\" refuses a store without a MAC, which nothing vouches for (\"optional\" is the default)",
);

#[async_trait]
impl Provider for Pkcs12 {
    fn scheme(&self) -> &'static str {
        "pkcs12"
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
        let listed = async {
            let bytes = file::read(uri, cx).await?;
            check_mac(uri, bytes.expose())?;
            let password = password(uri, cx).await?;
            let work = cx.work;
            offload(move || entries::list(bytes.expose(), password.as_ref(), work)).await
        };
        listed.await.map_err(|error| error.with_key(uri))
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
    check_mac(uri, bytes.expose())?;
    Protection::of(uri)?;
    let password = if needs_password(bytes.expose(), cx.work)? {
        password(uri, cx).await?
    } else {
        None
    };
    let (uri, work) = (Protection::unsaid(uri), cx.work);
    // Key derivations take up to seconds.
    offload(move || find(&uri, bytes.expose(), password.as_ref(), work)).await
}

async fn password(uri: &KeyUri, cx: &OpenContext) -> Result<Option<Secret>> {
    uri.secret("password", "store password", cx.env.as_ref())
        .await
}

/// What is no store at all, or not one that is asked for, is told before anybody is asked for a password.
pub(crate) fn check_mac(uri: &KeyUri, bytes: &[u8]) -> Result<()> {
    let is_required = match uri.attribute(MAC.name) {
        Some("required") => true,
        None | Some("optional") => false,
        Some(_) => {
            return Err(uri
                .invalid("mac is neither \"required\" nor \"optional\"")
                .with_hint("mac=required refuses a store without a MAC"));
        }
    };
    if Pfx::read(bytes)?.has_mac() || !is_required {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        "the store has no MAC, so nothing vouches for its content, and mac=required asks for one",
    )
    .with_hint(
        "export the key anew, without -nomac; or leave out mac=required and pin the key with spki-sha256",
    ))
}

fn needs_password(bytes: &[u8], work: WorkLimit) -> Result<bool> {
    let pfx = Pfx::read(bytes)?;
    Ok(pfx.has_mac() || Store::glance(&pfx, &mut WorkBudget::new(work))?.is_encrypted())
}

fn find(
    uri: &KeyUri,
    bytes: &[u8],
    password: Option<&Secret>,
    work: WorkLimit,
) -> Result<FoundKey> {
    let mut budget = WorkBudget::new(work);
    let store = Store::open(&Pfx::read(bytes)?, password, &mut budget)?;
    let keys = store
        .keys
        .iter()
        .map(|key| (key.alias.as_str(), key))
        .collect();
    let found = alias::find(keys, &store.other_names(), uri.attribute("alias"))?;
    let (entry, key) = match uri.attribute("spki-sha256") {
        Some(asked) if found.len() > 1 => pinned(&store, found, asked, &mut budget)?,
        _ => {
            let (_, entry) = alias::only(found)?;
            (entry, store.private_key(entry, &mut budget)?)
        }
    };
    let uri = if entry.is_named || store.keys.len() > 1 {
        uri.clone().with_attribute("alias", &entry.alias)
    } else {
        uri.clone()
    };
    let chain = store.chain(entry, key.public_key());
    Ok(FoundKey {
        uri,
        alias: entry.is_named.then(|| entry.alias.clone()),
        key,
        pool: store.certificates.take(&chain),
    })
}

/// Of several keys, also of several with one alias, the one whose fingerprint is asked for.
fn pinned<'a>(
    store: &Store,
    found: Vec<(&str, &'a StoredKey)>,
    asked: &str,
    budget: &mut WorkBudget,
) -> Result<(&'a StoredKey, PrivateKey)> {
    let mut failure = None;
    for (_, entry) in found {
        match store.private_key(entry, budget) {
            Ok(key) if spki_sha256(key.public_key()).eq_ignore_ascii_case(asked) => {
                return Ok((entry, key));
            }
            Ok(_) => {}
            Err(error) => failure = Some(error),
        }
    }
    // A key that could not be opened may have been the one.
    Err(failure.unwrap_or_else(|| {
        Error::new(
            ErrorKind::KeyMismatch,
            format!("no key of the store has the fingerprint {asked}"),
        )
        .with_hint(
            "the key was replaced: put the old one back, or ask for the new one's spki-sha256",
        )
    }))
}
