//! Our algorithms in KMS's words, and what is sent for each.

use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec as Spec};
use keybearer_core::{Algorithm, Hash};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The longest message that KMS takes where it hashes by itself, in bytes (`Sign`, `MessageType` `RAW`).
pub(crate) const LONGEST_RAW: usize = 4096;

/// KMS's name of an algorithm; `None` where it has none.
pub(crate) fn spec(algorithm: Algorithm) -> Option<Spec> {
    Some(match algorithm {
        Algorithm::Rs256 => Spec::RsassaPkcs1V15Sha256,
        Algorithm::Rs384 => Spec::RsassaPkcs1V15Sha384,
        Algorithm::Rs512 => Spec::RsassaPkcs1V15Sha512,
        Algorithm::Ps256 => Spec::RsassaPssSha256,
        Algorithm::Ps384 => Spec::RsassaPssSha384,
        Algorithm::Ps512 => Spec::RsassaPssSha512,
        Algorithm::Es256 => Spec::EcdsaSha256,
        Algorithm::Es384 => Spec::EcdsaSha384,
        Algorithm::Es512 => Spec::EcdsaSha512,
        Algorithm::Ed25519 => Spec::Ed25519Sha512,
        _ => return None,
    })
}

/// What KMS is sent: the digest, or for Ed25519 the message, since a digest makes another signature (Ed25519ph).
pub(crate) fn input(algorithm: Algorithm, message: &[u8]) -> (MessageType, Vec<u8>) {
    match algorithm.hash() {
        Some(Hash::Sha256) => (MessageType::Digest, Sha256::digest(message).to_vec()),
        Some(Hash::Sha384) => (MessageType::Digest, Sha384::digest(message).to_vec()),
        Some(Hash::Sha512) => (MessageType::Digest, Sha512::digest(message).to_vec()),
        _ => (MessageType::Raw, message.to_vec()),
    }
}
