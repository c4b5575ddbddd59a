//! PKCS#12 stores (RFC 7292) as keybearer signers.
//!
//! `pkcs12:/etc/keys/00D28.p12?password-source=env:STORE_PASSWORD` opens a key of a store as OpenSSL, keytool,
//! BouncyCastle, NSS and others write it, in DER or BER. The store's MAC is checked before anything in it is believed.
//! [`StoreWriter`] writes stores that they open, and [`Pkcs12`] makes keys in them
//! ([`KeyMaker`](keybearer_core::KeyMaker)).

mod attributes;
mod bags;
mod encoding;
mod entries;
mod maker;
mod pfx;
mod pool;
mod protection;
mod provider;
mod store;
mod writer;

pub use protection::Protection;
pub use provider::Pkcs12;
pub use writer::StoreWriter;
