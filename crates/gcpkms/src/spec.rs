//! What a key version does, by Cloud KMS's name of its algorithm, and what is sent to have it done.

use base64::{Engine, engine::general_purpose::STANDARD};
use keybearer_core::{Algorithm, Hash};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::crc32c::crc32c;

/// The longest message that Cloud KMS signs as it is, in bytes.
pub(crate) const LONGEST_DATA: usize = 64 << 10;

/// The one algorithm of a `CryptoKeyVersionAlgorithm`; `None` where JOSE has none for it (decryption, MACs, secp256k1,
/// post-quantum signatures) and for `RSA_SIGN_RAW_…`, which signs what is no digest.
///
/// Source: <https://cloud.google.com/kms/docs/algorithms>.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "RSA_SIGN_PKCS1_2048_SHA256"
        | "RSA_SIGN_PKCS1_3072_SHA256"
        | "RSA_SIGN_PKCS1_4096_SHA256" => Some(Algorithm::Rs256),
        "RSA_SIGN_PKCS1_4096_SHA512" => Some(Algorithm::Rs512),
        "RSA_SIGN_PSS_2048_SHA256" | "RSA_SIGN_PSS_3072_SHA256" | "RSA_SIGN_PSS_4096_SHA256" => {
            Some(Algorithm::Ps256)
        }
        "RSA_SIGN_PSS_4096_SHA512" => Some(Algorithm::Ps512),
        "EC_SIGN_P256_SHA256" => Some(Algorithm::Es256),
        "EC_SIGN_P384_SHA384" => Some(Algorithm::Es384),
        "EC_SIGN_ED25519" => Some(Algorithm::Ed25519),
        _ => None,
    }
}

/// Whether some key version of Cloud KMS does it.
pub(crate) fn is_known(algorithm: Algorithm) -> bool {
    !matches!(
        algorithm,
        Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es512
    )
}

/// The body of `asymmetricSign`, and the field of its answer that says the checksum was compared.
pub(crate) fn body(algorithm: Algorithm, message: &[u8]) -> (Value, &'static str) {
    let Some(hash) = algorithm.hash() else {
        let body = json!({
            "data": STANDARD.encode(message),
            "dataCrc32c": crc32c(message).to_string(),
        });
        return (body, "verifiedDataCrc32c");
    };
    let (name, digest) = match hash {
        Hash::Sha256 => ("sha256", Sha256::digest(message).to_vec()),
        Hash::Sha384 => ("sha384", Sha384::digest(message).to_vec()),
        Hash::Sha512 => ("sha512", Sha512::digest(message).to_vec()),
    };
    let body = json!({
        "digest": { name: STANDARD.encode(&digest) },
        "digestCrc32c": crc32c(&digest).to_string(),
    });
    (body, "verifiedDigestCrc32c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_jose_has_no_name_for_is_none() {
        for name in [
            "RSA_SIGN_RAW_PKCS1_2048",
            "RSA_DECRYPT_OAEP_2048_SHA256",
            "EC_SIGN_SECP256K1_SHA256",
            "PQ_SIGN_ML_DSA_65",
            "HMAC_SHA256",
            "GOOGLE_SYMMETRIC_ENCRYPTION",
            "",
        ] {
            assert_eq!(algorithm(name), None, "{name}");
        }
    }

    #[test]
    fn a_digest_is_sent_with_its_checksum_and_ed25519_gets_the_message() {
        let (sent, verified) = body(Algorithm::Ps512, b"x");
        let digest = Sha512::digest(b"x");
        assert_eq!(sent["digest"], json!({"sha512": STANDARD.encode(digest)}));
        assert_eq!(sent["digestCrc32c"], crc32c(&digest).to_string());
        assert_eq!(verified, "verifiedDigestCrc32c");
        let (sent, verified) = body(Algorithm::Ed25519, b"123456789");
        assert_eq!(
            sent,
            json!({"data": STANDARD.encode("123456789"), "dataCrc32c": "3808858755"})
        );
        assert_eq!(verified, "verifiedDataCrc32c");
    }
}
