//! Making a key file, and moving keys in and out: `key new pem:FILE`, `key copy`.

use std::sync::Arc;

use keybearer_core::{
    Certificate, Certify, KeyFile, KeyMaker, KeyMaterial, KeySpec, KeyUri, OpenContext, Result,
    Secret, Signer, async_trait,
};
use keybearer_soft::{PrivateKey, SoftSigner, file, offload};

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
        let made = async {
            let password = new_password(uri, cx).await?;
            let key_type = spec.key_type;
            let key = offload(move || PrivateKey::generate(key_type)).await?;
            let bare = SoftSigner::new(uri, &key, &[])?;
            let chain = certify.certify(Arc::new(bare)).await?;
            write(uri, None, key, password, chain, spec.overwrite).await
        };
        made.await.map_err(|error| error.with_key(uri))
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
        let put = async {
            let chain = key.certificates.clone();
            let private = PrivateKey::from_pkcs8_der_beside(key.pkcs8_der.expose(), &chain)?;
            let password = new_password(uri, cx).await?;
            write(uri, key.alias.clone(), private, password, chain, overwrite).await
        };
        put.await.map_err(|error| error.with_key(uri))
    }
}

async fn new_password(uri: &KeyUri, cx: &OpenContext) -> Result<Option<Secret>> {
    uri.secret("password", "password of the new key", cx.env.as_ref())
        .await
}

async fn write(
    uri: &KeyUri,
    name: Option<String>,
    key: PrivateKey,
    password: Option<Secret>,
    chain: Vec<Certificate>,
    overwrite: bool,
) -> Result<Arc<dyn Signer>> {
    // What it refuses is refused before anything is written.
    let signer = SoftSigner::new(uri, &key, &chain)?;
    let path = uri.path()?;
    offload(move || {
        let text = crate::encode_named(name.as_deref(), &key, password.as_ref(), &chain)?;
        file::write(&path, text.expose(), overwrite)
    })
    .await?;
    Ok(Arc::new(signer))
}
