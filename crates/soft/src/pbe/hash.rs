//! The hash functions that key files name, chosen while running.

use der::asn1::ObjectIdentifier;
use hmac::{Hmac, KeyInit, Mac};
use keybearer_core::{Error, ErrorKind, Result};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use zeroize::{Zeroize, Zeroizing};

use super::{REWRITE, malformed};

/// A hash function of a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    /// SHA-512/224.
    Sha512To224,
    /// SHA-512/256.
    Sha512To256,
}

use Hash::{
    Md5 as M5, Sha1 as S1, Sha224 as S224, Sha256 as S256, Sha384 as S384, Sha512 as S512,
    Sha512To224 as S512T224, Sha512To256 as S512T256,
};

pub(super) const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
pub(super) const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

const DIGESTS: [(ObjectIdentifier, Hash); 8] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.5"), M5),
    (SHA1, S1),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4"), S224),
    (SHA256, S256),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"), S384),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"), S512),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.5"),
        S512T224,
    ),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.6"),
        S512T256,
    ),
];

/// HMAC with SHA-256 (RFC 8018 appendix B.1.2).
pub(super) const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");

const HMACS: [(ObjectIdentifier, Hash); 8] = [
    // PKCS#5 does not have it; OpenSSL does.
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.6"), M5),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.7"), S1),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.8"), S224),
    (HMAC_SHA256, S256),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.10"), S384),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.11"), S512),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.2.12"),
        S512T224,
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.2.13"),
        S512T256,
    ),
];

impl Hash {
    /// The hash function of a digest algorithm's OID.
    pub(super) fn of_digest(oid: ObjectIdentifier) -> Result<Self> {
        find(&DIGESTS, oid).ok_or_else(|| {
            let name = match oid.to_string().as_str() {
                "1.3.36.3.2.1" => "RIPEMD-160 ",
                "2.16.840.1.101.3.4.2.7" => "SHA3-224 ",
                "2.16.840.1.101.3.4.2.8" => "SHA3-256 ",
                "2.16.840.1.101.3.4.2.9" => "SHA3-384 ",
                "2.16.840.1.101.3.4.2.10" => "SHA3-512 ",
                _ => "",
            };
            unsupported("an integrity check", &format!("{name}({oid})"))
        })
    }

    /// The hash function of an HMAC's OID (RFC 8018 appendix B.1.2).
    pub(super) fn of_hmac(oid: ObjectIdentifier) -> Result<Self> {
        find(&HMACS, oid).ok_or_else(|| unsupported("a pseudo-random function", &oid.to_string()))
    }

    /// The length of a digest, in bytes.
    pub(super) fn len(self) -> usize {
        match self {
            M5 => 16,
            S1 => 20,
            S224 | S512T224 => 28,
            S256 | S512T256 => 32,
            S384 => 48,
            S512 => 64,
        }
    }

    /// The length of a block of the compression function, in bytes.
    pub(super) fn block_len(self) -> usize {
        match self {
            M5 | S1 | S224 | S256 => 64,
            S384 | S512 | S512T224 | S512T256 => 128,
        }
    }

    /// The digest of the parts, and of that again, so many times in all; at least once.
    pub(super) fn repeated(self, parts: &[&[u8]], rounds: u64) -> Zeroizing<Vec<u8>> {
        match self {
            M5 => repeated::<Md5>(parts, rounds),
            S1 => repeated::<Sha1>(parts, rounds),
            S224 => repeated::<Sha224>(parts, rounds),
            S256 => repeated::<Sha256>(parts, rounds),
            S384 => repeated::<Sha384>(parts, rounds),
            S512 => repeated::<Sha512>(parts, rounds),
            S512T224 => repeated::<Sha512_224>(parts, rounds),
            S512T256 => repeated::<Sha512_256>(parts, rounds),
        }
    }

    /// The HMAC of the message.
    pub(super) fn hmac(self, key: &[u8], message: &[u8]) -> Result<Vec<u8>> {
        macro_rules! hmac {
            ($hash:ty) => {{
                let mut mac = Hmac::<$hash>::new_from_slice(key)
                    .map_err(|error| malformed(error.to_string()))?;
                mac.update(message);
                Ok(mac.finalize().into_bytes().to_vec())
            }};
        }
        match self {
            M5 => hmac!(Md5),
            S1 => hmac!(Sha1),
            S224 => hmac!(Sha224),
            S256 => hmac!(Sha256),
            S384 => hmac!(Sha384),
            S512 => hmac!(Sha512),
            S512T224 => hmac!(Sha512_224),
            S512T256 => hmac!(Sha512_256),
        }
    }

    /// Whether `expected` is the HMAC of the message; compared in constant time.
    pub(super) fn verify_hmac(self, key: &[u8], message: &[u8], expected: &[u8]) -> bool {
        macro_rules! verify {
            ($hash:ty) => {
                Hmac::<$hash>::new_from_slice(key).is_ok_and(|mut mac| {
                    mac.update(message);
                    mac.verify_slice(expected).is_ok()
                })
            };
        }
        match self {
            M5 => verify!(Md5),
            S1 => verify!(Sha1),
            S224 => verify!(Sha224),
            S256 => verify!(Sha256),
            S384 => verify!(Sha384),
            S512 => verify!(Sha512),
            S512T224 => verify!(Sha512_224),
            S512T256 => verify!(Sha512_256),
        }
    }
}

fn repeated<D: Digest>(parts: &[&[u8]], rounds: u64) -> Zeroizing<Vec<u8>> {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    let mut digest = hash.finalize();
    for _ in 1..rounds {
        digest = D::digest(&digest);
    }
    let kept = Zeroizing::new(digest.to_vec());
    digest.as_mut_slice().zeroize();
    kept
}

fn find(known: &[(ObjectIdentifier, Hash)], oid: ObjectIdentifier) -> Option<Hash> {
    let found = known.iter().find(|(candidate, _)| *candidate == oid);
    found.map(|(_, hash)| *hash)
}

fn unsupported(what: &str, name: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("the file has {what} that is not read here: {name}"),
    )
    .with_hint(REWRITE)
}
