//! `awskms:`.

use std::sync::Arc;

use aws_config::SdkConfig;
use keybearer_core::{
    Attribute, Error, KeyUri, OpenContext, Provider, Result, Signer, async_trait,
};

use crate::{client, locator::Locator, opening};

/// Opens `awskms:` keys.
#[derive(Clone, Debug, Default)]
pub struct AwsKms {
    config: Option<SdkConfig>,
}

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(
        "region",
        "the key's region, where neither its ARN nor the AWS configuration says it",
    ),
    Attribute::new(
        "profile",
        "the profile of the shared AWS configuration to take credentials from",
    ),
    Attribute::new(
        "endpoint",
        "another address of the service, as a URL (a VPC endpoint)",
    ),
];

impl AwsKms {
    /// With the SDK's default configuration, read at each opening.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a configuration of the caller's: its credentials, HTTP client and region. The URI's `region` and `endpoint`
    /// hold over it; `profile` says nothing then, and is refused.
    pub fn with_config(config: SdkConfig) -> Self {
        Self {
            config: Some(config),
        }
    }
}

#[async_trait]
impl Provider for AwsKms {
    fn scheme(&self) -> &'static str {
        "awskms"
    }

    fn attributes(&self) -> &[Attribute] {
        ATTRIBUTES
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let opened = async {
            let locator = Locator::read(uri)?;
            if self.config.is_some() && uri.attribute("profile").is_some() {
                return Err(uri
                    .invalid(
                        "this program brings its own AWS configuration, so profile= says nothing",
                    )
                    .with_hint("leave profile= out"));
            }
            let caller = client::caller(self.config.as_ref(), uri, &locator, cx).await?;
            let signer = opening::open(caller, uri, &locator).await?;
            Ok(Arc::new(signer) as Arc<dyn Signer>)
        };
        opened.await.map_err(|error: Error| error.with_key(uri))
    }
}
