//! A private key, read once.

use std::{fmt, sync::Arc};

use der::{Decode, asn1::AnyRef};
use keybearer_core::{
    Algorithm, Certificate, EcCurve, Error, ErrorKind, KeyType, PublicKey, Result, Secret,
};

use crate::{
    asn1::{self, PrivateKeyInfo},
    backend::Backend,
    describe, ec, ed25519, generate, rsa,
};

/// A private key that can sign, read and checked once.
///
/// RSA of two primes and 2048 bits and more, P-256, P-384, P-521 and Ed25519. RSA keys with an exponent under 65537,
/// over 4096 bits or of an uneven size, and P-521, need the Cargo feature `aws-lc`. A key whose halves do not belong
/// together is refused here and not at the first signature.
#[derive(Clone)]
pub struct PrivateKey(Arc<Parts>);

/// What reading a key gives.
pub(crate) struct Parts {
    pub(crate) public: PublicKey,
    /// What the key may do, most preferred first.
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) pkcs8: Secret,
    pub(crate) backend: Backend,
}

impl PrivateKey {
    /// Reads a PKCS#8 `PrivateKeyInfo` or `OneAsymmetricKey` in DER (RFC 5208, RFC 5958), not encrypted.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] where it is damaged, [`ErrorKind::KeyMismatch`] where the public half in it belongs to
    /// another key, [`ErrorKind::Unsupported`] for keys that nothing here signs with.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self> {
        Self::from_pkcs8_der_beside(der, &[])
    }

    /// As [`from_pkcs8_der`](Self::from_pkcs8_der), with the certificates that were found beside the key: where an EC
    /// key does not hold its public half (Java's do not), that is taken from the certificate it belongs to.
    ///
    /// # Errors
    /// As [`from_pkcs8_der`](Self::from_pkcs8_der).
    pub fn from_pkcs8_der_beside(der: &[u8], certificates: &[Certificate]) -> Result<Self> {
        let info = PrivateKeyInfo::read(der)?;
        let parts = match info.algorithm.oid {
            asn1::RSA | asn1::RSA_PSS => rsa::read(&info)?,
            asn1::EC => ec::read(&info, certificates)?,
            asn1::ED25519 => ed25519::read(&info)?,
            other => {
                return Err(
                    Error::new(ErrorKind::Unsupported, describe::cannot_sign(other))
                        .with_hint("the key types are RSA, EC (P-256, P-384, P-521) and Ed25519"),
                );
            }
        };
        Ok(Self(Arc::new(parts)))
    }

    /// Reads a PKCS#1 `RSAPrivateKey` in DER (RFC 8017 appendix A.1.2).
    ///
    /// # Errors
    /// As [`from_pkcs8_der`](Self::from_pkcs8_der).
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self> {
        Self::from_pkcs8_der(asn1::pkcs8_from_pkcs1(der)?.expose())
    }

    /// Reads a SEC1 `ECPrivateKey` in DER (RFC 5915). `curve` holds where the key itself names none.
    ///
    /// # Errors
    /// As [`from_pkcs8_der`](Self::from_pkcs8_der); [`ErrorKind::Malformed`] too where nothing names the curve.
    pub fn from_sec1_der(der: &[u8], curve: Option<EcCurve>) -> Result<Self> {
        Self::from_pkcs8_der(asn1::pkcs8_from_sec1(der, curve)?.expose())
    }

    /// As [`from_sec1_der`](Self::from_sec1_der), with the `ECParameters` (RFC 5480 section 2.1.1, in DER) that stand
    /// before the key, as `openssl ecparam -genkey` writes them in PEM; they hold where the key itself names no curve.
    ///
    /// # Errors
    /// As [`from_sec1_der`](Self::from_sec1_der); [`ErrorKind::Malformed`] too where the parameters are no DER.
    pub fn from_sec1_der_beside(der: &[u8], parameters_der: &[u8]) -> Result<Self> {
        let parameters = AnyRef::from_der(parameters_der).map_err(asn1::malformed)?;
        Self::from_pkcs8_der(asn1::pkcs8_from_sec1_beside(der, Some(parameters))?.expose())
    }

    /// Makes a new key: P-256, P-384 and Ed25519 everywhere; RSA of 2048, 3072, 4096 or 8192 bits and P-521 with the
    /// Cargo feature `aws-lc`.
    ///
    /// Large RSA keys take seconds: call it by [`offload`](crate::offload()) from asynchronous code.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a type of key that this build does not make.
    pub fn generate(key_type: KeyType) -> Result<Self> {
        Self::from_pkcs8_der(generate::pkcs8(key_type)?.expose())
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public
    }

    /// What the key may do, most preferred first. RSA keys that are restricted to RSASSA-PSS do only that.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.0.algorithms
    }

    /// The key as a PKCS#8 `PrivateKeyInfo` of version 1 in DER, not encrypted and without attributes; an EC key holds
    /// its public half.
    pub fn to_pkcs8_der(&self) -> Secret {
        self.0.pkcs8.clone()
    }

    /// The key with other algorithms than its type has; clones that are there keep theirs.
    pub(crate) fn with_algorithms(mut self, algorithms: Vec<Algorithm>) -> Result<Self> {
        if Arc::get_mut(&mut self.0).is_none() {
            self = Self::from_pkcs8_der(self.0.pkcs8.expose())?;
        }
        if let Some(parts) = Arc::get_mut(&mut self.0) {
            parts.algorithms = algorithms;
        }
        Ok(self)
    }

    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.0.public.key_type())
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({})", self.public.key_type())
    }
}

/// The public half that was found does not belong to the private key.
pub(crate) fn mismatch() -> Error {
    Error::new(
        ErrorKind::KeyMismatch,
        "the public half beside the private key belongs to another key",
    )
    .with_hint("the file was put together wrongly or damaged; export the key anew")
}

/// A key that ring refuses, in a build without the library that would take it.
#[cfg(not(feature = "aws-lc"))]
pub(crate) fn needs_aws_lc(message: impl Into<String>, instead: &str) -> Error {
    Error::new(ErrorKind::Unsupported, message).with_hint(format!(
        "build with the Cargo feature \"aws-lc\", or {instead}"
    ))
}
