//! Moving private keys between files.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{Certificate, KeyUri, OpenContext, Result, Secret, Signer};

/// Takes private keys out of the files of one format, and puts them in. Beside [`Provider`](crate::Provider), never in
/// [`Signer`]: an HSM or a KMS has no bytes to give, and what signs need not know how to export.
#[async_trait]
pub trait KeyFile: fmt::Debug + Send + Sync {
    /// The one key that the URI means, as [`Provider::open`](crate::Provider::open) finds it, with its name and its
    /// certificates.
    ///
    /// # Errors
    /// As [`Provider::open`](crate::Provider::open).
    async fn take(&self, uri: &KeyUri, cx: &OpenContext) -> Result<KeyMaterial>;

    /// Puts a key and its certificates into the file that the URI names, a new one or one that is there: whole or not at
    /// all. The URI's `alias` names it, or else the name that the key brings.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where something has the name already and `overwrite` is
    /// not set, and for what the format does not hold.
    async fn put(
        &self,
        uri: &KeyUri,
        key: &KeyMaterial,
        overwrite: bool,
        cx: &OpenContext,
    ) -> Result<Arc<dyn Signer>>;
}

/// A private key on its way from one file to another. `Debug` does not show it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyMaterial {
    /// The name under which it stood, where it had one.
    pub alias: Option<String>,
    /// The key: a PKCS#8 `PrivateKeyInfo` (RFC 5208) in DER, not encrypted.
    pub pkcs8_der: Secret,
    /// Its certificates, leaf first; empty where there are none.
    pub certificates: Vec<Certificate>,
}

impl KeyMaterial {
    /// A key without a name.
    pub fn new(pkcs8_der: Secret, certificates: Vec<Certificate>) -> Self {
        Self {
            alias: None,
            pkcs8_der,
            certificates,
        }
    }

    /// This key under a name.
    #[must_use]
    pub fn with_alias(mut self, alias: Option<String>) -> Self {
        self.alias = alias;
        self
    }
}
