//! Making keys in a store, and moving them in and out: `key new pkcs12:FILE?alias=NAME`, `key copy`.

use std::sync::Arc;

use keybearer_core::{
    Certificate, Certify, KeyFile, KeyMaker, KeyMaterial, KeySpec, KeyUri, OpenContext, Result,
    Signer, async_trait,
};
use keybearer_soft::{
    PrivateKey, StoreFile, alias,
    new_entry::{self, NewEntry},
    offload,
};

use crate::{Pkcs12, Protection, StoreWriter, provider};

#[async_trait]
impl KeyMaker for Pkcs12 {
    /// A new store of mode 0600, or one more entry in a store that is there: its MAC is checked first, and its other
    /// keys stay encrypted as they are. `protection=legacy` writes it the old way.
    async fn make(
        &self,
        uri: &KeyUri,
        spec: &KeySpec,
        certify: &dyn Certify,
        cx: &OpenContext,
    ) -> Result<Arc<dyn Signer>> {
        new_entry::make::<NewBag<'_>>(uri, spec, certify, cx).await
    }
}

#[async_trait]
impl KeyFile for Pkcs12 {
    async fn take(&self, uri: &KeyUri, cx: &OpenContext) -> Result<KeyMaterial> {
        let taken = provider::unlock(uri, cx).await;
        taken
            .and_then(|found| found.material())
            .map_err(|error| error.with_key(uri))
    }

    async fn put(
        &self,
        uri: &KeyUri,
        key: &KeyMaterial,
        overwrite: bool,
        cx: &OpenContext,
    ) -> Result<Arc<dyn Signer>> {
        new_entry::put::<NewBag<'_>>(uri, key, overwrite, cx).await
    }
}

/// A place in a store for one more key.
struct NewBag<'a> {
    uri: KeyUri,
    alias: Option<String>,
    file: StoreFile<'a>,
    store: StoreWriter,
}

#[async_trait]
impl<'a> NewEntry<'a> for NewBag<'a> {
    async fn begin(
        uri: &'a KeyUri,
        alias: Option<&str>,
        overwrite: bool,
        cx: &'a OpenContext,
    ) -> Result<Self> {
        let protection = Protection::of(uri)?;
        let file = StoreFile::read(uri, cx).await?;
        if let Some(bytes) = file.bytes() {
            // What is no store at all is told before anybody is asked for a password, and never replaced.
            provider::check_mac(uri, bytes.expose())?;
        }
        let password = file.password().await?;
        let store = match file.bytes().cloned() {
            Some(bytes) => {
                let work = cx.work;
                offload(move || StoreWriter::read(bytes.expose(), &password, protection, work))
                    .await?
            }
            None => StoreWriter::new(&password, protection)?,
        };
        let alias = alias.filter(|alias| !alias.is_empty()).map(str::to_owned);
        match &alias {
            Some(alias) => {
                if let Some(known) = store.find(alias).filter(|_| !overwrite) {
                    return Err(alias::taken(known));
                }
            }
            None if store.has_keys() => {
                return Err(uri
                    .invalid("the new key has no alias, and the store has keys already")
                    .with_hint("name it: add alias=NAME (--alias NAME)"));
            }
            None => {}
        }
        let found = Protection::unsaid(uri);
        let found = match &alias {
            Some(alias) => found.with_attribute("alias", alias),
            None => found,
        };
        Ok(Self {
            uri: found,
            alias,
            file,
            store,
        })
    }

    fn uri(&self) -> &KeyUri {
        &self.uri
    }

    async fn finish(self, key: PrivateKey, chain: Vec<Certificate>) -> Result<()> {
        let (mut store, alias) = (self.store, self.alias);
        let bytes = offload(move || {
            store.key(alias.as_deref(), &key, &chain)?;
            store.finish()
        });
        self.file.replace(bytes.await?).await
    }
}
