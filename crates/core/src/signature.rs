//! Signatures in the encoding of JWS, and in DER for X.509 and TLS.

use std::fmt;

use der::{
    Decode, Encode, Sequence,
    asn1::{Uint, UintRef},
};

use crate::{Algorithm, Error, ErrorKind, Result};

/// A signature, in the encoding of JWS (RFC 7515, RFC 7518 section 3): RSA as long as the modulus, ECDSA as `r || s`,
/// each as long as the curve's field, Ed25519 64 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl Signature {
    /// Takes the encoding of JWS. A length that the algorithm cannot have is [`ErrorKind::Malformed`].
    pub fn from_jws(algorithm: Algorithm, bytes: impl Into<Vec<u8>>) -> Result<Self> {
        let bytes = bytes.into();
        let right = match (algorithm, algorithm.curve()) {
            (_, Some(curve)) => bytes.len() == 2 * curve.field_len(),
            (Algorithm::Ed25519, None) => bytes.len() == 64,
            // RSA under 1024 or over 16384 bits is no key of ours; the exact length is the modulus's, unknown here.
            _ => (128..=2048).contains(&bytes.len()),
        };
        if right {
            return Ok(Self { algorithm, bytes });
        }
        Err(Error::new(
            ErrorKind::Malformed,
            format!(
                "a signature of {} bytes is not one of {algorithm}",
                bytes.len()
            ),
        ))
    }

    /// Takes the encoding of X.509, TLS and most key services: for ECDSA a DER `ECDSA-Sig-Value` (RFC 3279 section
    /// 2.2.3), for the others the same bytes as in JWS.
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self> {
        let Some(curve) = algorithm.curve() else {
            return Self::from_jws(algorithm, der);
        };
        let malformed = |why: String| {
            Error::new(
                ErrorKind::Malformed,
                format!("the {algorithm} signature is not a DER ECDSA-Sig-Value"),
            )
            .with_source(why)
        };
        let value = EcdsaSigValue::from_der(der).map_err(|error| malformed(error.to_string()))?;
        let mut bytes = vec![0; 2 * curve.field_len()];
        let (r, s) = bytes.split_at_mut(curve.field_len());
        for (half, integer) in [(r, &value.r), (s, &value.s)] {
            let digits = integer.as_bytes();
            let start = half
                .len()
                .checked_sub(digits.len())
                .ok_or_else(|| malformed("an integer is too long".into()))?;
            half[start..].copy_from_slice(digits);
        }
        Ok(Self { algorithm, bytes })
    }

    /// The algorithm that made it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes in the encoding of JWS.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes in the encoding of JWS.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The encoding of X.509 and TLS: see [`from_der`](Self::from_der).
    pub fn to_der(&self) -> Result<Vec<u8>> {
        let Some(curve) = self.algorithm.curve() else {
            return Ok(self.bytes.clone());
        };
        let (r, s) = self.bytes.split_at(curve.field_len());
        let encode = || {
            let value = EcdsaSigValue {
                r: Uint::new(UintRef::new(r)?.as_bytes())?,
                s: Uint::new(UintRef::new(s)?.as_bytes())?,
            };
            value.to_der()
        };
        encode().map_err(|error: der::Error| {
            Error::new(ErrorKind::Malformed, "the signature has no DER encoding")
                .with_source(error.to_string())
        })
    }
}

#[derive(Sequence)]
struct EcdsaSigValue {
    r: Uint,
    s: Uint,
}

impl AsRef<[u8]> for Signature {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A signature is half of a bearer assertion: `Debug` gives its algorithm and length alone.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Signature({}, {} bytes)",
            self.algorithm,
            self.bytes.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecdsa_goes_to_der_and_back() {
        let mut jws = vec![0u8; 64];
        jws[1] = 0x80;
        jws[63] = 1;
        let signature = Signature::from_jws(Algorithm::Es256, jws.clone()).unwrap();
        let der = signature.to_der().unwrap();
        assert_eq!(der[..4], [0x30, 37, 0x02, 32]);
        assert_eq!(
            Signature::from_der(Algorithm::Es256, &der)
                .unwrap()
                .as_bytes(),
            jws
        );
    }

    #[test]
    fn a_high_bit_gets_its_zero_byte() {
        let signature = Signature::from_jws(Algorithm::Es384, vec![0xff; 96]).unwrap();
        let der = signature.to_der().unwrap();
        assert_eq!(der[..5], [0x30, 102, 0x02, 49, 0x00]);
        assert_eq!(
            Signature::from_der(Algorithm::Es384, &der).unwrap(),
            signature
        );
    }

    #[test]
    fn p521_survives_the_long_form() {
        let mut jws = vec![0xff; 132];
        jws[0] = 1;
        jws[66] = 1;
        let signature = Signature::from_jws(Algorithm::Es512, jws).unwrap();
        let der = signature.to_der().unwrap();
        assert_eq!(der[..3], [0x30, 0x81, 136]);
        assert_eq!(
            Signature::from_der(Algorithm::Es512, &der).unwrap(),
            signature
        );
    }

    #[test]
    fn wrong_lengths_and_bad_der_are_refused() {
        for (algorithm, length) in [
            (Algorithm::Es256, 63),
            (Algorithm::Ed25519, 65),
            (Algorithm::Rs256, 0),
        ] {
            assert_eq!(
                Signature::from_jws(algorithm, vec![1; length])
                    .unwrap_err()
                    .kind(),
                ErrorKind::Malformed
            );
        }
        // A 33-byte integer without a leading zero, trailing bytes, an empty input, a negative integer.
        let long = [&[0x30, 38, 2, 33][..], &[0x01; 33], &[2, 1, 1]].concat();
        for der in [
            &long[..],
            &[0x30, 6, 2, 1, 1, 2, 1, 1, 0],
            &[],
            &[0x30, 6, 2, 1, 0x80, 2, 1, 1],
        ] {
            assert_eq!(
                Signature::from_der(Algorithm::Es256, der)
                    .unwrap_err()
                    .kind(),
                ErrorKind::Malformed
            );
        }
    }
}
