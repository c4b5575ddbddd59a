//! PKCS#12 stores (RFC 7292) as keybearer signers.
//!
//! `pkcs12:/etc/keys/00D28.p12?password-source=env:STORE_PASSWORD` opens a key of a store as OpenSSL, keytool,
//! BouncyCastle, NSS and others write it, in DER or BER. The store's MAC is checked before anything in it is believed.

mod attributes;
mod bags;
mod entries;
mod pfx;
mod pool;
mod provider;
mod store;

pub use provider::Pkcs12;
