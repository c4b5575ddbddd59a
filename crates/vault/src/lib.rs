//! Keys in the Transit engine of HashiCorp Vault or OpenBao as keybearer signers.
//!
//! `vault:transit/keys/jwt?address=https://vault.example:8200` opens a key in its latest version, which stays the version
//! that signs. The key stays in Vault: the message is hashed here and the digest is sent (Ed25519 alone gets the
//! message). The token comes from where Vault's users keep it: `VAULT_TOKEN`, `~/.vault-token`, a file that an agent
//! writes (`token-source`), or a login by AppRole (`role-id`).
//!
//! Transit itself is lax: without `signature_algorithm` it signs with PSS, on an EC key it takes a digest of any length.
//! So every choice is sent, and each signature is checked here: its version, its length and, where the public key can be
//! read (and is not on P-521), the signature itself.
//!
//! Without a URI: [`VaultKey`].

mod answer;
mod api;
mod credentials;
mod key;
mod locator;
mod provider;
mod request;
mod signer;

pub use key::{Login, VaultKey};
pub use provider::Vault;
