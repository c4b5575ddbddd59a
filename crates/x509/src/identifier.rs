//! Which algorithm has signed: `AlgorithmIdentifier` (RFC 5280 section 4.1.1.2).

use der::{
    Encode, Sequence,
    asn1::{Any, ObjectIdentifier},
};
use keybearer_core::{Algorithm, Error, ErrorKind, Hash, Result};

use crate::failed;

#[derive(Clone, Sequence)]
pub(crate) struct Identifier {
    oid: ObjectIdentifier,
    parameters: Option<Any>,
}

impl Identifier {
    /// RFC 4055 sections 3.1 and 5, RFC 5758 section 3.2, RFC 8410 section 3.
    pub(crate) fn new(algorithm: Algorithm) -> Result<Self> {
        let (oid, parameters) = match algorithm {
            Algorithm::Rs256 => ("1.2.840.113549.1.1.11", Some(Any::null())),
            Algorithm::Rs384 => ("1.2.840.113549.1.1.12", Some(Any::null())),
            Algorithm::Rs512 => ("1.2.840.113549.1.1.13", Some(Any::null())),
            Algorithm::Ps256 => (RSASSA_PSS, Some(pss(Hash::Sha256)?)),
            Algorithm::Ps384 => (RSASSA_PSS, Some(pss(Hash::Sha384)?)),
            Algorithm::Ps512 => (RSASSA_PSS, Some(pss(Hash::Sha512)?)),
            Algorithm::Es256 => ("1.2.840.10045.4.3.2", None),
            Algorithm::Es384 => ("1.2.840.10045.4.3.3", None),
            Algorithm::Es512 => ("1.2.840.10045.4.3.4", None),
            Algorithm::Ed25519 => ("1.3.101.112", None),
            other => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("certificates are not signed with {other} here"),
                )
                .with_hint("name another algorithm of the key: RS256, ES256, Ed25519"));
            }
        };
        Self::of(oid, parameters)
    }

    fn of(oid: &str, parameters: Option<Any>) -> Result<Self> {
        let oid = ObjectIdentifier::new(oid).map_err(failed)?;
        Ok(Self { oid, parameters })
    }
}

const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";
const MGF1: &str = "1.2.840.113549.1.1.8";

/// `RSASSA-PSS-params` as JOSE has them: one hash for message and mask, a salt as long as the hash.
#[derive(Sequence)]
struct PssParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    hash: Identifier,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT")]
    mask: Identifier,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT")]
    salt_length: u8,
}

fn pss(hash: Hash) -> Result<Any> {
    let (oid, salt_length) = match hash {
        Hash::Sha256 => ("2.16.840.1.101.3.4.2.1", 32),
        Hash::Sha384 => ("2.16.840.1.101.3.4.2.2", 48),
        Hash::Sha512 => ("2.16.840.1.101.3.4.2.3", 64),
    };
    let hash = Identifier::of(oid, Some(Any::null()))?;
    let inner = hash.to_der().and_then(|der| der::Decode::from_der(&der));
    let parameters = PssParameters {
        mask: Identifier::of(MGF1, Some(inner.map_err(failed)?))?,
        hash,
        salt_length,
    };
    let der = parameters.to_der().map_err(failed)?;
    der::Decode::from_der(&der).map_err(failed)
}
