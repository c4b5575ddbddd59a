//! The public half of a key: a `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).

use std::fmt;

use der::{
    Decode, Encode, Reader, Sequence, SliceReader,
    asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef},
};

use crate::{Certificate, EcCurve, Error, ErrorKind, KeyType, Result};

/// A public key, as a `SubjectPublicKeyInfo` in DER.
///
/// Two are equal where they are the same key, whatever the encoding they came in.
#[derive(Clone)]
pub struct PublicKey {
    spki: Vec<u8>,
    key_type: KeyType,
    key: Vec<u8>,
}

/// The file sizes that a public key or a certificate can have; core reads nothing larger.
pub(crate) const FILE_LIMIT: u64 = 1 << 20;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const CURVES: [(ObjectIdentifier, EcCurve); 3] = [
    (
        ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        EcCurve::P256,
    ),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), EcCurve::P384),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), EcCurve::P521),
];

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in DER.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] where it is none, [`ErrorKind::Unsupported`] where the key is of a type that no
    /// [`KeyType`] names (DSA, X25519, other curves).
    pub fn from_spki_der(der: &[u8]) -> Result<Self> {
        let info = Spki::from_der(der).map_err(malformed)?;
        let key = info
            .key
            .as_bytes()
            .ok_or_else(|| malformed("the bit string has unused bits"))?;
        let parameters = info.algorithm.parameters;
        match info.algorithm.oid {
            RSA => Self::from_rsa_pkcs1_der(key),
            RSA_PSS => Ok(Self {
                spki: der.into(),
                key_type: rsa_type(key)?,
                key: key.into(),
            }),
            EC => {
                let oid = parameters
                    .and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
                let curve = CURVES
                    .iter()
                    .find(|(known, _)| Some(*known) == oid)
                    .map(|(_, curve)| *curve);
                let named = oid.map_or_else(|| "explicit parameters".into(), |oid| oid.to_string());
                let curve = curve.ok_or_else(|| {
                    Error::new(
                        ErrorKind::Unsupported,
                        format!("the elliptic curve {named} is not one of JOSE's"),
                    )
                    .with_hint("the curves are P-256, P-384 and P-521")
                })?;
                Self::from_ec_point(curve, key)
            }
            ED25519 => Self::from_ed25519(key),
            other => Err(Error::new(
                ErrorKind::Unsupported,
                format!("keys of type {other} cannot sign tokens"),
            )
            .with_hint("the key types are RSA, EC (P-256, P-384, P-521) and Ed25519")),
        }
    }

    /// Reads PEM (`PUBLIC KEY`, `RSA PUBLIC KEY` or a certificate) or DER (a `SubjectPublicKeyInfo` or a certificate).
    pub fn from_file(bytes: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(bytes);
        if !text.contains("-----BEGIN") {
            return Self::from_spki_der(bytes).or_else(|error| {
                if error.kind() == ErrorKind::Malformed {
                    Certificate::from_der(bytes)?.public_key()
                } else {
                    Err(error)
                }
            });
        }
        let blocks =
            pem::parse_many(text.as_bytes()).map_err(|error| malformed(error.to_string()))?;
        let known = blocks.iter().find_map(|block| match block.tag() {
            "PUBLIC KEY" => Some(Self::from_spki_der(block.contents())),
            "RSA PUBLIC KEY" => Some(Self::from_rsa_pkcs1_der(block.contents())),
            "CERTIFICATE" => {
                Some(Certificate::from_der(block.contents()).and_then(|leaf| leaf.public_key()))
            }
            _ => None,
        });
        known.unwrap_or_else(|| Err(malformed("no PUBLIC KEY and no CERTIFICATE block is in it")))
    }

    /// An RSA key from a PKCS#1 `RSAPublicKey` in DER (RFC 8017 appendix A.1.1).
    pub fn from_rsa_pkcs1_der(der: &[u8]) -> Result<Self> {
        Self::assemble(RSA, Some(AnyRef::NULL), rsa_type(der)?, der)
    }

    /// An RSA key from its modulus and exponent, unsigned and big-endian.
    pub fn from_rsa_components(modulus: &[u8], exponent: &[u8]) -> Result<Self> {
        let encode = || {
            RsaKey {
                modulus: UintRef::new(modulus)?,
                exponent: UintRef::new(exponent)?,
            }
            .to_der()
        };
        Self::from_rsa_pkcs1_der(&encode().map_err(malformed)?)
    }

    /// An elliptic curve key from its uncompressed point (SEC 1 section 2.3.3).
    pub fn from_ec_point(curve: EcCurve, point: &[u8]) -> Result<Self> {
        if point.len() != 1 + 2 * curve.field_len() || point[0] != 4 {
            return Err(malformed(format!(
                "the {} point is not an uncompressed one",
                curve.name()
            )));
        }
        let oid = CURVES
            .iter()
            .find(|(_, known)| *known == curve)
            .map(|(oid, _)| oid);
        Self::assemble(EC, oid.map(AnyRef::from), KeyType::Ec(curve), point)
    }

    /// An Ed25519 key from its 32 bytes (RFC 8410 section 4).
    pub fn from_ed25519(key: &[u8]) -> Result<Self> {
        if key.len() != 32 {
            return Err(malformed("an Ed25519 public key has 32 bytes"));
        }
        Self::assemble(ED25519, None, KeyType::Ed25519, key)
    }

    /// The `SubjectPublicKeyInfo` in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The type and size of the key.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The key alone: for RSA a PKCS#1 `RSAPublicKey` in DER, for EC the uncompressed point, for Ed25519 its 32 bytes.
    pub fn key_bytes(&self) -> &[u8] {
        &self.key
    }

    /// The key in PEM.
    pub fn to_pem(&self) -> String {
        pem::encode_config(
            &pem::Pem::new("PUBLIC KEY", self.spki.as_slice()),
            pem_config(),
        )
    }

    fn assemble(
        oid: ObjectIdentifier,
        parameters: Option<AnyRef<'_>>,
        key_type: KeyType,
        key: &[u8],
    ) -> Result<Self> {
        let encode = || {
            Spki {
                algorithm: AlgorithmId { oid, parameters },
                key: BitStringRef::from_bytes(key)?,
            }
            .to_der()
        };
        Ok(Self {
            spki: encode().map_err(malformed)?,
            key_type,
            key: key.into(),
        })
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.key_type == other.key_type && self.key == other.key
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.key_type)
    }
}

