//! Private keys from their numbers, which formats without ASN.1 hold.

use der::{
    Encode,
    asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef},
};
use keybearer_core::{Algorithm, EcCurve, Error, ErrorKind, PublicKey, Result, Secret};

use crate::{
    PrivateKey,
    asn1::{self, EcPrivateKey, RsaPrivateKey, malformed},
    key::mismatch,
};

/// The numbers of an RSA private key of two primes (RFC 8017 section 3.2), each unsigned and big-endian.
#[derive(Clone, Copy)]
#[expect(
    missing_debug_implementations,
    reason = "its numbers are the private key"
)]
pub struct RsaNumbers<'a> {
    /// The modulus n.
    pub modulus: &'a [u8],
    /// The public exponent e.
    pub public_exponent: &'a [u8],
    /// The private exponent d.
    pub private_exponent: &'a [u8],
    /// The primes p and q.
    pub primes: [&'a [u8]; 2],
    /// d mod (p - 1) and d mod (q - 1).
    pub exponents: [&'a [u8]; 2],
    /// The inverse of q modulo p.
    pub coefficient: &'a [u8],
}

impl PrivateKey {
    /// An RSA key from its numbers.
    ///
    /// # Errors
    /// As [`from_pkcs8_der`](Self::from_pkcs8_der).
    pub fn from_rsa_numbers(numbers: &RsaNumbers<'_>) -> Result<Self> {
        let encode = || {
            RsaPrivateKey {
                version: 0,
                modulus: UintRef::new(numbers.modulus)?,
                public_exponent: UintRef::new(numbers.public_exponent)?,
                private_exponent: UintRef::new(numbers.private_exponent)?,
                prime1: UintRef::new(numbers.primes[0])?,
                prime2: UintRef::new(numbers.primes[1])?,
                exponent1: UintRef::new(numbers.exponents[0])?,
                exponent2: UintRef::new(numbers.exponents[1])?,
                coefficient: UintRef::new(numbers.coefficient)?,
            }
            .to_der()
        };
        let der = encode().map(Secret::new).map_err(malformed)?;
        Self::from_pkcs1_der(der.expose())
    }

    /// An EC key from its private number (unsigned, big-endian) and its point, uncompressed (SEC 1 section 2.3.3).
    ///
    /// # Errors
    /// As [`from_pkcs8_der`](Self::from_pkcs8_der).
    pub fn from_ec_numbers(curve: EcCurve, private: &[u8], point: &[u8]) -> Result<Self> {
        let oid = asn1::curve_oid(curve);
        let encode = || {
            EcPrivateKey {
                version: 1,
                private_key: OctetStringRef::new(private)?,
                parameters: Some(AnyRef::from(&oid)),
                public_key: Some(BitStringRef::from_bytes(point)?),
            }
            .to_der()
        };
        let der = encode().map(Secret::new).map_err(malformed)?;
        Self::from_sec1_der(der.expose(), None)
    }

    /// An Ed25519 key from its seed and its public half, 32 bytes each (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// As [`from_pkcs8_der`](Self::from_pkcs8_der).
    pub fn from_ed25519_seed(seed: &[u8], public: &[u8]) -> Result<Self> {
        let public = PublicKey::from_ed25519(public)?;
        let inner = OctetStringRef::new(seed)
            .and_then(|seed| seed.to_der())
            .map(Secret::new)
            .map_err(malformed)?;
        let der = asn1::encode_pkcs8(asn1::ED25519, None, inner.expose())?;
        let key = Self::from_pkcs8_der(der.expose())?;
        if *key.public_key() == public {
            Ok(key)
        } else {
            Err(mismatch())
        }
    }

    /// The key, for this one algorithm: a JWK may say what its key is for (RFC 7517 section 4.4).
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedAlgorithm`] where the key does not do it.
    pub fn only_for(self, algorithm: Algorithm) -> Result<Self> {
        if !self.algorithms().contains(&algorithm) {
            return Err(Error::new(
                ErrorKind::UnsupportedAlgorithm,
                format!("the key is for {algorithm}, which its type does not do"),
            )
            .with_hint("correct or remove \"alg\" in the key file"));
        }
        self.with_algorithms(vec![algorithm])
    }
}
