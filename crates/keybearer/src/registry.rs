//! The key sources that this build has.

use std::sync::Arc;

use keybearer_core::{OpenContext, Provider, Registry, Result, Signer};

use crate::{ProcessEnv, keystore::Keystore};

/// The key sources of this build: one for each Cargo feature that names a scheme.
///
/// It is a value: add a source of your own with [`Registry::with`].
pub fn default_registry() -> Registry {
    let formats: Vec<Arc<dyn Provider>> = vec![
        #[cfg(feature = "pem")]
        Arc::new(keybearer_pem::Pem),
        #[cfg(feature = "pkcs12")]
        Arc::new(keybearer_pkcs12::Pkcs12),
        #[cfg(feature = "jks")]
        Arc::new(keybearer_jks::Jks),
    ];
    let registry = Registry::new();
    #[cfg(not(feature = "pem"))]
    let registry = registry.without("pem", "pem");
    #[cfg(not(feature = "pkcs12"))]
    let registry = registry.without("pkcs12", "pkcs12");
    #[cfg(not(feature = "jks"))]
    let registry = registry.without("jks", "jks");
    #[cfg(feature = "pkcs11")]
    let registry = registry.with(keybearer_pkcs11::Pkcs11);
    #[cfg(not(feature = "pkcs11"))]
    let registry = registry.without("pkcs11", "pkcs11");
    #[cfg(feature = "vault")]
    let registry = registry.with(keybearer_vault::Vault);
    #[cfg(not(feature = "vault"))]
    let registry = registry.without("vault", "vault");
    #[cfg(feature = "awskms")]
    let registry = registry.with(keybearer_awskms::AwsKms::new());
    #[cfg(not(feature = "awskms"))]
    let registry = registry.without("awskms", "awskms");
    #[cfg(feature = "gcpkms")]
    let registry = registry.with(keybearer_gcpkms::GcpKms);
    #[cfg(not(feature = "gcpkms"))]
    let registry = registry.without("gcpkms", "gcpkms");
    let registry = formats
        .iter()
        .cloned()
        .fold(registry, Registry::with_shared);
    let registry = registry.with(Keystore::new(formats));
    // Its client certificate is a key of these.
    #[cfg(feature = "azurekv")]
    let registry = registry
        .clone()
        .with(keybearer_azurekv::AzureKv::with_certificates(registry));
    #[cfg(not(feature = "azurekv"))]
    let registry = registry.without("azurekv", "azurekv");
    registry
}

/// Opens a key by its URI or path, with the sources of this build and in the environment of this process.
///
/// For another time limit, a proxy or a source of your own, see [`Registry::open`].
///
/// # Errors
/// As [`Registry::open`].
pub async fn open(key: &str) -> Result<Arc<dyn Signer>> {
    let cx = OpenContext::new(Arc::new(ProcessEnv::new()));
    default_registry().open(&key.parse()?, &cx).await
}

#[cfg(all(test, not(feature = "vault")))]
mod tests {
    use keybearer_core::ErrorKind;

    use super::*;

    /// In the tests of this crate alone: those of the workspace have every source.
    #[tokio::test]
    async fn a_source_that_this_build_has_not_is_told_with_its_feature() {
        let error = open("vault:transit/keys/a").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotCompiled);
        assert!(format!("{error:?}").contains("vault"), "{error:?}");
    }
}
