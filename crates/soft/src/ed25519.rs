//! Ed25519 keys (RFC 8410).

use der::{Decode, Encode, asn1::OctetStringRef};
use keybearer_core::{Algorithm, KeyType, PublicKey, Result, Secret};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::{
    asn1::{ED25519, PrivateKeyInfo, encode_pkcs8, malformed},
    backend::Backend,
    key::{Parts, mismatch},
};

pub(crate) fn read(info: &PrivateKeyInfo<'_>) -> Result<Parts> {
    let seed = <&OctetStringRef>::from_der(info.private_key)
        .map_err(malformed)?
        .as_bytes();
    let pair = match info.public_key {
        Some(public) if public.len() == 32 && seed.len() == 32 => {
            Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(|_| mismatch())?
        }
        Some(_) => return Err(malformed("an Ed25519 key has 32 bytes in each half")),
        None => Ed25519KeyPair::from_seed_unchecked(seed).map_err(malformed)?,
    };
    Ok(Parts {
        public: PublicKey::from_ed25519(pair.public_key().as_ref())?,
        algorithms: Algorithm::of(KeyType::Ed25519).to_vec(),
        pkcs8: to_pkcs8(seed)?,
        backend: Backend::Ed25519(pair),
    })
}

/// Version 1, without the public half: what every program reads.
fn to_pkcs8(seed: &[u8]) -> Result<Secret> {
    let inner = OctetStringRef::new(seed)
        .and_then(|seed| seed.to_der())
        .map_err(malformed)?;
    encode_pkcs8(ED25519, None, Secret::new(inner).expose())
}
