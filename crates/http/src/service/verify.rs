//! Whether a service's answer is a signature of the key that it was asked for.

use keybearer_core::{Algorithm, PublicKey, Signature};
use ring::signature::{self as by, UnparsedPublicKey, VerificationAlgorithm};

/// Whether `signature` is by `key` over `message`. `None` where nothing here can tell: ring has no P-521.
#[must_use]
pub fn is_by(key: &PublicKey, message: &[u8], signature: &Signature) -> Option<bool> {
    let algorithm: &'static dyn VerificationAlgorithm = match signature.algorithm() {
        Algorithm::Rs256 => &by::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &by::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &by::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &by::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &by::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &by::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 => &by::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &by::ECDSA_P384_SHA384_FIXED,
        Algorithm::Ed25519 => &by::ED25519,
        _ => return None,
    };
    let key = UnparsedPublicKey::new(algorithm, key.key_bytes());
    Some(key.verify(message, signature.as_bytes()).is_ok())
}
