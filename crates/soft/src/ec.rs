//! Elliptic curve keys: P-256 and P-384 by ring, P-521 by aws-lc.

use der::{
    Encode,
    asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef},
};
use keybearer_core::{
    Algorithm, Certificate, EcCurve, Error, ErrorKind, KeyType, PublicKey, Result, Secret,
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair},
};
use zeroize::Zeroizing;

use crate::{
    asn1::{self, EcPrivateKey, PrivateKeyInfo, malformed},
    backend::Backend,
    explicit_curve,
    key::{Parts, mismatch},
};

pub(crate) fn read(info: &PrivateKeyInfo<'_>, certificates: &[Certificate]) -> Result<Parts> {
    let key: EcPrivateKey<'_> = der::Decode::from_der(info.private_key).map_err(malformed)?;
    if key.version != 1 {
        return Err(malformed(format!(
            "EC keys of version {} are unknown",
            key.version
        )));
    }
    let curve = curve(info.algorithm.parameters, key.parameters)?;
    let scalar = scalar(curve, key.private_key.as_bytes())?;
    let written = key
        .public_key
        .map(|bits| {
            bits.as_bytes()
                .ok_or_else(|| malformed("its public half has unused bits"))
        })
        .transpose()?
        .or(info.public_key);
    if info.public_key.is_some_and(|other| written != Some(other)) {
        return Err(mismatch());
    }
    let (public, backend) = match curve {
        EcCurve::P256 | EcCurve::P384 => by_ring(curve, &scalar, written, certificates)?,
        EcCurve::P521 => by_aws_lc(&scalar, written)?,
    };
    Ok(Parts {
        algorithms: Algorithm::of(KeyType::Ec(curve)).to_vec(),
        pkcs8: to_pkcs8(curve, &scalar, &public)?,
        public,
        backend,
    })
}

/// The curve is named outside the key (PKCS#8), inside (SEC1), or twice.
fn curve(outside: Option<AnyRef<'_>>, inside: Option<AnyRef<'_>>) -> Result<EcCurve> {
    let Some(parameters) = outside.or(inside) else {
        return Err(malformed("it does not name its curve"));
    };
    if inside.is_some_and(|inside| inside != parameters) {
        return Err(malformed("it names two curves"));
    }
    let Ok(oid) = parameters.decode_as::<ObjectIdentifier>() else {
        return explicit_curve::named(parameters).ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                "the EC key spells its curve out in numbers, and it is not one of JOSE's",
            )
            .with_hint(NEW_KEY)
        });
    };
    asn1::curve_of(oid).ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "the elliptic curve {} is not one of JOSE's",
                crate::describe::curve_name(oid)
            ),
        )
        .with_hint(NEW_KEY)
    })
}

const NEW_KEY: &str = "make a new key on P-256: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out NEW.pem";

/// The private number at its full length: some programs leave out leading zeros, some write one too many.
fn scalar(curve: EcCurve, written: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let zeros = written.iter().take_while(|byte| **byte == 0).count();
    let digits = &written[zeros..];
    let mut scalar = Zeroizing::new(vec![0; curve.field_len()]);
    let start = scalar
        .len()
        .checked_sub(digits.len())
        .ok_or_else(|| malformed("its private number is too long for the curve"))?;
    scalar[start..].copy_from_slice(digits);
    Ok(scalar)
}

fn by_ring(
    curve: EcCurve,
    scalar: &[u8],
    written: Option<&[u8]>,
    certificates: &[Certificate],
) -> Result<(PublicKey, Backend)> {
    let random = SystemRandom::new();
    let algorithm = match curve {
        EcCurve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        _ => &ECDSA_P384_SHA384_FIXED_SIGNING,
    };
    let pair = |point: &[u8]| {
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point, &random)
    };
    let point = match written {
        Some(point) if is_whole(curve, point) => point.to_vec(),
        _ => {
            let point = certificates
                .iter()
                .filter_map(|certificate| certificate.public_key().ok())
                .filter(|key| key.key_type() == KeyType::Ec(curve))
                .map(|key| key.key_bytes().to_vec())
                .find(|point| pair(point).is_ok());
            let point = match point {
                Some(point) => point,
                None => derive(curve, scalar)?,
            };
            check_compressed(written, &point)?;
            point
        }
    };
    let pair = pair(&point).map_err(|_| mismatch())?;
    let public = PublicKey::from_ec_point(curve, &point)?;
    Ok((public, Backend::Ec(pair)))
}

