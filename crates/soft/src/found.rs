//! A key as a file has it.

use keybearer_core::{Certificate, KeyMaterial, KeyUri, Result};

use crate::{PrivateKey, SoftSigner};

/// A private key that was found in a file, and what stands beside it.
#[derive(Clone, Debug)]
pub struct FoundKey {
    /// Where: the URI that was asked for, with the alias that was found.
    pub uri: KeyUri,
    /// Its name, where it has one.
    pub alias: Option<String>,
    /// The key.
    pub key: PrivateKey,
    /// Certificates, its own among them.
    pub pool: Vec<Certificate>,
}

impl FoundKey {
    /// What signs with it.
    ///
    /// # Errors
    /// As [`SoftSigner::new`].
    pub fn signer(&self) -> Result<SoftSigner> {
        SoftSigner::new(&self.uri, &self.key, &self.pool)
    }

    /// What is put into another file: the key, its name, and its own certificates, leaf first.
    ///
    /// # Errors
    /// As [`signer`](Self::signer): a key that is not the one that was asked for is not given away either.
    pub fn material(&self) -> Result<KeyMaterial> {
        self.signer()?;
        let chain = Certificate::chain_for(self.key.public_key(), &self.pool);
        Ok(KeyMaterial::new(self.key.to_pkcs8_der(), chain).with_alias(self.alias.clone()))
    }
}
