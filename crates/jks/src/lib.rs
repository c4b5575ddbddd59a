//! Java key stores (JKS and JCEKS) as keybearer signers.
//!
//! `jks:/etc/keys/00D28.jks?alias=jobcert&password-source=env:STORE_PASSWORD` opens a key of a store as keytool, KeyStore
//! Explorer and Salesforce's "Export to Keystore" write it. The store's digest is checked before anything in it is
//! believed. [`StoreWriter`] writes stores that Java opens, and [`Jks`] makes keys in them
//! ([`KeyMaker`](keybearer_core::KeyMaker)).

mod maker;
mod modified_utf8;
mod protection;
mod provider;
mod reader;
mod serialized;
mod writer;

pub use provider::Jks;
pub use writer::StoreWriter;
