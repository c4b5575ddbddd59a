//! One more key in a file: made there, or put there from another file.

use std::sync::Arc;

use keybearer_core::{
    Certificate, Certify, KeyMaterial, KeySpec, KeyUri, OpenContext, Result, Signer, async_trait,
};

use crate::{PrivateKey, SoftSigner, offload};

/// A place in a file of some format, for one more key. Nothing is written before [`finish`](Self::finish).
#[async_trait]
pub trait NewEntry<'a>: Sized + Send {
    /// Finds the place and what the format needs to write there, such as passwords.
    ///
    /// # Errors
    /// Whatever stands in the way: a name that is missing or taken, a wrong password, a file of another format.
    async fn begin(
        uri: &'a KeyUri,
        alias: Option<&str>,
        overwrite: bool,
        cx: &'a OpenContext,
    ) -> Result<Self>;

    /// Where the key will be: the URI that opens it.
    fn uri(&self) -> &KeyUri;

    /// Writes the key and its certificates, leaf first, into the file, which is replaced as a whole.
    ///
    /// # Errors
    /// As [`file::write`](crate::file::write), and what the format cannot hold.
    async fn finish(self, key: PrivateKey, chain: Vec<Certificate>) -> Result<()>;
}

/// A new key in its place, certified: [`KeyMaker::make`](keybearer_core::KeyMaker::make) for a file format.
///
/// # Errors
/// As [`NewEntry`]'s, and those of `certify`; nothing is written then.
pub async fn make<'a, E: NewEntry<'a>>(
    uri: &'a KeyUri,
    spec: &KeySpec,
    certify: &dyn Certify,
    cx: &'a OpenContext,
) -> Result<Arc<dyn Signer>> {
    let made = async {
        let new = E::begin(uri, uri.attribute("alias"), spec.overwrite, cx).await?;
        let key_type = spec.key_type;
        let key = offload(move || PrivateKey::generate(key_type)).await?;
        let bare = SoftSigner::new(new.uri(), &key, &[])?;
        let chain = certify.certify(Arc::new(bare)).await?;
        write(new, key, chain).await
    };
    made.await.map_err(|error| error.with_key(uri))
}

/// A key from elsewhere in its place, under the URI's alias or else its own:
/// [`KeyFile::put`](keybearer_core::KeyFile::put) for a file format.
///
/// # Errors
/// As [`NewEntry`]'s; nothing is written then.
pub async fn put<'a, E: NewEntry<'a>>(
    uri: &'a KeyUri,
    key: &KeyMaterial,
    overwrite: bool,
    cx: &'a OpenContext,
) -> Result<Arc<dyn Signer>> {
    let put = async {
        let chain = key.certificates.clone();
        let private = PrivateKey::from_pkcs8_der_beside(key.pkcs8_der.expose(), &chain)?;
        let alias = uri.attribute("alias").or(key.alias.as_deref());
        let new = E::begin(uri, alias, overwrite, cx).await?;
        write(new, private, chain).await
    };
    put.await.map_err(|error| error.with_key(uri))
}

async fn write<'a, E: NewEntry<'a>>(
    new: E,
    key: PrivateKey,
    chain: Vec<Certificate>,
) -> Result<Arc<dyn Signer>> {
    // What it refuses is refused before anything is written.
    let signer = SoftSigner::new(new.uri(), &key, &chain)?;
    new.finish(key, chain).await?;
    Ok(Arc::new(signer))
}
