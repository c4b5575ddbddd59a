//! Signature algorithms by their JOSE names.

use std::{fmt, str::FromStr};

use crate::{Error, ErrorKind, Result};

/// A signature algorithm of JOSE (RFC 7518 section 3.1, RFC 8037, RFC 9864). `none` and the symmetric ones are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256, a salt of 32 bytes.
    Ps256,
    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384, a salt of 48 bytes.
    Ps384,
    /// RSASSA-PSS with SHA-512, MGF1 with SHA-512, a salt of 64 bytes.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519 (RFC 8032). In a JWS header it is `EdDSA` (RFC 8037) unless a caller asks for `Ed25519` (RFC 9864).
    Ed25519,
}

/// A hash function that an [`Algorithm`] applies to the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// The curves of JOSE's ECDSA (RFC 7518 section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum EcCurve {
    P256,
    P384,
    P521,
}

/// What kind of key a public key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// RSA, with the length of its modulus in bits.
    Rsa {
        /// The length of the modulus in bits.
        bits: usize,
    },
    /// An elliptic curve key for ECDSA.
    Ec(EcCurve),
    /// Ed25519.
    Ed25519,
}

impl Algorithm {
    /// All of them, in the order of the declaration.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Ed25519,
    ];

    /// The name by which this algorithm is asked for: `RS256`, … and `Ed25519`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// The value of a JWS header's `alg`: [`name`](Self::name), but `EdDSA` for Ed25519 (RFC 8037 section 3.1), which is
    /// what servers understand.
    pub fn jws_name(self) -> &'static str {
        match self {
            Self::Ed25519 => "EdDSA",
            other => other.name(),
        }
    }

    /// The hash of the message; `None` for Ed25519, which takes the message itself.
    pub fn hash(self) -> Option<Hash> {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => Some(Hash::Sha256),
            Self::Rs384 | Self::Ps384 | Self::Es384 => Some(Hash::Sha384),
            Self::Rs512 | Self::Ps512 | Self::Es512 => Some(Hash::Sha512),
            Self::Ed25519 => None,
        }
    }

    /// The curve of an ECDSA algorithm.
    pub fn curve(self) -> Option<EcCurve> {
        match self {
            Self::Es256 => Some(EcCurve::P256),
            Self::Es384 => Some(EcCurve::P384),
            Self::Es512 => Some(EcCurve::P521),
            _ => None,
        }
    }

    /// Whether this is an RSA algorithm, of either padding.
    pub fn is_rsa(self) -> bool {
        self.is_pkcs1() || self.is_pss()
    }

    /// Whether this is RSASSA-PKCS1-v1_5.
    pub fn is_pkcs1(self) -> bool {
        matches!(self, Self::Rs256 | Self::Rs384 | Self::Rs512)
    }

    /// Whether this is RSASSA-PSS.
    pub fn is_pss(self) -> bool {
        matches!(self, Self::Ps256 | Self::Ps384 | Self::Ps512)
    }

    /// Whether a key of this type can do this algorithm.
    pub fn fits(self, key_type: KeyType) -> bool {
        Self::of(key_type).contains(&self)
    }

    /// What a key of this type can do, in the order in which keybearer prefers them.
    pub fn of(key_type: KeyType) -> &'static [Self] {
        match key_type {
            KeyType::Rsa { .. } => &[
                Self::Rs256,
                Self::Rs384,
                Self::Rs512,
                Self::Ps256,
                Self::Ps384,
                Self::Ps512,
            ],
            KeyType::Ec(EcCurve::P256) => &[Self::Es256],
            KeyType::Ec(EcCurve::P384) => &[Self::Es384],
            KeyType::Ec(EcCurve::P521) => &[Self::Es512],
            KeyType::Ed25519 => &[Self::Ed25519],
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    /// Takes the names of RFC 7518 and both names of Ed25519, in any case.
    fn from_str(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|algorithm| {
            text.eq_ignore_ascii_case(algorithm.name())
                || text.eq_ignore_ascii_case(algorithm.jws_name())
        });
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::new(
                ErrorKind::UnsupportedAlgorithm,
                format!("there is no signature algorithm \"{text}\""),
            )
            .with_hint(format!("the algorithms are {names}"))
        })
    }
}

impl Hash {
    /// The length of the digest in bytes.
    pub fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Never: a digest has bytes.
    pub fn is_empty(self) -> bool {
        false
    }
}

impl EcCurve {
    /// The name in a JWK (RFC 7518 section 6.2.1.1): `P-256`, `P-384`, `P-521`.
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// The length of the curve's order in bits.
    pub fn bits(self) -> usize {
        match self {
            Self::P256 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }

    /// The length in bytes of a coordinate, of the private scalar, and of each half of a signature.
    pub fn field_len(self) -> usize {
        self.bits().div_ceil(8)
    }
}

impl KeyType {
    /// The name in a JWK's `kty`: `RSA`, `EC` or `OKP`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa { .. } => "RSA",
            Self::Ec(_) => "EC",
            Self::Ed25519 => "OKP",
        }
    }

    /// The size in bits, as people name it: the modulus, the curve, 256 for Ed25519.
    pub fn bits(self) -> usize {
        match self {
            Self::Rsa { bits } => bits,
            Self::Ec(curve) => curve.bits(),
            Self::Ed25519 => 256,
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA-{bits}"),
            Self::Ec(curve) => f.write_str(curve.name()),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse::<Algorithm>().unwrap(), algorithm);
            assert_eq!(
                algorithm.jws_name().parse::<Algorithm>().unwrap(),
                algorithm
            );
        }
        let error = "HS256".parse::<Algorithm>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm);
        assert!(error.hint().unwrap().contains("RS256"));
    }

    #[test]
    fn a_key_type_names_what_it_can_do() {
        assert!(Algorithm::Es512.fits(KeyType::Ec(EcCurve::P521)));
        assert!(!Algorithm::Es256.fits(KeyType::Ec(EcCurve::P521)));
        assert!(Algorithm::Ps384.fits(KeyType::Rsa { bits: 2048 }));
        assert_eq!(EcCurve::P521.field_len(), 66);
    }
}
