//! The file of a store that gets one more entry, whether or not it is there.

use keybearer_core::{Error, ErrorKind, KeyUri, OpenContext, Result, Secret};

use crate::{file, offload};

/// What a store's file holds before an entry is put into it, so that nothing else is replaced.
#[derive(Debug)]
pub struct StoreFile<'a> {
    uri: &'a KeyUri,
    cx: &'a OpenContext,
    before: Option<Secret>,
}

impl<'a> StoreFile<'a> {
    /// Reads the file, where it is there.
    ///
    /// # Errors
    /// As [`file::read`], except that a file may be missing.
    pub async fn read(uri: &'a KeyUri, cx: &'a OpenContext) -> Result<Self> {
        let before = match file::read(uri, cx).await {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { uri, cx, before })
    }

    /// What it held.
    pub fn bytes(&self) -> Option<&Secret> {
        self.before.as_ref()
    }

    /// The store password, which for a new store is being chosen.
    ///
    /// # Errors
    /// [`ErrorKind::BadSecret`] where none is given or it cannot be read.
    pub async fn password(&self) -> Result<Secret> {
        let what = match self.before {
            Some(_) => "store password",
            None => "password of the new store",
        };
        let env = self.cx.env.as_ref();
        let password = self.uri.secret("password", what, env).await?;
        password.ok_or_else(|| {
            Error::new(ErrorKind::BadSecret, "no store password is given")
                .with_hint("give password-source=env:NAME, file:PATH, fd:N or prompt:")
        })
    }

    /// Writes the store in place of what was read, and of nothing else.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] where the file was changed meanwhile; then as [`file::write`].
    pub async fn replace(self, bytes: Vec<u8>) -> Result<()> {
        let path = self.uri.path()?;
        let overwrite = self.before.is_some();
        if let Some(before) = self.before
            && file::read(self.uri, self.cx).await? != before
        {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the store was changed while the key was made",
            )
            .with_hint("nothing was written; try again"));
        }
        offload(move || file::write(&path, &bytes, overwrite)).await
    }
}
