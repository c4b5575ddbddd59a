//! The org from outside: requests over TCP by hand, assertions signed by ring, nothing shared with what verifies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where it fails"
)]

mod endpoints;
mod grants;
mod oddities;
mod refusals;
mod serving;
mod sessions;
mod support;
