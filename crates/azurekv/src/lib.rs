//! Keys in Azure Key Vault or an Azure Managed HSM as keybearer signers.
//!
//! `azurekv:https://jobs.vault.azure.net/keys/jwt` opens a key by its own identifier, in its current version, which stays
//! the version that signs. The key stays in Azure: the message is hashed here and the digest is sent.
//!
//! The caller is whom Azure's own tools would take: an application in the environment (by secret or by certificate),
//! workload identity, managed identity, or who has logged in by the Azure CLI. Before any token is sent, what the vault says
//! of the token's service is checked against the vault's own host. Each answer is checked: the version that signed, its
//! length and, where the public key can be read (and is not on P-521), the signature itself.
//!
//! Without a URI: [`AzureKey`].

mod answer;
mod api;
mod challenge;
mod credentials;
mod jwk;
mod key;
mod locator;
mod provider;
mod signer;

pub use key::{AzureKey, Login};
pub use provider::AzureKv;
