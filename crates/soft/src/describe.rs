//! What a private key is, whether or not it can be used.

use der::{
    Decode, SliceReader,
    asn1::{AnyRef, ObjectIdentifier, UintRef},
};

use keybearer_core::{Certificate, KeyType};

use crate::{
    PrivateKey,
    asn1::{self, AlgorithmIdentifier, EcPrivateKey, PrivateKeyInfo},
    rsa::{bit_length, check_size},
};

/// A private key as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyDescription {
    /// `RSA`, `EC`, `OKP` (Ed25519 and its like), `DSA`, `DH`, or the object identifier of another type; empty where the
    /// bytes are no key.
    pub key_type: String,
    /// The size in bits, where that can be told.
    pub bits: Option<usize>,
    /// Why nothing here signs with it; `None` where something does.
    pub unusable: Option<String>,
}

/// Describes a PKCS#8 `PrivateKeyInfo` in DER, also of a key that [`PrivateKey`] refuses: `key list` and `key show` tell
/// what is there and why it cannot be used.
pub fn describe(pkcs8_der: &[u8]) -> KeyDescription {
    let read = PrivateKey::from_pkcs8_der(pkcs8_der);
    if let Ok(key) = &read {
        let key_type = key.public_key().key_type();
        return KeyDescription {
            key_type: key_type.name().into(),
            bits: Some(key_type.bits()),
            unusable: None,
        };
    }
    let (key_type, bits) = PrivateKeyInfo::read(pkcs8_der)
        .map(|info| (type_of(info.algorithm.oid), bits_of(&info)))
        .unwrap_or_default();
    KeyDescription {
        key_type,
        bits,
        unusable: read.err().map(|error| error.to_string()),
    }
}

/// Describes the key of a certificate, as [`describe`] does the private one: a list tells so much of a key that stays
/// encrypted. That an RSA key has three primes shows in the private key alone.
pub fn describe_certificate(certificate: &Certificate) -> KeyDescription {
    let read = certificate.public_key();
    if let Ok(key) = &read {
        let key_type = key.key_type();
        let size = match key_type {
            KeyType::Rsa { bits } => check_size(bits),
            _ => Ok(()),
        };
        return KeyDescription {
            key_type: key_type.name().into(),
            bits: Some(key_type.bits()),
            unusable: size.err().map(|error| error.to_string()),
        };
    }
    let spki = certificate.spki_der();
    let algorithm = spki
        .ok()
        .and_then(|spki| AnyRef::from_der(spki).ok())
        .and_then(|spki| {
            let algorithm = AlgorithmIdentifier::decode(&mut SliceReader::new(spki.value()).ok()?);
            algorithm.ok()
        });
    let why = read.err().map(|error| error.to_string());
    match algorithm {
        Some(algorithm) => KeyDescription {
            key_type: type_of(algorithm.oid),
            bits: bits_by_parameters(&algorithm),
            unusable: match algorithm.oid {
                asn1::RSA | asn1::RSA_PSS | asn1::EC | asn1::ED25519 => why,
                other => Some(cannot_sign(other)),
            },
        },
        None => KeyDescription {
            key_type: String::new(),
            bits: None,
            unusable: why,
        },
    }
}

/// Said of a type of key that makes no signatures here.
pub(crate) fn cannot_sign(oid: ObjectIdentifier) -> String {
    format!("{} keys cannot sign tokens", name_of(oid))
}

struct Known {
    oid: ObjectIdentifier,
    key_type: &'static str,
    name: &'static str,
    bits: Option<usize>,
}

const fn known(
    oid: &'static str,
    key_type: &'static str,
    name: &'static str,
    bits: Option<usize>,
) -> Known {
    Known {
        oid: ObjectIdentifier::new_unwrap(oid),
        key_type,
        name,
        bits,
    }
}

