//! What an `AlgorithmIdentifier` says of an encryption, and the encryption itself.

use der::{
    Decode, Reader, SliceReader, Tag, Tagged,
    asn1::{AnyRef, IntRef, ObjectIdentifier, OctetStringRef},
};
use keybearer_core::{Error, ErrorKind, Result, Secret};
use zeroize::Zeroizing;

use super::{
    REWRITE,
    cipher::Cipher,
    hash::Hash,
    jceks::JceksKdf,
    kdf::{Pbkdf1, Pbkdf2, Pkcs12Kdf, Purpose, Scrypt, Utf16Password, positive},
    malformed, wrong_password,
};
use crate::work::WorkBudget;

pub(super) const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
pub(super) const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
pub(super) const AES_256_CBC: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
/// `pbeWithSHAAnd3-KeyTripleDES-CBC` (RFC 7292 appendix C).
pub(super) const SHA1_AND_TRIPLE_DES: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
const SCRYPT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.4.11");

/// RFC 7292 appendix C.
const PKCS12_SCHEMES: [(ObjectIdentifier, Cipher); 6] = [
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.1"),
        Cipher::Rc4 { bits: 128 },
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.2"),
        Cipher::Rc4 { bits: 40 },
    ),
    (SHA1_AND_TRIPLE_DES, Cipher::Des3),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.4"),
        Cipher::Des2,
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.5"),
        Cipher::Rc2 { bits: 128 },
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.6"),
        Cipher::Rc2 { bits: 40 },
    ),
];

/// PBES1 (RFC 8018 appendix A.3).
const PBES1_SCHEMES: [(ObjectIdentifier, Hash, Cipher); 4] = [
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.3"),
        Hash::Md5,
        Cipher::Des,
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.6"),
        Hash::Md5,
        Cipher::Rc2 { bits: 64 },
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.10"),
        Hash::Sha1,
        Cipher::Des,
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.11"),
        Hash::Sha1,
        Cipher::Rc2 { bits: 64 },
    ),
];

/// `PBEWithMD5AndTripleDES` of Java's own, which JCEKS stores protect keys with.
const JCEKS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.42.2.19.1");

const PBES2_CIPHERS: [(ObjectIdentifier, Cipher); 5] = [
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2"),
        Cipher::Aes128,
    ),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22"),
        Cipher::Aes192,
    ),
    (AES_256_CBC, Cipher::Aes256),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.3.7"),
        Cipher::Des3,
    ),
    (ObjectIdentifier::new_unwrap("1.3.14.3.2.7"), Cipher::Des),
];

/// AES in Galois/Counter Mode (RFC 5084 section 3.2).
const GCM_CIPHERS: [(ObjectIdentifier, Cipher); 2] = [
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.6"),
        Cipher::Aes128Gcm,
    ),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.46"),
        Cipher::Aes256Gcm,
    ),
];
/// What the parameters tell of the tag's length where they say nothing, and what is read here.
const GCM_TAG: [u64; 2] = [12, 16];

/// RC2, whose parameters tell the effective bits of its key in numbers of their own (RFC 8018 appendix B.2.3).
const RC2_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.2");
const RC2_VERSIONS: [(u64, usize); 3] = [(160, 40), (120, 64), (58, 128)];

/// Names for people, of algorithms that are not read here.
const OTHERS: [(&str, &str); 11] = [
    ("1.2.840.113549.1.5.1", "MD2 and DES"),
    ("1.2.840.113549.1.5.4", "MD2 and RC2"),
    ("1.2.392.200011.61.1.1.1.2", "Camellia-128"),
    ("1.2.392.200011.61.1.1.1.3", "Camellia-192"),
    ("1.2.392.200011.61.1.1.1.4", "Camellia-256"),
    ("1.2.410.200004.1.4", "SEED"),
    ("1.2.410.200046.1.1.2", "ARIA-128"),
    ("1.2.410.200046.1.1.7", "ARIA-192"),
    ("1.2.410.200046.1.1.12", "ARIA-256"),
    ("2.16.840.1.101.3.4.1.26", "AES-192-GCM"),
    ("1.3.6.1.4.1.42.2.17.1.1", "Sun's JKS protector"),
];

