//! `azurekv:`.

use std::sync::Arc;

use keybearer_core::{
    Attribute, KeyUri, OpenContext, Provider, Registry, Result, Signer, async_trait,
};

use crate::{key::AzureKey, locator::Locator};

/// Opens `azurekv:` keys.
#[derive(Clone, Debug, Default)]
pub struct AzureKv {
    certificates: Option<Registry>,
}

const ATTRIBUTES: &[Attribute] = &[Attribute::new(
    "endpoint",
    "another address of the vault, as https://HOST (a gateway, a private link); the key's own host unless given",
)];

impl AzureKv {
    /// With the credentials of the environment, but for client certificates.
    pub fn new() -> Self {
        Self::default()
    }

    /// With client certificates too: the file of `AZURE_CLIENT_CERTIFICATE_PATH` is opened as `keystore:` by this registry.
    pub fn with_certificates(registry: Registry) -> Self {
        Self {
            certificates: Some(registry),
        }
    }
}

#[async_trait]
impl Provider for AzureKv {
    fn scheme(&self) -> &'static str {
        "azurekv"
    }

    fn attributes(&self) -> &[Attribute] {
        ATTRIBUTES
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let key = self.read(uri).map_err(|error| error.with_key(uri))?;
        key.open(cx).await
    }
}

impl AzureKv {
    fn read(&self, uri: &KeyUri) -> Result<AzureKey> {
        let place = Locator::parse(&uri.decoded_locator()?)?;
        let mut key = AzureKey::at(place, uri.clone());
        if let Some(endpoint) = uri.attribute("endpoint") {
            key = key.endpoint(endpoint);
        }
        if let Some(algorithms) = uri.algorithms()? {
            key = key.algorithms(algorithms);
        }
        if let Some(registry) = &self.certificates {
            key = key.certificates(registry.clone());
        }
        Ok(key)
    }
}
