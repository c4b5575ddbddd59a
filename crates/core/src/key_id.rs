//! What a signer was opened on.

use std::fmt;

use crate::KeyUri;

/// The key a signer was opened on: a key URI pinned to a version, free of secrets and of pointers to them.
///
/// Opened again, with the secrets supplied anew ([`KeyUri::with_attribute`]), it reaches the same key version.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyId(KeyUri);

impl KeyId {
    /// Takes the URI without its secrets (`…-value`) and pointers to secrets (`…-source`).
    pub fn new(uri: &KeyUri) -> Self {
        let is_secret = |name: &&str| name.ends_with("-value") || name.ends_with("-source");
        let secrets: Vec<_> = uri
            .attribute_names()
            .filter(is_secret)
            .map(str::to_owned)
            .collect();
        Self(
            secrets
                .iter()
                .fold(uri.clone(), |uri, name| uri.without_attribute(name)),
        )
    }

    /// The URI, for opening the key again.
    pub fn uri(&self) -> &KeyUri {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_no_secret_and_no_pointer() {
        let uri = "jks:/a.jks?password-value=p&alias=b&key-password-source=env:X"
            .parse::<KeyUri>()
            .unwrap();
        assert_eq!(KeyId::new(&uri).to_string(), "jks:/a.jks?alias=b");
    }
}
