//! OAuth access tokens by JWT bearer grant, from a signing key that lives anywhere.

mod keystore;
mod process_env;
mod registry;

pub use keybearer_core::*;
pub use keystore::Keystore;
pub use process_env::ProcessEnv;
pub use registry::{default_registry, open};