/// Lines end as on Unix: what other programs read everywhere.
pub(crate) fn pem_config() -> pem::EncodeConfig {
    pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF)
}

#[derive(Sequence)]
struct Spki<'a> {
    algorithm: AlgorithmId<'a>,
    key: BitStringRef<'a>,
}

#[derive(Sequence)]
struct AlgorithmId<'a> {
    oid: ObjectIdentifier,
    parameters: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct RsaKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

fn rsa_type(pkcs1: &[u8]) -> Result<KeyType> {
    let mut reader = SliceReader::new(pkcs1).map_err(malformed)?;
    let key = RsaKey::decode(&mut reader).map_err(malformed)?;
    reader.finish().map_err(malformed)?;
    let modulus = key.modulus.as_bytes();
    let leading = modulus
        .first()
        .map_or(8, |byte| byte.leading_zeros() as usize);
    Ok(KeyType::Rsa {
        bits: (modulus.len() * 8).saturating_sub(leading),
    })
}

fn malformed(why: impl ToString) -> Error {
    Error::new(ErrorKind::Malformed, "this is not a public key").with_source(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rsa_from_components_is_canonical() {
        let mut modulus = vec![0xc5; 256];
        let key = PublicKey::from_rsa_components(&modulus, &[1, 0, 1]).unwrap();
        assert_eq!(key.key_type(), KeyType::Rsa { bits: 2048 });
        assert_eq!(PublicKey::from_spki_der(key.spki_der()).unwrap(), key);
        assert_eq!(
            PublicKey::from_file(key.to_pem().as_bytes())
                .unwrap()
                .spki_der(),
            key.spki_der()
        );
        modulus.insert(0, 0);
        assert_eq!(
            PublicKey::from_rsa_components(&modulus, &[0, 1, 0, 1]).unwrap(),
            key
        );
        modulus[1] = 0x45;
        assert_eq!(
            PublicKey::from_rsa_components(&modulus, &[3])
                .unwrap()
                .key_type()
                .bits(),
            2047
        );
    }

    #[test]
    fn ec_and_ed25519() {
        let mut point = vec![7; 97];
        point[0] = 4;
        let key = PublicKey::from_ec_point(EcCurve::P384, &point).unwrap();
        assert_eq!(PublicKey::from_spki_der(key.spki_der()).unwrap(), key);
        point[0] = 2;
        assert_eq!(
            PublicKey::from_ec_point(EcCurve::P384, &point)
                .unwrap_err()
                .kind(),
            ErrorKind::Malformed
        );
        let key = PublicKey::from_ed25519(&[9; 32]).unwrap();
        assert_eq!(
            PublicKey::from_file(key.spki_der()).unwrap().key_type(),
            KeyType::Ed25519
        );
    }

    #[test]
    fn other_keys_and_garbage() {
        // X25519 (1.3.101.110), otherwise like Ed25519.
        let mut spki = PublicKey::from_ed25519(&[9; 32])
            .unwrap()
            .spki_der()
            .to_vec();
        spki[8] = 110;
        assert_eq!(
            PublicKey::from_spki_der(&spki).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
        for bytes in [
            &b""[..],
            b"garbage",
            b"\x30\x80",
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        ] {
            assert_eq!(
                PublicKey::from_file(bytes).unwrap_err().kind(),
                ErrorKind::Malformed
            );
        }
    }
}
