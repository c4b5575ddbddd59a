//! Making keys in a store: `key new jks:FILE?alias=NAME`.

use std::sync::Arc;

use keybearer_core::{
    Certify, Error, ErrorKind, KeyMaker, KeySpec, KeyUri, OpenContext, Result, Secret, Signer,
    async_trait,
};
use keybearer_soft::{PrivateKey, SoftSigner, file, offload};

use crate::{Jks, StoreWriter, reader, writer::check_password};

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
        let made = async {
            let alias = alias(uri)?;
            let before = present(uri, cx).await?;
            let store_password = store_password(uri, before.as_ref(), cx).await?;
            let mut store = match &before {
                Some(bytes) => StoreWriter::read(bytes.expose(), &store_password)?,
                None => StoreWriter::new(),
            };
            if let Some(known) = store.find(&alias).filter(|_| !spec.overwrite) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "the store has an entry \"{}\" already",
                        known.escape_debug()
                    ),
                )
                .with_hint(
                    "choose another alias, or ask for this entry to be replaced (--force)",
                ));
            }
            let key_password = uri
                .secret("key-password", "password of the new key", cx.env.as_ref())
                .await?;
            let key_password = key_password.unwrap_or_else(|| store_password.clone());
            check_password(&key_password, "password of the key")?;
            let key_type = spec.key_type;
            let key = offload(move || PrivateKey::generate(key_type)).await?;
            let uri = uri.clone().with_attribute("alias", &alias);
            let bare = SoftSigner::new(&uri, &key, &[])?;
            let chain = certify.certify(Arc::new(bare)).await?;
            store.key(&alias, &key, &key_password, &chain)?;
            put(&uri, before, store.finish(&store_password)?, cx).await?;
            Ok(Arc::new(SoftSigner::new(&uri, &key, &chain)?) as Arc<dyn Signer>)
        };
        made.await.map_err(|error| error.with_key(uri))
    }
}

/// As Java writes it.
fn alias(uri: &KeyUri) -> Result<String> {
    match uri.attribute("alias") {
        Some(alias) if !alias.is_empty() => Ok(alias.to_lowercase()),
        _ => Err(uri
            .invalid("the new key has no alias")
            .with_hint("name it: add alias=NAME (--alias NAME)")),
    }
}

/// The store that is there.
async fn present(uri: &KeyUri, cx: &OpenContext) -> Result<Option<Secret>> {
    match file::read(uri, cx).await {
        Ok(bytes) => {
            // What is no store at all is told before anybody is asked for a password, and never replaced.
            reader::read(bytes.expose(), None)?;
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn store_password(uri: &KeyUri, before: Option<&Secret>, cx: &OpenContext) -> Result<Secret> {
    let what = match before {
        Some(_) => "store password",
        None => "password of the new store",
    };
    let password = uri.secret("password", what, cx.env.as_ref()).await?;
    let password = password.ok_or_else(|| {
        Error::new(ErrorKind::BadSecret, "no store password is given")
            .with_hint("give password-source=env:NAME, file:PATH, fd:N or prompt:")
    })?;
    if before.is_none() {
        check_password(&password, "store password")?;
    }
    Ok(password)
}

/// In place of what was read, and of nothing else.
async fn put(uri: &KeyUri, before: Option<Secret>, bytes: Vec<u8>, cx: &OpenContext) -> Result<()> {
    let path = uri.path()?;
    let overwrite = before.is_some();
    if let Some(before) = before
        && file::read(uri, cx).await? != before
    {
        return Err(Error::new(
            ErrorKind::Unavailable,
            "the store was changed while the key was made",
        )
        .with_hint("nothing was written; try again"));
    }
    offload(move || file::write(&path, &bytes, overwrite)).await
}
