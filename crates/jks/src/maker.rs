//! Making keys in a store, and moving them in and out: `key new jks:FILE?alias=NAME`, `key copy`.

use std::sync::Arc;

use keybearer_core::{
    Certificate, Certify, KeyFile, KeyMaker, KeyMaterial, KeySpec, KeyUri, OpenContext, Result,
    Secret, Signer, async_trait,
};
use keybearer_soft::{
    PrivateKey, StoreFile, alias,
    new_entry::{self, NewEntry},
};

use crate::{Jks, StoreWriter, provider, reader, writer::check_password};

#[async_trait]
impl KeyMaker for Jks {
    /// A new store of mode 0600, or one more entry in a store that is there: its digest is checked first, and its other
    /// entries keep their bytes.
    async fn make(
        &self,
        uri: &KeyUri,
        spec: &KeySpec,
        certify: &dyn Certify,
        cx: &OpenContext,
    ) -> Result<Arc<dyn Signer>> {
        new_entry::make::<NewKey<'_>>(uri, spec, certify, cx).await
    }
}

#[async_trait]
impl KeyFile for Jks {
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
        new_entry::put::<NewKey<'_>>(uri, key, overwrite, cx).await
    }
}

/// A place in a store for one more key.
struct NewKey<'a> {
    uri: KeyUri,
    alias: String,
    file: StoreFile<'a>,
    store: StoreWriter,
    store_password: Secret,
    key_password: Secret,
}

#[async_trait]
impl<'a> NewEntry<'a> for NewKey<'a> {
    async fn begin(
        uri: &'a KeyUri,
        alias: Option<&str>,
        overwrite: bool,
        cx: &'a OpenContext,
    ) -> Result<Self> {
        let alias = named(uri, alias)?;
        let file = StoreFile::read(uri, cx).await?;
        if let Some(bytes) = file.bytes() {
            // What is no store at all is told before anybody is asked for a password, and never replaced.
            reader::read(bytes.expose(), None)?;
        }
        let store_password = file.password().await?;
        let store = match file.bytes() {
            Some(bytes) => StoreWriter::read(bytes.expose(), &store_password)?,
            None => {
                check_password(&store_password, "store password")?;
                StoreWriter::new()
            }
        };
        if let Some(known) = store.find(&alias).filter(|_| !overwrite) {
            return Err(alias::taken(known));
        }
        let key_password = uri
            .secret("key-password", "password of the new key", cx.env.as_ref())
            .await?;
        let key_password = key_password.unwrap_or_else(|| store_password.clone());
        check_password(&key_password, "password of the key")?;
        Ok(Self {
            uri: uri.clone().with_attribute("alias", &alias),
            alias,
            file,
            store,
            store_password,
            key_password,
        })
    }

    fn uri(&self) -> &KeyUri {
        &self.uri
    }

    async fn finish(mut self, key: PrivateKey, chain: Vec<Certificate>) -> Result<()> {
        self.store
            .key(&self.alias, &key, &self.key_password, &chain)?;
        let bytes = self.store.finish(&self.store_password)?;
        self.file.replace(bytes).await
    }
}

/// As Java writes it.
fn named(uri: &KeyUri, alias: Option<&str>) -> Result<String> {
    match alias {
        Some(alias) if !alias.is_empty() => Ok(alias.to_lowercase()),
        _ => Err(uri
            .invalid("the new key has no alias")
            .with_hint("name it: add alias=NAME (--alias NAME)")),
    }
}
