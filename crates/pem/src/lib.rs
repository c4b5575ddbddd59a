//! PEM and PKCS#8 key files as keybearer signers.
//!
//! `pem:/etc/keys/login.pem` opens a private key in PEM (RFC 7468): PKCS#8, PKCS#1, SEC1, or encrypted PKCS#8
//! (`password-source`), with its certificates in the same file, in any order.

mod blocks;
mod provider;

pub use provider::Pem;