const TYPES: [Known; 11] = [
    known("1.2.840.113549.1.1.1", "RSA", "RSA", None),
    known("1.2.840.113549.1.1.10", "RSA", "RSASSA-PSS", None),
    known("1.2.840.10045.2.1", "EC", "EC", None),
    known("1.2.840.10040.4.1", "DSA", "DSA", None),
    known("1.2.840.113549.1.3.1", "DH", "DH", None),
    known("1.2.840.10046.2.1", "DH", "X9.42 DH", None),
    known("1.3.101.110", "OKP", "X25519", Some(256)),
    known("1.3.101.111", "OKP", "X448", Some(448)),
    known("1.3.101.112", "OKP", "Ed25519", Some(256)),
    known("1.3.101.113", "OKP", "Ed448", Some(456)),
    known("1.2.156.10197.1.301", "EC", "SM2", Some(256)),
];

const CURVES: [Known; 9] = [
    known("1.2.840.10045.3.1.1", "EC", "P-192", Some(192)),
    known("1.3.132.0.33", "EC", "P-224", Some(224)),
    known("1.2.840.10045.3.1.7", "EC", "P-256", Some(256)),
    known("1.3.132.0.34", "EC", "P-384", Some(384)),
    known("1.3.132.0.35", "EC", "P-521", Some(521)),
    known("1.3.132.0.10", "EC", "secp256k1", Some(256)),
    known("1.3.36.3.3.2.8.1.1.7", "EC", "brainpoolP256r1", Some(256)),
    known("1.3.36.3.3.2.8.1.1.11", "EC", "brainpoolP384r1", Some(384)),
    known("1.3.36.3.3.2.8.1.1.13", "EC", "brainpoolP512r1", Some(512)),
];

/// The name of a type of key, as people know it.
fn name_of(oid: ObjectIdentifier) -> String {
    find(&TYPES, oid).map_or_else(|| oid.to_string(), |known| known.name.into())
}

/// The name of a curve, as people know it.
pub(crate) fn curve_name(oid: ObjectIdentifier) -> String {
    find(&CURVES, oid).map_or_else(|| oid.to_string(), |known| known.name.into())
}

fn find(table: &'static [Known], oid: ObjectIdentifier) -> Option<&'static Known> {
    table.iter().find(|known| known.oid == oid)
}

fn type_of(oid: ObjectIdentifier) -> String {
    find(&TYPES, oid).map_or_else(|| oid.to_string(), |known| known.key_type.into())
}

fn bits_of(info: &PrivateKeyInfo<'_>) -> Option<usize> {
    let parameters = info.algorithm.parameters;
    match info.algorithm.oid {
        // The modulus is the second number of RSAPrivateKey, whose first is the version.
        asn1::RSA | asn1::RSA_PSS => number(asn1::sequence(info.private_key).ok()?, 1),
        asn1::EC => {
            let inner = EcPrivateKey::from_der(info.private_key).ok()?;
            let oid = parameters
                .or(inner.parameters)
                .and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
            oid.and_then(|oid| find(&CURVES, oid)?.bits)
                .or(Some(inner.private_key.as_bytes().len() * 8))
        }
        _ => bits_by_parameters(&info.algorithm),
    }
}

/// What the type of a key says alone, or its curve, or its prime.
fn bits_by_parameters(algorithm: &AlgorithmIdentifier<'_>) -> Option<usize> {
    let fixed = find(&TYPES, algorithm.oid).and_then(|known| known.bits);
    let parameters = algorithm.parameters;
    match algorithm.oid {
        asn1::EC => find(&CURVES, parameters?.decode_as::<ObjectIdentifier>().ok()?)?.bits,
        // DSA and both kinds of DH begin their parameters with the prime.
        _ => fixed.or_else(|| number(parameters?.value(), 0)),
    }
}

/// The length in bits of the number at this place among the fields of a sequence.
fn number(fields: &[u8], place: usize) -> Option<usize> {
    let mut fields = SliceReader::new(fields).ok()?;
    for _ in 0..place {
        AnyRef::decode(&mut fields).ok()?;
    }
    let number = UintRef::decode(&mut fields).ok()?;
    Some(bit_length(number.as_bytes()))
}
