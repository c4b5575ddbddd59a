//! The contract of keybearer.
//!
//! A [`Signer`] signs with one private key, wherever that key lives: in a file, in a hardware security module, in a key
//! management service. A [`KeyUri`] names a key, a [`Provider`] opens the URIs of one scheme, and a [`Registry`] is the
//! list of providers that a program has. [`Bound`] pairs a signer with one algorithm, so that what a token's header says
//! and what was signed cannot disagree.
//!
//! This crate does no I/O, speaks no HTTP and holds no cryptography; no type of another crate stands in its public
//! signatures. What touches files and the environment goes through [`Env`].
//!
//! ```
//! use keybearer_core::{KeyUri, Algorithm};
//!
//! let uri: KeyUri = "jks:/etc/keys/00D28.jks?alias=jobcert&password-source=env:STORE_PASSWORD".parse()?;
//! assert_eq!(uri.scheme(), "jks");
//! assert_eq!(uri.attribute("alias"), Some("jobcert"));
//! assert_eq!("RS256".parse::<Algorithm>()?, Algorithm::Rs256);
//! # Ok::<(), keybearer_core::Error>(())
//! ```

mod adorned;
mod algorithm;
mod certificate;
mod context;
mod env;
mod error;
mod key_file;
mod key_id;
mod provider;
mod public_key;
mod registry;
mod secret;
mod secret_source;
mod signature;
mod signer;
mod uri;

pub use algorithm::{Algorithm, EcCurve, Hash, KeyType};
pub use certificate::Certificate;
pub use context::{Network, OpenContext, WorkLimit};
pub use env::Env;
pub use error::{Error, ErrorKind, Result};
pub use key_file::{KeyFile, KeyMaterial};
pub use key_id::KeyId;
pub use provider::{Attribute, Certify, Entries, Entry, EntryKind, KeyMaker, KeySpec, Provider};
pub use public_key::PublicKey;
pub use registry::{COMMON_ATTRIBUTES, Registry, Scheme};
pub use secret::Secret;
pub use secret_source::SecretSource;
pub use signature::Signature;
pub use signer::{Bound, KeySource, Signer};
pub use uri::KeyUri;

/// Makes a trait with async methods usable as `dyn`: what [`Signer`], [`KeySource`], [`Provider`] and [`Env`] are
/// declared with, for those who implement them.
pub use async_trait::async_trait;
