//! The libraries that sign, behind one type.

use keybearer_core::{Algorithm, Error, ErrorKind, Result, Signature};
use ring::{rand::SystemRandom, signature};

/// A key as the library that signs with it holds it. What ring can use is always ring's: aws-lc spends 58 ms of CPU on
/// its first random number in a process.
pub(crate) enum Backend {
    Rsa(Box<ring::rsa::KeyPair>),
    Ec(signature::EcdsaKeyPair),
    Ed25519(signature::Ed25519KeyPair),
    #[cfg(feature = "aws-lc")]
    LcRsa(aws_lc_rs::rsa::KeyPair),
    #[cfg(feature = "aws-lc")]
    LcEc(aws_lc_rs::signature::EcdsaKeyPair),
}

impl Backend {
    /// Signs a message with an algorithm that the key does.
    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        let random = SystemRandom::new();
        let bytes = match self {
            Self::Rsa(pair) => {
                let mut bytes = vec![0; pair.public().modulus_len()];
                pair.sign(ring_padding(algorithm)?, &random, message, &mut bytes)
                    .map_err(|_| failed(algorithm))?;
                bytes
            }
            Self::Ec(pair) => pair
                .sign(&random, message)
                .map_err(|_| failed(algorithm))?
                .as_ref()
                .to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            #[cfg(feature = "aws-lc")]
            Self::LcRsa(pair) => {
                let mut bytes = vec![0; pair.public_modulus_len()];
                let random = aws_lc_rs::rand::SystemRandom::new();
                pair.sign(lc_padding(algorithm)?, &random, message, &mut bytes)
                    .map_err(|_| failed(algorithm))?;
                bytes
            }
            #[cfg(feature = "aws-lc")]
            Self::LcEc(pair) => pair
                .sign(&aws_lc_rs::rand::SystemRandom::new(), message)
                .map_err(|_| failed(algorithm))?
                .as_ref()
                .to_vec(),
        };
        Signature::from_jws(algorithm, bytes)
    }

    /// Whether a signature takes so long (a third of a millisecond and more) that it would hold up an executor.
    pub(crate) fn is_slow(&self) -> bool {
        !matches!(self, Self::Ec(_) | Self::Ed25519(_))
    }
}

macro_rules! paddings {
    ($library:path, $algorithm:ident) => {{
        use $library as signature;
        let padding: &'static dyn signature::RsaEncoding = match $algorithm {
            Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
            Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
            Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
            Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
            Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
            Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
            other => return Err(failed(other)),
        };
        Ok(padding)
    }};
}

fn ring_padding(algorithm: Algorithm) -> Result<&'static dyn signature::RsaEncoding> {
    paddings!(ring::signature, algorithm)
}

#[cfg(feature = "aws-lc")]
fn lc_padding(algorithm: Algorithm) -> Result<&'static dyn aws_lc_rs::signature::RsaEncoding> {
    paddings!(aws_lc_rs::signature, algorithm)
}

/// Neither library tells more than that it failed: the system gives no random numbers, or the memory is faulty (ring
/// checks each RSA signature before it lets it out).
fn failed(algorithm: Algorithm) -> Error {
    Error::new(
        ErrorKind::Backend,
        format!("the private key failed to sign with {algorithm}"),
    )
    .with_hint("try again; where it fails again, check the key and the machine's memory")
}