/// A password-based encryption with its parameters.
pub(super) enum Scheme<'a> {
    Pbes2 {
        kdf: Kdf<'a>,
        cipher: Cipher,
        iv: &'a [u8],
    },
    Pbes1 {
        cipher: Cipher,
        kdf: Pbkdf1<'a>,
    },
    Pkcs12 {
        cipher: Cipher,
        kdf: Pkcs12Kdf<'a>,
    },
    Jceks(JceksKdf<'a>),
}

pub(super) enum Kdf<'a> {
    Pbkdf2(Pbkdf2<'a>),
    Scrypt(Scrypt<'a>),
}

impl<'a> Scheme<'a> {
    pub(super) fn from_der(der: &'a [u8]) -> Result<Self> {
        let (oid, parameters) = algorithm(AnyRef::from_der(der).map_err(damaged)?)?;
        if oid == PBES2 {
            return Self::pbes2(needed(parameters)?);
        }
        let pkcs12 = PKCS12_SCHEMES.iter().find(|(known, _)| *known == oid);
        let pbes1 = PBES1_SCHEMES.iter().find(|(known, ..)| *known == oid);
        if pkcs12.is_none() && pbes1.is_none() && oid != JCEKS {
            return Err(unsupported("encryption", oid));
        }
        let mut fields = sequence(needed(parameters)?)?;
        let salt = octets(&mut fields)?;
        let rounds = positive(number(&mut fields)?, "iteration count")?;
        fields.finish().map_err(damaged)?;
        Ok(match (pkcs12, pbes1) {
            (Some((_, cipher)), _) => Self::Pkcs12 {
                cipher: *cipher,
                kdf: Pkcs12Kdf {
                    hash: Hash::Sha1,
                    salt,
                    rounds,
                },
            },
            (None, Some((_, hash, cipher))) => Self::Pbes1 {
                cipher: *cipher,
                kdf: Pbkdf1 {
                    hash: *hash,
                    salt,
                    rounds,
                },
            },
            (None, None) => Self::Jceks(JceksKdf { salt, rounds }),
        })
    }

    fn pbes2(parameters: AnyRef<'a>) -> Result<Self> {
        let mut fields = sequence(parameters)?;
        let (kdf_oid, kdf_parameters) = algorithm(AnyRef::decode(&mut fields).map_err(damaged)?)?;
        let (oid, iv) = algorithm(AnyRef::decode(&mut fields).map_err(damaged)?)?;
        fields.finish().map_err(damaged)?;
        let (cipher, iv) = pbes2_cipher(oid, iv)?;
        if iv.len() != cipher.iv_len() {
            return Err(malformed(format!(
                "an initialization vector of {} bytes",
                iv.len()
            )));
        }
        let (kdf, key_len) = match kdf_oid {
            PBKDF2 => {
                let (kdf, key_len) = pbkdf2(needed(kdf_parameters)?)?;
                (Kdf::Pbkdf2(kdf), key_len)
            }
            SCRYPT => scrypt(needed(kdf_parameters)?)?,
            other => return Err(unsupported("key derivation", other)),
        };
        match key_len {
            Some(len) if len != cipher.key_len() as u64 => {
                Err(malformed(format!("a key of {len} bytes for {cipher:?}")))
            }
            _ => Ok(Self::Pbes2 { kdf, cipher, iv }),
        }
    }

    pub(super) fn decrypt(
        &self,
        ciphertext: &[u8],
        password: &Secret,
        budget: &mut WorkBudget,
    ) -> Result<Secret> {
        match self {
            Self::Pbes2 { kdf, cipher, iv } => {
                let len = cipher.key_len();
                let key = match kdf {
                    Kdf::Pbkdf2(kdf) => kdf.derive(password.expose(), len, budget)?,
                    Kdf::Scrypt(kdf) => kdf.derive(password.expose(), len, budget)?,
                };
                plausible(cipher.decrypt(&key, iv, ciphertext)?)
            }
            Self::Jceks(kdf) => {
                let derived = kdf.derive(password.expose(), budget)?;
                let (key, iv) = derived.split_at(Cipher::Des3.key_len());
                plausible(Cipher::Des3.decrypt(key, iv, ciphertext)?)
            }
            Self::Pbes1 { cipher, kdf } => {
                let derived = kdf.derive(password.expose(), budget)?;
                let (key, iv) = derived.split_at(cipher.key_len());
                plausible(cipher.decrypt(key, iv, ciphertext)?)
            }
            Self::Pkcs12 { cipher, kdf } => {
                let mut outcome = Err(wrong_password());
                for form in Utf16Password::forms(password) {
                    let key = kdf.derive(&form, Purpose::Key, cipher.key_len(), budget)?;
                    let iv = match cipher.iv_len() {
                        0 => Zeroizing::default(),
                        len => kdf.derive(&form, Purpose::Iv, len, budget)?,
                    };
                    outcome = cipher.decrypt(&key, &iv, ciphertext).and_then(plausible);
                    if outcome.is_ok() {
                        break;
                    }
                }
                outcome
            }
        }
    }
}

/// One wrong password in 256 leaves a padding that looks right: what comes out must be one SEQUENCE, to its end.
pub(super) fn plausible(plaintext: Secret) -> Result<Secret> {
    let bytes = plaintext.expose();
    let indefinite = bytes.starts_with(&[0x30, 0x80]) && bytes.ends_with(&[0, 0]);
    let definite = || AnyRef::from_der(bytes).is_ok_and(|any| any.tag() == Tag::Sequence);
    if indefinite || definite() {
        Ok(plaintext)
    } else {
        Err(wrong_password())
    }
}

/// The cipher of PBES2 with its initialization vector (RFC 8018 appendix B.2).
fn pbes2_cipher<'a>(
    oid: ObjectIdentifier,
    parameters: Option<AnyRef<'a>>,
) -> Result<(Cipher, &'a [u8])> {
    if oid == RC2_CBC {
        let mut fields = sequence(needed(parameters)?)?;
        let version = number(&mut fields)?;
        let iv = octets(&mut fields)?;
        fields.finish().map_err(damaged)?;
        let known = RC2_VERSIONS.iter().find(|(known, _)| *known == version);
        let (_, bits) = known.ok_or_else(|| malformed(format!("RC2 of version {version}")))?;
        return Ok((Cipher::Rc2 { bits: *bits }, iv));
    }
    if let Some((_, cipher)) = GCM_CIPHERS.iter().find(|(known, _)| *known == oid) {
        let mut fields = sequence(needed(parameters)?)?;
        let nonce = octets(&mut fields)?;
        let tag = optional_number(&mut fields)?.unwrap_or(GCM_TAG[0]);
        fields.finish().map_err(damaged)?;
        if tag != GCM_TAG[1] {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the file is encrypted by AES-GCM with a tag of {tag} bytes, and 16 are read"
                ),
            )
            .with_hint(REWRITE));
        }
        return Ok((*cipher, nonce));
    }
    let Some((_, cipher)) = PBES2_CIPHERS.iter().find(|(known, _)| *known == oid) else {
        return Err(unsupported("cipher", oid));
    };
    let iv = needed(parameters)?
        .decode_as::<&OctetStringRef>()
        .map_err(damaged)?;
    Ok((*cipher, iv.as_bytes()))
}

