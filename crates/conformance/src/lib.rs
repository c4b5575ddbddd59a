//! The suite that every keybearer signer passes.
//!
//! Whoever writes a [`Provider`](keybearer_core::Provider) describes one of its keys as a [`Subject`] (most often a
//! [`UriSubject`]) and hands it to [`trials`]; the trials go to [`run`] in a test with `harness = false`:
//!
//! ```no_run
//! use std::{process::ExitCode, sync::Arc};
//! use keybearer_conformance::{TestEnv, UriSubject, require, run, trials};
//! # use keybearer_core::{KeyUri, PublicKey, Registry};
//! # fn registry() -> Registry { Registry::new() }
//! # fn public_key_by_openssl() -> PublicKey { PublicKey::from_ed25519(&[0; 32]).unwrap() }
//!
//! fn main() -> ExitCode {
//!     let uri: KeyUri = "myhsm:key/7?pin-source=env:PIN".parse().unwrap();
//!     let subject = UriSubject::new(registry(), uri.clone(), public_key_by_openssl())
//!         .env(TestEnv::new().var("PIN", "correct horse").var("WRONG", "battery staple"))
//!         .secret("correct horse")
//!         .wrong_secret(uri.with_attribute("pin-source", "env:WRONG"))
//!         .missing_key("myhsm:key/8?pin-source=env:PIN".parse().unwrap());
//!     run(trials("my_hsm", Arc::new(subject)))
//! }
//! ```
//!
//! The verifier never shares code with what it verifies: [`verify`] has two to choose from. A case that a subject cannot
//! offer is reported as skipped, by name and with the reason; so is a test that lacks a program ([`require()`]).
//!
//! The suite grows with what is learnt about key sources: this crate is exempt from semantic versioning.

mod capture;
mod checks;
mod damage;
mod failure;
mod harness;
mod hostile;
mod requirement;
mod subject;
mod test_env;
mod uri_subject;
pub mod verify;

pub use checks::{Check, checks};
pub use damage::DamagedFiles;
pub use failure::Failure;
pub use harness::{run, trials};
pub use hostile::HostileFiles;
pub use requirement::{Missing, Requirement, program, require};
pub use subject::Subject;
pub use test_env::TestEnv;
pub use uri_subject::UriSubject;

/// What tests are made of here: `Trial::test("name", || Ok(()))`.
pub use libtest_mimic::{Failed, Trial};
