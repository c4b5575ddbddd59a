//! Strict doubles of key services that no test can have: real keys behind the published API, a refusal for whatever the
//! real service refuses and for what it should, and lies on demand.
//!
//! They share nothing with the product but the wire: aws-lc-rs signs here. The vendors' own SDKs judge them
//! (`keybearer-fake NAME` serves one to other programs).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "this is test code")]
#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "nobody else uses it"
)]

pub mod azure;
pub mod gcp;
mod keys;
mod server;
mod tls;
pub mod vault;

pub use keys::{Encoding, Hash, Key, Kind, Padding};
pub use server::{Answer, Asked, Server, Service, nobody};
pub use tls::Tls;