/// Whether both coordinates are there.
fn is_whole(curve: EcCurve, point: &[u8]) -> bool {
    point.first() == Some(&4) && point.len() == 1 + 2 * curve.field_len()
}

/// A compressed point (SEC 1 section 2.3.3) must be the one that belongs to the private key.
fn check_compressed(written: Option<&[u8]>, whole: &[u8]) -> Result<()> {
    let Some((tag, x)) = written.and_then(<[u8]>::split_first) else {
        return Ok(());
    };
    let parity = 2 | (whole.last().copied().unwrap_or_default() & 1);
    if *tag == parity && whole.get(1..=x.len()) == Some(x) {
        return Ok(());
    }
    Err(mismatch())
}

#[cfg(feature = "aws-lc")]
fn derive(curve: EcCurve, scalar: &[u8]) -> Result<Vec<u8>> {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
        ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    };
    let algorithm = match curve {
        EcCurve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        EcCurve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        EcCurve::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
    };
    let der = private_key_info(curve, scalar, None)?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, der.expose()).map_err(malformed)?;
    Ok(pair.public_key().as_ref().to_vec())
}

#[cfg(not(feature = "aws-lc"))]
fn derive(_curve: EcCurve, _scalar: &[u8]) -> Result<Vec<u8>> {
    Err(crate::key::needs_aws_lc(
        "the EC key does not hold its public half, and no certificate beside it does",
        "rewrite it whole: openssl ec -conv_form uncompressed -in OLD -out NEW",
    ))
}

#[cfg(feature = "aws-lc")]
fn by_aws_lc(scalar: &[u8], written: Option<&[u8]>) -> Result<(PublicKey, Backend)> {
    use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair};
    let curve = EcCurve::P521;
    let point = derive(curve, scalar)?;
    match written {
        Some(written) if is_whole(curve, written) => {
            if written != point {
                return Err(mismatch());
            }
        }
        written => check_compressed(written, &point)?,
    }
    let pair = EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P521_SHA512_FIXED_SIGNING,
        scalar,
        &point,
    )
    .map_err(|_| mismatch())?;
    Ok((
        PublicKey::from_ec_point(curve, &point)?,
        Backend::LcEc(pair),
    ))
}

#[cfg(not(feature = "aws-lc"))]
fn by_aws_lc(_scalar: &[u8], _written: Option<&[u8]>) -> Result<(PublicKey, Backend)> {
    Err(crate::key::needs_aws_lc(
        "this build does not sign with P-521 keys",
        "use a key on P-256 or P-384",
    ))
}

fn to_pkcs8(curve: EcCurve, scalar: &[u8], public: &PublicKey) -> Result<Secret> {
    private_key_info(curve, scalar, Some(public.key_bytes()))
}

fn private_key_info(curve: EcCurve, scalar: &[u8], point: Option<&[u8]>) -> Result<Secret> {
    let encode = || {
        EcPrivateKey {
            version: 1,
            private_key: OctetStringRef::new(scalar)?,
            parameters: None,
            public_key: point.map(BitStringRef::from_bytes).transpose()?,
        }
        .to_der()
    };
    let key = encode().map(Secret::new).map_err(malformed)?;
    let oid = asn1::curve_oid(curve);
    asn1::encode_pkcs8(asn1::EC, Some(AnyRef::from(&oid)), key.expose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PrivateKey;

    #[test]
    fn a_public_half_that_is_marked_as_a_curve_is_damage() {
        let key = PrivateKey::generate(KeyType::Ec(EcCurve::P256)).unwrap();
        let mut der = key.to_pkcs8_der().expose().to_vec();
        let field = [0xa1, 0x44, 0x03, 0x42, 0x00, 0x04];
        let at = der.windows(field.len()).position(|here| here == field);
        der[at.unwrap()] = 0xa0;
        let error = PrivateKey::from_pkcs8_der(&der).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(error.to_string(), "the private key is damaged");
    }
}