/// `PBKDF2-params` (RFC 8018 appendix A.2), with the length of the key where it is told.
pub(super) fn pbkdf2(parameters: AnyRef<'_>) -> Result<(Pbkdf2<'_>, Option<u64>)> {
    let mut fields = sequence(parameters)?;
    let salt = AnyRef::decode(&mut fields).map_err(damaged)?;
    if salt.tag() == Tag::Sequence {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the salt of the file's key derivation is taken from elsewhere",
        ));
    }
    let salt = salt
        .decode_as::<&OctetStringRef>()
        .map_err(damaged)?
        .as_bytes();
    let rounds = positive(number(&mut fields)?, "iteration count")?;
    let key_len = optional_number(&mut fields)?;
    let hash = match Option::<AnyRef<'_>>::decode(&mut fields).map_err(damaged)? {
        Some(prf) => Hash::of_hmac(algorithm(prf)?.0)?,
        // RFC 8018 appendix A.2.
        None => Hash::Sha1,
    };
    fields.finish().map_err(damaged)?;
    Ok((Pbkdf2 { hash, salt, rounds }, key_len))
}

fn scrypt(parameters: AnyRef<'_>) -> Result<(Kdf<'_>, Option<u64>)> {
    let mut fields = sequence(parameters)?;
    let kdf = Scrypt {
        salt: octets(&mut fields)?,
        cost: number(&mut fields)?,
        block_size: number(&mut fields)?,
        parallelization: number(&mut fields)?,
    };
    let key_len = optional_number(&mut fields)?;
    fields.finish().map_err(damaged)?;
    Ok((Kdf::Scrypt(kdf), key_len))
}

