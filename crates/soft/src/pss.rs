//! Keys that are restricted to RSASSA-PSS by their object identifier (RFC 4055, RFC 8017 appendix A.2.3).

use der::{
    Encode, Sequence,
    asn1::{AnyRef, BitStringRef, ObjectIdentifier},
};
use keybearer_core::{Algorithm, Error, ErrorKind, Hash, PublicKey, Result};

use crate::asn1::{AlgorithmIdentifier, malformed};

const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const HASHES: [(ObjectIdentifier, Hash); 3] = [
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"),
        Hash::Sha256,
    ),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"),
        Hash::Sha384,
    ),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"),
        Hash::Sha512,
    ),
];

/// What such a key may do: everything of RSASSA-PSS without parameters, else the one hash that they name.
///
/// # Errors
/// [`ErrorKind::Unsupported`] where the parameters ask for what JOSE does not have: another hash (SHA-1 where none is
/// named), another mask, a salt longer than the hash.
pub(crate) fn algorithms(parameters: Option<AnyRef<'_>>) -> Result<Vec<Algorithm>> {
    let all = Algorithm::ALL
        .into_iter()
        .filter(|algorithm| algorithm.is_pss());
    let Some(parameters) = parameters else {
        return Ok(all.collect());
    };
    let restricted = parameters
        .decode_as::<Parameters<'_>>()
        .map_err(malformed)?;
    // RFC 4055 section 3.1: no other trailer than the first is known.
    if restricted.trailer.is_some_and(|trailer| trailer != 1) {
        return Err(malformed("its restriction names an unknown trailer"));
    }
    let hash = restricted.hash.and_then(|hash| hash_of(hash.oid));
    let mask = restricted
        .mask
        .filter(|mask| mask.oid == MGF1)
        .and_then(|mask| mask.parameters?.decode_as::<AlgorithmIdentifier<'_>>().ok())
        .and_then(|hash| hash_of(hash.oid));
    // The salt that is asked for is the least one (RFC 4055 section 3.1); JOSE's is as long as the hash.
    let least_salt = usize::from(restricted.salt_length.unwrap_or(20));
    let found: Vec<_> = all
        .filter(|algorithm| {
            let own = algorithm.hash();
            own == hash && own == mask && own.is_some_and(|hash| least_salt <= hash.len())
        })
        .collect();
    if found.is_empty() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the RSA key is restricted to a form of RSASSA-PSS that JOSE does not have",
        )
        .with_hint("PS256, PS384 and PS512 take one hash for message and mask, and a salt as long as the hash"));
    }
    Ok(found)
}

/// The public half, with the same restriction.
pub(crate) fn public_key(algorithm: &AlgorithmIdentifier<'_>, pkcs1: &[u8]) -> Result<PublicKey> {
    let encode = || {
        SubjectPublicKeyInfo {
            algorithm: *algorithm,
            key: BitStringRef::from_bytes(pkcs1)?,
        }
        .to_der()
    };
    PublicKey::from_spki_der(&encode().map_err(malformed)?)
}

/// `RSASSA-PSS-params`.
#[derive(Sequence)]
struct Parameters<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifier<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifier<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt_length: Option<u16>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

#[derive(Sequence)]
struct SubjectPublicKeyInfo<'a> {
    algorithm: AlgorithmIdentifier<'a>,
    key: BitStringRef<'a>,
}

fn hash_of(oid: ObjectIdentifier) -> Option<Hash> {
    HASHES
        .iter()
        .find(|(known, _)| *known == oid)
        .map(|(_, hash)| *hash)
}
