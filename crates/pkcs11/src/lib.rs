//! Keys in PKCS#11 tokens (hardware security modules, smart cards, SoftHSM) as keybearer signers.
//!
//! `pkcs11:token=jwt;object=job?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=env:PIN` opens a key by its RFC 7512
//! URI. Each module is initialised once in a process and never finalised. The sessions run on threads of their own, so
//! that no executor waits for a device; the login, which belongs to the whole process, lasts as long as a signer of the
//! token lives, and is repeated where the token comes and goes. The PIN is kept in memory for that. A wrong PIN is tried
//! once in a process.

mod access;
mod exit;
mod failure;
mod fault;
mod listing;
mod locator;
mod making;
mod module;
mod objects;
mod opening;
mod p11_kit;
mod places;
mod plan;
mod pool;
mod provider;
mod retry;
mod signer;
mod timer;
mod token;

pub use locator::Locator;
pub use provider::Pkcs11;
