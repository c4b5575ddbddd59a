//! `gcpkms:`.

use std::sync::Arc;

use keybearer_core::{
    Attribute, Entries, KeyUri, OpenContext, Provider, Result, SecretSource, Signer, async_trait,
};

use crate::{
    key::{GcpKey, Identity},
    locator::Locator,
};

/// Opens `gcpkms:` keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcpKms;

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(
        "endpoint",
        "another address of the service, as https://HOST: a regional or private endpoint; https://cloudkms.googleapis.com, or that of the credentials' universe, unless given",
    ),
    Attribute::new(
        "credentials-source",
        "where the JSON of Google credentials is: env:NAME, file:PATH, fd:N, prompt:; Application Default Credentials unless given",
    ),
];

#[async_trait]
impl Provider for GcpKms {
    fn scheme(&self) -> &'static str {
        "gcpkms"
    }

    fn attributes(&self) -> &[Attribute] {
        ATTRIBUTES
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let key = read(uri).map_err(|error| error.with_key(uri))?;
        key.open(cx).await
    }

    async fn entries(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Entries> {
        let key = read(uri).map_err(|error| error.with_key(uri))?;
        key.entries(cx).await
    }
}

fn read(uri: &KeyUri) -> Result<GcpKey> {
    let mut key = GcpKey::at(Locator::parse(&uri.decoded_locator()?)?, uri.clone());
    if let Some(endpoint) = uri.attribute("endpoint") {
        key = key.endpoint(endpoint)?;
    }
    if let Some(source) = uri.attribute("credentials-source") {
        key = key.identity(Identity::Source(source.parse::<SecretSource>()?));
    }
    if let Some(algorithms) = uri.algorithms()? {
        key = key.algorithms(algorithms);
    }
    Ok(key)
}
