//! The key sources that this build has.

use std::sync::Arc;

use keybearer_core::{OpenContext, Registry, Result, Signer};

use crate::ProcessEnv;

/// The key sources of this build: one for each Cargo feature that names a scheme.
///
/// It is a value: add a source of your own with [`Registry::with`].
pub fn default_registry() -> Registry {
    let registry = Registry::new();
    #[cfg(feature = "pem")]
    let registry = registry.with(keybearer_pem::Pem);
    #[cfg(not(feature = "pem"))]
    let registry = registry.without("pem", "pem");
    #[cfg(feature = "jks")]
    let registry = registry.with(keybearer_jks::Jks);
    #[cfg(not(feature = "jks"))]
    let registry = registry.without("jks", "jks");
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
