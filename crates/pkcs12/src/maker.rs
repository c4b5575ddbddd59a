//! Making keys in a store, and moving them in and out: `key new pkcs12:FILE?alias=NAME`, `key copy`.

use std::sync::Arc;

use keybearer_core::{
    Certificate, Certify, KeyFile, KeyMaker, KeyMaterial, KeySpec, KeyUri, OpenContext, Result,
    Signer, async_trait,
};
use keybearer_soft::{PrivateKey, SoftSigner, StoreFile, alias, offload};

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
        let made = async {
            let new = NewEntry::begin(uri, uri.attribute("alias"), spec.overwrite, cx).await?;
            let key_type = spec.key_type;
            let key = offload(move || PrivateKey::generate(key_type)).await?;
            let bare = SoftSigner::new(&new.uri, &key, &[])?;
            let chain = certify.certify(Arc::new(bare)).await?;
            new.finish(key, chain).await
        };
        made.await.map_err(|error| error.with_key(uri))
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
        let put = async {
            let chain = key.certificates.clone();
            let private = PrivateKey::from_pkcs8_der_beside(key.pkcs8_der.expose(), &chain)?;
            let alias = uri.attribute("alias").or(key.alias.as_deref());
            let new = NewEntry::begin(uri, alias, overwrite, cx).await?;
            new.finish(private, chain).await
        };
        put.await.map_err(|error| error.with_key(uri))
    }
}

/// A place in a store for one more key.
struct NewEntry<'a> {
    uri: KeyUri,
    alias: Option<String>,
    file: StoreFile<'a>,
    store: StoreWriter,
}

impl<'a> NewEntry<'a> {
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

    async fn finish(self, key: PrivateKey, chain: Vec<Certificate>) -> Result<Arc<dyn Signer>> {
        // What it refuses is refused before anything is written.
        let signer = SoftSigner::new(&self.uri, &key, &chain)?;
        let (mut store, alias) = (self.store, self.alias);
        let bytes = offload(move || {
            store.key(alias.as_deref(), &key, &chain)?;
            store.finish()
        });
        self.file.replace(bytes.await?).await?;
        Ok(Arc::new(signer))
    }
}
