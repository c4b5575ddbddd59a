//! Making a key file, and moving keys in and out: `key new pem:FILE`, `key copy`.

use std::sync::Arc;

use keybearer_core::{
    Certificate, Certify, KeyFile, KeyMaker, KeyMaterial, KeySpec, KeyUri, OpenContext, Result,
    Secret, Signer, async_trait,
};
use keybearer_soft::{
    PrivateKey, file,
    new_entry::{self, NewEntry},
    offload,
};

use crate::{Pem, provider};

#[async_trait]
impl KeyMaker for Pem {
    /// The key in PKCS#8, encrypted where the URI has a password, and its certificates after it, in one file of mode 0600.
    async fn make(
        &self,
        uri: &KeyUri,
        spec: &KeySpec,
        certify: &dyn Certify,
        cx: &OpenContext,
    ) -> Result<Arc<dyn Signer>> {
        new_entry::make::<NewFile<'_>>(uri, spec, certify, cx).await
    }
}

#[async_trait]
impl KeyFile for Pem {
    /// The name is what openssl writes before a key that it takes out of a PKCS#12 store (`friendlyName: NAME`).
    async fn take(&self, uri: &KeyUri, cx: &OpenContext) -> Result<KeyMaterial> {
        let taken = provider::unlock(uri, cx).await;
        taken
            .and_then(|found| found.material())
            .map_err(|error| error.with_key(uri))
    }

    /// As [`make`](KeyMaker::make) writes it. A PEM file has one key and no names: the key's stands in the text before
    /// it, where people and [`take`](KeyFile::take) find it.
    async fn put(
        &self,
        uri: &KeyUri,
        key: &KeyMaterial,
        overwrite: bool,
        cx: &OpenContext,
    ) -> Result<Arc<dyn Signer>> {
        new_entry::put::<NewFile<'_>>(uri, key, overwrite, cx).await
    }
}

/// A file that is not there yet, or is replaced as a whole.
struct NewFile<'a> {
    uri: &'a KeyUri,
    name: Option<String>,
    password: Option<Secret>,
    overwrite: bool,
}

#[async_trait]
impl<'a> NewEntry<'a> for NewFile<'a> {
    async fn begin(
        uri: &'a KeyUri,
        alias: Option<&str>,
        overwrite: bool,
        cx: &'a OpenContext,
    ) -> Result<Self> {
        let env = cx.env.as_ref();
        let password = uri.secret("password", "password of the new key", env);
        Ok(Self {
            uri,
            name: alias.map(str::to_owned),
            password: password.await?,
            overwrite,
        })
    }

    fn uri(&self) -> &KeyUri {
        self.uri
    }

    async fn finish(self, key: PrivateKey, chain: Vec<Certificate>) -> Result<()> {
        let path = self.uri.path()?;
        let (name, password, overwrite) = (self.name, self.password, self.overwrite);
        offload(move || {
            let text = crate::encode_named(name.as_deref(), &key, password.as_ref(), &chain)?;
            file::write(&path, text.expose(), overwrite)
        })
        .await
    }
}
