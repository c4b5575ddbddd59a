//! New keys.

use keybearer_core::{EcCurve, Error, ErrorKind, KeyType, Result, Secret};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair,
    },
};

/// A new key in PKCS#8.
pub(crate) fn pkcs8(key_type: KeyType) -> Result<Secret> {
    let random = SystemRandom::new();
    let document = match key_type {
        KeyType::Ec(EcCurve::P256) => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
        }
        KeyType::Ec(EcCurve::P384) => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random)
        }
        KeyType::Ed25519 => Ed25519KeyPair::generate_pkcs8(&random),
        other => return by_aws_lc(other),
    };
    document
        .map(|document| Secret::new(document.as_ref()))
        .map_err(|_| no_random_numbers())
}

#[cfg(feature = "aws-lc")]
fn by_aws_lc(key_type: KeyType) -> Result<Secret> {
    use aws_lc_rs::{
        encoding::{AsDer, Pkcs8V1Der},
        rsa::{KeyPair, KeySize},
        signature::{ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair},
    };
    let size = match key_type {
        KeyType::Rsa { bits: 2048 } => KeySize::Rsa2048,
        KeyType::Rsa { bits: 3072 } => KeySize::Rsa3072,
        KeyType::Rsa { bits: 4096 } => KeySize::Rsa4096,
        KeyType::Rsa { bits: 8192 } => KeySize::Rsa8192,
        KeyType::Ec(EcCurve::P521) => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING)
                .map_err(|_| no_random_numbers())?;
            let document = pair.to_pkcs8v1().map_err(|_| no_random_numbers())?;
            return Ok(Secret::new(document.as_ref()));
        }
        other => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{other} keys are not made here"),
            )
            .with_hint(
                "RSA keys are made with 2048, 3072, 4096 or 8192 bits; 2048 suits every server",
            ));
        }
    };
    let pair = KeyPair::generate(size).map_err(|_| no_random_numbers())?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| no_random_numbers())?;
    Ok(Secret::new(der.as_ref()))
}

#[cfg(not(feature = "aws-lc"))]
fn by_aws_lc(key_type: KeyType) -> Result<Secret> {
    Err(crate::key::needs_aws_lc(
        format!("this build does not make {key_type} keys"),
        "make it elsewhere: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    ))
}

fn no_random_numbers() -> Error {
    Error::new(
        ErrorKind::Backend,
        "the key could not be made: the system gives no random numbers",
    )
}
