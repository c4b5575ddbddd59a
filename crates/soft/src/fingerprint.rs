//! A public key's fingerprint.

use keybearer_core::PublicKey;

/// The SHA-256 of a key's `SubjectPublicKeyInfo` in DER, in lower-case hexadecimal: what the attribute `spki-sha256`
/// holds, and what `openssl pkey -pubout -outform DER | sha256sum` prints.
pub fn spki_sha256(key: &PublicKey) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, key.spki_der());
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
