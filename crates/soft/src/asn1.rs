//! The ASN.1 of private keys: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017), SEC1 (RFC 5915).

use der::{
    Decode, Encode, Reader, Sequence, SliceReader, Tag, Tagged,
    asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef},
};
use keybearer_core::{EcCurve, Error, ErrorKind, Result, Secret};

pub(crate) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(crate) const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
pub(crate) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(crate) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// A PKCS#1 `RSAPrivateKey` in DER as PKCS#8, without a look at its numbers.
///
/// # Errors
/// [`ErrorKind::Malformed`] where it is no DER sequence.
pub fn pkcs8_from_pkcs1(pkcs1_der: &[u8]) -> Result<Secret> {
    sequence(pkcs1_der).map_err(malformed)?;
    encode_pkcs8(RSA, Some(AnyRef::NULL), pkcs1_der)
}

/// A SEC1 `ECPrivateKey` in DER as PKCS#8. `curve` holds where the key itself names none (the block `EC PARAMETERS`
/// of a PEM file does).
///
/// # Errors
/// [`ErrorKind::Malformed`] where it is none, or where nothing names the curve.
pub fn pkcs8_from_sec1(sec1_der: &[u8], curve: Option<EcCurve>) -> Result<Secret> {
    let given = curve.map(curve_oid);
    pkcs8_from_sec1_beside(sec1_der, given.as_ref().map(AnyRef::from))
}

/// As [`pkcs8_from_sec1`], with the `ECParameters` that stand beside the key, whatever they are.
pub(crate) fn pkcs8_from_sec1_beside(sec1_der: &[u8], given: Option<AnyRef<'_>>) -> Result<Secret> {
    let key = EcPrivateKey::from_der(sec1_der).map_err(malformed)?;
    let parameters = key.parameters.or(given);
    if parameters.is_none() {
        return Err(Error::new(
            ErrorKind::Malformed,
            "the EC private key does not name its curve",
        )
        .with_hint("rewrite it with its curve: openssl pkey -in OLD -out NEW"));
    }
    encode_pkcs8(EC, parameters, sec1_der)
}

/// A PKCS#8 `PrivateKeyInfo`, version 1, without attributes.
pub(crate) fn encode_pkcs8(
    oid: ObjectIdentifier,
    parameters: Option<AnyRef<'_>>,
    private_key: &[u8],
) -> Result<Secret> {
    let encode = || {
        PrivateKeyInfoV1 {
            version: 0,
            algorithm: AlgorithmIdentifier { oid, parameters },
            private_key: OctetStringRef::new(private_key)?,
        }
        .to_der()
    };
    encode().map(Secret::new).map_err(malformed)
}

pub(crate) fn curve_oid(curve: EcCurve) -> ObjectIdentifier {
    match curve {
        EcCurve::P256 => P256,
        EcCurve::P384 => P384,
        EcCurve::P521 => P521,
    }
}

pub(crate) fn curve_of(oid: ObjectIdentifier) -> Option<EcCurve> {
    [EcCurve::P256, EcCurve::P384, EcCurve::P521]
        .into_iter()
        .find(|curve| curve_oid(*curve) == oid)
}

/// An error about bytes that are no private key.
pub(crate) fn malformed(why: impl ToString) -> Error {
    Error::new(ErrorKind::Malformed, "the private key is damaged").with_source(why.to_string())
}

/// `AlgorithmIdentifier` (RFC 5280 section 4.1.1.2).
#[derive(Clone, Copy, Sequence)]
pub(crate) struct AlgorithmIdentifier<'a> {
    pub(crate) oid: ObjectIdentifier,
    pub(crate) parameters: Option<AnyRef<'a>>,
}

/// What is read of a PKCS#8 `OneAsymmetricKey`, version 1 or 2.
pub(crate) struct PrivateKeyInfo<'a> {
    pub(crate) algorithm: AlgorithmIdentifier<'a>,
    pub(crate) private_key: &'a [u8],
    /// The public half that version 2 may hold.
    pub(crate) public_key: Option<&'a [u8]>,
}

#[derive(Sequence)]
struct PrivateKeyInfoV1<'a> {
    version: u8,
    algorithm: AlgorithmIdentifier<'a>,
    private_key: &'a OctetStringRef,
}

/// `RSAPrivateKey` of two primes (RFC 8017 appendix A.1.2).
#[derive(Sequence)]
pub(crate) struct RsaPrivateKey<'a> {
    pub(crate) version: u8,
    pub(crate) modulus: UintRef<'a>,
    pub(crate) public_exponent: UintRef<'a>,
    pub(crate) private_exponent: UintRef<'a>,
    pub(crate) prime1: UintRef<'a>,
    pub(crate) prime2: UintRef<'a>,
    pub(crate) exponent1: UintRef<'a>,
    pub(crate) exponent2: UintRef<'a>,
    pub(crate) coefficient: UintRef<'a>,
}

/// `ECPrivateKey` (RFC 5915 section 3).
#[derive(Sequence)]
pub(crate) struct EcPrivateKey<'a> {
    pub(crate) version: u8,
    pub(crate) private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) parameters: Option<AnyRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) public_key: Option<BitStringRef<'a>>,
}

impl<'a> PrivateKeyInfo<'a> {
    /// Reads past the attributes: they are seldom sorted as DER asks, and nothing here needs them.
    pub(crate) fn read(der: &'a [u8]) -> Result<Self> {
        let read = || {
            let mut fields = SliceReader::new(sequence(der)?)?;
            let version = u8::decode(&mut fields)?;
            let algorithm = AlgorithmIdentifier::decode(&mut fields)?;
            let private_key = <&OctetStringRef>::decode(&mut fields)?.as_bytes();
            let mut public_key = None;
            while !fields.is_finished() {
                let field = AnyRef::decode(&mut fields)?;
                if field.tag().is_context_specific() && field.tag().number() == PUBLIC_KEY {
                    // An implicit BIT STRING: its first byte counts the unused bits, which a key does not have.
                    public_key = field.value().strip_prefix(&[0]);
                }
            }
            Ok((version, algorithm, private_key, public_key))
        };
        let (version, algorithm, private_key, public_key) =
            read().map_err(|error: der::Error| malformed(error))?;
        if version > 1 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("PKCS#8 keys of version {version} are unknown"),
            ));
        }
        Ok(Self {
            algorithm,
            private_key,
            public_key,
        })
    }
}

impl<'a> RsaPrivateKey<'a> {
    /// # Errors
    /// [`ErrorKind::Unsupported`] for keys of three primes and more, which are version 1.
    pub(crate) fn read(der: &'a [u8]) -> Result<Self> {
        let version = || {
            let mut fields = SliceReader::new(sequence(der)?)?;
            u8::decode(&mut fields)
        };
        let version = version().map_err(malformed)?;
        if version > 1 {
            return Err(malformed(format!(
                "RSA keys of version {version} are unknown"
            )));
        }
        if version == 1 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "RSA keys of three primes and more are not supported",
            )
            .with_hint(
                "make a new key with two primes: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            ));
        }
        Self::from_der(der).map_err(malformed)
    }
}

/// The content of a DER sequence that is all of `der`.
pub(crate) fn sequence(der: &[u8]) -> der::Result<&[u8]> {
    let whole = AnyRef::from_der(der)?;
    whole.tag().assert_eq(Tag::Sequence)?;
    Ok(whole.value())
}

const PUBLIC_KEY: der::TagNumber = der::TagNumber(1);
