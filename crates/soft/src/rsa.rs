//! RSA keys: what they must be, and who signs with them.

use der::asn1::AnyRef;
use keybearer_core::{Algorithm, Error, ErrorKind, PublicKey, Result, Secret};
use ring::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};

use crate::{
    asn1::{self, PrivateKeyInfo, RsaPrivateKey, malformed},
    backend::Backend,
    bigint::is_inverse_below,
    key::Parts,
    pss,
};

pub(crate) fn read(info: &PrivateKeyInfo<'_>) -> Result<Parts> {
    let key = RsaPrivateKey::read(info.private_key)?;
    let pkcs1 = public_pkcs1(&key)?;
    if info.public_key.is_some_and(|written| written != pkcs1) {
        return Err(crate::key::mismatch());
    }
    let (public, algorithms) = if info.algorithm.oid == asn1::RSA_PSS {
        (
            pss::public_key(&info.algorithm, &pkcs1)?,
            pss::algorithms(info.algorithm.parameters)?,
        )
    } else {
        let public = PublicKey::from_rsa_pkcs1_der(&pkcs1)?;
        let algorithms = Algorithm::of(public.key_type()).to_vec();
        (public, algorithms)
    };
    let bits = public.key_type().bits();
    check_size(bits)?;
    check_exponents(&key)?;
    let backend = match ring_refuses(&key, bits) {
        None => Backend::Rsa(Box::new(ring_pair(&key)?)),
        Some(why) => beyond_ring(info.private_key, why)?,
    };
    Ok(Parts {
        public,
        algorithms,
        pkcs8: to_pkcs8(info)?,
        backend,
    })
}

/// What no RSA key of ours is, whatever signs with it.
pub(crate) fn check_size(bits: usize) -> Result<()> {
    if bits < 2048 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the RSA key has {bits} bits, and keys under 2048 bits are not safe to sign with"),
        )
        .with_hint(
            "make a new key: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048, or keybearer key new",
        ));
    }
    if bits > 8192 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the RSA key has {bits} bits, and 8192 are the most"),
        )
        .with_hint("2048 to 4096 bits are what servers take"));
    }
    Ok(())
}

/// The exponents must be each other's inverses below each prime: ring looks at `d` never, and at the others only when it
/// signs, and a key that opens must sign.
fn check_exponents(key: &RsaPrivateKey<'_>) -> Result<()> {
    let e = key.public_exponent.as_bytes();
    if e.len() > 32 {
        return Err(malformed("the public exponent has more than 256 bits"));
    }
    let [d, p, q, dp, dq] = [
        &key.private_exponent,
        &key.prime1,
        &key.prime2,
        &key.exponent1,
        &key.exponent2,
    ]
    .map(|number| number.as_bytes());
    let longest = key.modulus.as_bytes().len();
    let fits = [d, p, q, dp, dq].iter().all(|part| part.len() <= longest);
    let odd = [p, q]
        .iter()
        .all(|prime| prime.len() > 1 && prime.last().is_some_and(|lowest| lowest & 1 == 1));
    let related = fits
        && odd
        && is_inverse_below(d, e, p)
        && is_inverse_below(d, e, q)
        && is_inverse_below(dp, e, p)
        && is_inverse_below(dq, e, q);
    if related {
        return Ok(());
    }
    Err(inconsistent())
}

fn inconsistent() -> Error {
    malformed("the numbers of the RSA key do not belong together")
        .with_hint("openssl pkey -check -noout -in FILE tells more; export the key anew")
}

/// Why ring does not take a key that may be sound, in words of ours: its own blame the wrong thing.
fn ring_refuses(key: &RsaPrivateKey<'_>, bits: usize) -> Option<String> {
    let exponent = key.public_exponent.as_bytes();
    let value = exponent
        .iter()
        .fold(0u128, |value, byte| (value << 8) | u128::from(*byte));
    let half = bits.div_ceil(2);
    if bits > 4096 {
        Some(format!("RSA-{bits} keys"))
    } else if exponent.len() > 5 || !(65_537..1 << 33).contains(&value) {
        let value = if exponent.len() > 5 {
            "over 33 bits".to_owned()
        } else {
            value.to_string()
        };
        Some(format!("RSA keys whose public exponent is {value}"))
    } else if !half.is_multiple_of(512) {
        Some(format!(
            "RSA-{bits} keys, whose primes are not a multiple of 512 bits,"
        ))
    } else if [&key.prime1, &key.prime2]
        .iter()
        .any(|prime| bit_length(prime.as_bytes()) != half)
    {
        Some("RSA keys whose primes are not of the same length".into())
    } else {
        None
    }
}

fn ring_pair(key: &RsaPrivateKey<'_>) -> Result<KeyPair> {
    KeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents {
            n: key.modulus.as_bytes(),
            e: key.public_exponent.as_bytes(),
        },
        d: key.private_exponent.as_bytes(),
        p: key.prime1.as_bytes(),
        q: key.prime2.as_bytes(),
        dP: key.exponent1.as_bytes(),
        dQ: key.exponent2.as_bytes(),
        qInv: key.coefficient.as_bytes(),
    })
    .map_err(|_| inconsistent())
}

#[cfg(feature = "aws-lc")]
fn beyond_ring(pkcs1: &[u8], _why: String) -> Result<Backend> {
    aws_lc_rs::rsa::KeyPair::from_der(pkcs1)
        .map(Backend::LcRsa)
        .map_err(|_| inconsistent())
}

#[cfg(not(feature = "aws-lc"))]
fn beyond_ring(_pkcs1: &[u8], why: String) -> Result<Backend> {
    Err(crate::key::needs_aws_lc(
        format!("this build does not sign with {why}"),
        "use a key of 2048, 3072 or 4096 bits with the public exponent 65537",
    ))
}

fn public_pkcs1(key: &RsaPrivateKey<'_>) -> Result<Vec<u8>> {
    let public =
        PublicKey::from_rsa_components(key.modulus.as_bytes(), key.public_exponent.as_bytes())?;
    Ok(public.key_bytes().to_vec())
}

/// The algorithm stays as it was read: what restricts a key to RSASSA-PSS is in there.
fn to_pkcs8(info: &PrivateKeyInfo<'_>) -> Result<Secret> {
    let parameters = match info.algorithm.oid {
        asn1::RSA => Some(AnyRef::NULL),
        _ => info.algorithm.parameters,
    };
    asn1::encode_pkcs8(info.algorithm.oid, parameters, info.private_key)
}

pub(crate) fn bit_length(big_endian: &[u8]) -> usize {
    let skipped = big_endian.iter().take_while(|byte| **byte == 0).count();
    let rest = &big_endian[skipped..];
    let leading = rest.first().map_or(0, |byte| byte.leading_zeros() as usize);
    rest.len() * 8 - leading
}
