//! The key sources that a program has.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Attribute, Entries, Error, ErrorKind, KeyId, KeyUri, OpenContext, Provider, Result, Signer,
    adorned,
};

/// The attributes that every scheme takes.
pub const COMMON_ATTRIBUTES: &[Attribute] = &[
    Attribute::new(
        "alg",
        "an algorithm or a list of them (RS256,PS256): for keys that cannot tell, or to narrow",
    ),
    Attribute::new(
        "certificate",
        "a file with the key's certificate and its issuers, PEM or DER",
    ),
    Attribute::new(
        "public-key",
        "a file with the public key, for a role that may sign but not read it",
    ),
];

/// The providers that a program has, by scheme. A value: there is no global one, and nothing registers itself.
///
/// ```
/// # use keybearer_core::{Registry, ErrorKind, OpenContext};
/// let registry = Registry::new().without("awskms", "awskms");
/// assert_eq!(registry.schemes().next().unwrap().scheme, "awskms");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Registry(BTreeMap<&'static str, Slot>);

#[derive(Clone, Debug)]
enum Slot {
    Present(Arc<dyn Provider>),
    LeftOut { feature: &'static str },
}

/// A scheme that a [`Registry`] knows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scheme {
    /// The scheme, in lower case.
    pub scheme: &'static str,
    /// What opens it; `None` where this build leaves it out.
    pub provider: Option<Arc<dyn Provider>>,
    /// The Cargo feature that brings it.
    pub feature: &'static str,
}

impl Registry {
    /// No provider at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// This registry with one more provider. The last of a scheme wins.
    #[must_use]
    pub fn with(self, provider: impl Provider) -> Self {
        self.with_shared(Arc::new(provider))
    }

    /// As [`with`](Self::with), for a provider that is shared.
    #[must_use]
    pub fn with_shared(mut self, provider: Arc<dyn Provider>) -> Self {
        self.0.insert(provider.scheme(), Slot::Present(provider));
        self
    }

    /// This registry, knowing that the scheme exists and that the Cargo feature brings it: what it then says of a URI is
    /// [`ErrorKind::NotCompiled`] and not [`ErrorKind::UnknownScheme`].
    #[must_use]
    pub fn without(mut self, scheme: &'static str, feature: &'static str) -> Self {
        self.0.insert(scheme, Slot::LeftOut { feature });
        self
    }

    /// The schemes, in alphabetical order.
    pub fn schemes(&self) -> impl Iterator<Item = Scheme> {
        self.0.iter().map(|(&scheme, slot)| match slot {
            Slot::Present(provider) => Scheme {
                scheme,
                provider: Some(provider.clone()),
                feature: scheme,
            },
            Slot::LeftOut { feature } => Scheme {
                scheme,
                provider: None,
                feature,
            },
        })
    }

    /// The provider of a URI's scheme.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownScheme`], [`ErrorKind::NotCompiled`]; [`ErrorKind::InvalidUri`] for an attribute that the
    /// scheme does not take.
    pub fn provider(&self, uri: &KeyUri) -> Result<&Arc<dyn Provider>> {
        let provider = match self.0.get(uri.scheme()) {
            Some(Slot::Present(provider)) => provider,
            Some(Slot::LeftOut { feature }) => {
                return Err(Error::new(
                    ErrorKind::NotCompiled,
                    format!("this build has no {}: keys", uri.scheme()),
                )
                .with_key(KeyId::new(uri))
                .with_hint(format!("build it with the Cargo feature \"{feature}\"")));
            }
            None => {
                let known: Vec<_> = self.0.keys().map(|scheme| format!("{scheme}:")).collect();
                return Err(Error::new(
                    ErrorKind::UnknownScheme,
                    format!("there are no {}: keys", uri.scheme()),
                )
                .with_key(KeyId::new(uri))
                .with_hint(format!(
                    "the schemes are {}; a path that looks like one is written ./{}",
                    known.join(", "),
                    "name"
                )));
            }
        };
        uri.check_attributes(provider.attributes().iter().chain(COMMON_ATTRIBUTES))?;
        Ok(provider)
    }

    /// Opens a key.
    ///
    /// # Errors
    /// As [`provider`](Self::provider), then whatever the provider says; [`ErrorKind::KeyMismatch`] where a file named
    /// by `certificate` or `public-key` is of another key, [`ErrorKind::UnsupportedAlgorithm`] where `alg` names what
    /// the key does not do.
    pub async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let opened = async {
            let provider = self.provider(uri)?;
            let attributes = adorned::Attributes::read(uri, cx).await?;
            attributes.apply(provider.open(uri, cx).await?).await
        };
        opened
            .await
            .map_err(|error: Error| error.with_key(KeyId::new(uri)))
    }

    /// What a store holds.
    ///
    /// # Errors
    /// As [`provider`](Self::provider), then whatever the provider says.
    pub async fn entries(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Entries> {
        let listed = self.provider(uri)?.entries(uri, cx).await;
        listed.map_err(|error| error.with_key(KeyId::new(uri)))
    }
}
