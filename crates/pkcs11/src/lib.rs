//! Keys in PKCS#11 tokens as keybearer signers.

mod locator;

pub use locator::Locator;
