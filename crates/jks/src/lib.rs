//! Java key stores (JKS) as keybearer signers.
//!
//! `jks:/etc/keys/00D28.jks?alias=jobcert&password-source=env:STORE_PASSWORD` opens a key of a store as keytool, KeyStore
//! Explorer and Salesforce's "Export to Keystore" write it. The store's digest is checked before anything in it is
//! believed.

mod protection;
mod provider;
mod reader;

pub use provider::Jks;