/// The OID and the parameters of an `AlgorithmIdentifier`.
pub(super) fn algorithm(any: AnyRef<'_>) -> Result<(ObjectIdentifier, Option<AnyRef<'_>>)> {
    let mut fields = sequence(any)?;
    let oid = ObjectIdentifier::decode(&mut fields).map_err(damaged)?;
    let parameters = Option::<AnyRef<'_>>::decode(&mut fields).map_err(damaged)?;
    fields.finish().map_err(damaged)?;
    Ok((oid, parameters))
}

pub(super) fn sequence(any: AnyRef<'_>) -> Result<SliceReader<'_>> {
    any.tag().assert_eq(Tag::Sequence).map_err(damaged)?;
    SliceReader::new(any.value()).map_err(damaged)
}

pub(super) fn damaged(error: der::Error) -> Error {
    malformed(error.to_string())
}

fn octets<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8]> {
    let octets = <&OctetStringRef>::decode(reader).map_err(damaged)?;
    Ok(octets.as_bytes())
}

/// A number that is not negative; what is too large for 64 bits is the largest that there is, so that it exceeds every
/// limit.
fn number(reader: &mut SliceReader<'_>) -> Result<u64> {
    let integer = IntRef::decode(reader).map_err(damaged)?;
    unsigned(integer.as_bytes())
}

fn optional_number(reader: &mut SliceReader<'_>) -> Result<Option<u64>> {
    let integer = Option::<IntRef<'_>>::decode(reader).map_err(damaged)?;
    integer.map(|value| unsigned(value.as_bytes())).transpose()
}

fn unsigned(bytes: &[u8]) -> Result<u64> {
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        return Err(malformed("a negative number"));
    }
    let digits = bytes.strip_prefix(&[0]).unwrap_or(bytes);
    if digits.len() > 8 {
        return Ok(u64::MAX);
    }
    Ok(digits
        .iter()
        .fold(0, |value, digit| value << 8 | u64::from(*digit)))
}

pub(super) fn needed(parameters: Option<AnyRef<'_>>) -> Result<AnyRef<'_>> {
    parameters.ok_or_else(|| malformed("an algorithm has no parameters"))
}

pub(super) fn unsupported(what: &str, oid: ObjectIdentifier) -> Error {
    let text = oid.to_string();
    let name = OTHERS.iter().find(|(known, _)| *known == text);
    let name = name.map_or(text.clone(), |(_, name)| format!("{name} ({text})"));
    Error::new(
        ErrorKind::Unsupported,
        format!("the file has a password-based {what} that is not read here: {name}"),
    )
    .with_hint(REWRITE)
}
