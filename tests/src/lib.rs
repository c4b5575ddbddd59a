//! What the tests across crates share: the real command line, a local org, other people's programs and servers.
//!
//! Nearly everything is tested from outside, through the program that people run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "this is test code")]
#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "nobody else uses it"
)]

pub mod gate;
mod hsm;
mod http;
mod judge;
pub mod kms;
mod local;
mod org;
mod page;
mod program;
mod scratch;
mod whole_path;

pub use hsm::{Hsm, kryoptic, softhsm2};
pub use http::{delete, get, post_form, post_json, try_get};
pub use judge::{heavy, heavy_python, python, python_with};
pub use local::Local;
pub use org::Org;
pub use page::{Page, typed};
pub use program::{Ran, Server, keybearer, ran, tool};
pub use scratch::Scratch;
pub use whole_path::{WholePath, assert_step_failed};

/// The consumer key that tests register.
pub const CLIENT_ID: &str = "3MVG9tests.keybearer";

/// The user that tests log in.
pub const USER: &str = "integration@example.org";

/// The Rust of the README and the book, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../../docs/library.md")]
#[doc = include_str!("../../docs/local-org.md")]
#[doc = include_str!("../../docs/own-source.md")]
#[derive(Debug)]
pub struct Book;
