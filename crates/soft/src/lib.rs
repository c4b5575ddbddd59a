//! Private key bytes as a keybearer signer, and password-based decryption for key files.
//!
//! [`PrivateKey`] reads PKCS#8, PKCS#1 and SEC1; [`SoftSigner`] signs with it. ring does the arithmetic; the Cargo
//! feature `aws-lc` adds the keys that ring refuses and makes RSA keys. A key that ring can use always goes through
//! ring.
//!
//! This is the only crate of keybearer that signs with key bytes: the file formats (`pem:`, `pkcs12:`, `jks:`) hand
//! theirs over. ring does not wipe its copy of a key when that is dropped; the bytes that pass through here are wiped.

pub mod alias;
mod asn1;
pub mod attributes;
mod backend;
pub mod ber;
mod bigint;
mod describe;
mod ec;
mod ed25519;
mod explicit_curve;
pub mod file;
mod fingerprint;
pub mod format;
mod found;
mod generate;
mod key;
pub mod new_entry;
mod numbers;
mod offload;
pub mod pbe;
mod pss;
mod random;
mod rsa;
mod signer;
mod store_file;
pub mod text;
pub mod work;

pub use asn1::{pkcs8_from_pkcs1, pkcs8_from_sec1};
pub use describe::{KeyDescription, describe, describe_certificate};
pub use fingerprint::spki_sha256;
pub use found::FoundKey;
pub use key::PrivateKey;
pub use numbers::RsaNumbers;
pub use offload::offload;
pub use random::random;
pub use signer::SoftSigner;
pub use store_file::StoreFile;
