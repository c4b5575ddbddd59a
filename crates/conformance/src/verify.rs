//! Verifiers to choose from: one of them shares no code with the signer.

use std::{fs, process::Command};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use keybearer_core::{Algorithm, PublicKey, Signature};

use crate::Failure;

/// Verifies with aws-lc-rs: for everything that aws-lc-rs did not sign. Of PSS only a salt as long as the hash is taken.
pub fn aws_lc(
    key: &PublicKey,
    algorithm: Algorithm,
    message: &[u8],
    signature: &Signature,
) -> Result<(), Failure> {
    let verifier: &'static dyn VerificationAlgorithm = match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &ECDSA_P521_SHA512_FIXED,
        Algorithm::Ed25519 => &ED25519,
        other => {
            return Err(Failure::new(format!(
                "aws-lc-rs is not told how to verify {other}"
            )));
        }
    };
    UnparsedPublicKey::new(verifier, key.key_bytes())
        .verify(message, signature.as_bytes())
        .map_err(|_| Failure::new(format!("aws-lc-rs refuses the {algorithm} signature")))
}

/// Verifies with the program `openssl`, 3.0 or later: for what aws-lc-rs signed.
pub fn openssl(
    key: &PublicKey,
    algorithm: Algorithm,
    message: &[u8],
    signature: &Signature,
) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|error| cannot("a temporary folder", &error))?;
    let place = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).map_err(|error| cannot("a temporary file", &error))?;
        Ok::<_, Failure>(path)
    };
    let key = place("key.pem", key.to_pem().as_bytes())?;
    let signature = place("signature", &signature.to_der()?)?;
    let message = place("message", message)?;
    let mut command = Command::new("openssl");
    match algorithm.hash() {
        Some(hash) => {
            let bytes = hash.len();
            command
                .args(["dgst", &format!("-sha{}", bytes * 8), "-verify"])
                .arg(key)
                .arg("-signature")
                .arg(signature);
            if algorithm.is_pss() {
                command
                    .args(["-sigopt", "rsa_padding_mode:pss", "-sigopt"])
                    .arg(format!("rsa_pss_saltlen:{bytes}"));
            }
            command.arg(message);
        }
        None => {
            command
                .args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"])
                .arg(key)
                .arg("-sigfile")
                .arg(signature)
                .arg("-in")
                .arg(message);
        }
    }
    let output = command
        .output()
        .map_err(|error| cannot("the program openssl", &error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Failure::new(format!(
        "openssl refuses the {algorithm} signature: {}",
        String::from_utf8_lossy(&said).trim()
    )))
}

fn cannot(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("{what} cannot be used: {error}"))
}
