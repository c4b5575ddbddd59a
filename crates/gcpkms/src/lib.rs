//! Keys in Google Cloud KMS as keybearer signers.
//!
//! `gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1` opens one version of an asymmetric signing
//! key, which stays in Cloud KMS: the message is hashed here and the digest is sent (Ed25519 alone gets the message). A key
//! without a version is opened where it has one that is enabled; several are an error that lists them.
//!
//! What is sent and what is answered carries a CRC-32C, which is checked on both sides, and each signature is checked here
//! too where the public key can be read. Credentials are Google's Application Default Credentials, looked for in their
//! order; they are asked for over the same HTTP client as Cloud KMS, without an SDK.
//!
//! Without a URI: [`GcpKey`].

mod answer;
mod api;
mod crc32c;
mod credentials;
mod denied;
mod key;
mod locator;
mod provider;
mod public;
mod signer;
mod spec;
mod state;
mod versions;

pub use key::{GcpKey, Identity};
pub use provider::GcpKms;
