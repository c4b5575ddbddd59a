//! The integrity check of PKCS#12 (RFC 7292 appendix A and section 5.1), with PBMAC1 too (RFC 9579).

use der::{
    Decode, Encode, Reader,
    asn1::{AnyRef, ObjectIdentifier},
};
use keybearer_core::{Error, ErrorKind, Result, Secret};

use super::{
    encrypt::{SALT, allow},
    hash::{Hash, SHA1, SHA256},
    kdf::{Pbkdf2, Pkcs12Kdf, Purpose, Utf16Password, positive},
    malformed,
    scheme::{PBKDF2, algorithm, damaged, needed, pbkdf2, sequence, unsupported},
};
use crate::{asn1::AlgorithmIdentifier, random, work::WorkBudget};

/// The `MacData` of a PKCS#12 file.
#[derive(Clone, Copy, Debug)]
pub struct Pkcs12Mac<'a> {
    /// The digest algorithm, as an `AlgorithmIdentifier` in DER.
    pub algorithm_identifier_der: &'a [u8],
    /// The HMAC that the file has.
    pub digest: &'a [u8],
    /// The salt of the derivation; PBMAC1 has its own.
    pub salt: &'a [u8],
    /// Its iteration count.
    pub rounds: u64,
}

impl Pkcs12Mac<'_> {
    /// Checks that this is the HMAC of `content` under the password, in constant time.
    ///
    /// # Errors
    /// [`ErrorKind::BadSecret`] where it is not: the password is wrong or the file damaged, which a MAC cannot tell
    /// apart. [`ErrorKind::Unsupported`] for an algorithm that is not read here and for more work than is allowed,
    /// [`ErrorKind::Malformed`] for parameters that are none.
    pub fn verify(&self, content: &[u8], password: &Secret, budget: &mut WorkBudget) -> Result<()> {
        let identifier = AnyRef::from_der(self.algorithm_identifier_der).map_err(damaged)?;
        let (oid, parameters) = algorithm(identifier)?;
        if oid == PBMAC1 {
            let mac = Pbmac1::read(needed(parameters)?)?;
            return if mac.verify(content, self.digest, password, budget)? {
                Ok(())
            } else {
                Err(differs())
            };
        }
        let hash = Hash::of_digest(oid)?;
        let kdf = Pkcs12Kdf {
            hash,
            salt: self.salt,
            rounds: positive(self.rounds, "iteration count")?,
        };
        for form in Utf16Password::forms(password) {
            let key = kdf.derive(&form, Purpose::Mac, hash.len(), budget)?;
            if hash.verify_hmac(&key, content, self.digest) {
                return Ok(());
            }
        }
        Err(differs())
    }
}

/// The hash function of a MAC that is made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MacHash {
    /// SHA-1: what programs check that know no other.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// The parts of a new `MacData`.
#[derive(Clone, Debug)]
pub struct NewPkcs12Mac {
    /// The digest algorithm, as an `AlgorithmIdentifier` in DER.
    pub algorithm_identifier_der: Vec<u8>,
    /// The HMAC of the content.
    pub digest: Vec<u8>,
    /// The salt of the derivation, which is random.
    pub salt: Vec<u8>,
}

impl NewPkcs12Mac {
    /// The HMAC of `content` under the password, by the derivation of PKCS#12 (RFC 7292 appendix B).
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] where the system gives no random bytes, [`ErrorKind::Malformed`] for 0 rounds.
    pub fn new(content: &[u8], password: &Secret, hash: MacHash, rounds: u32) -> Result<Self> {
        let (hash, oid) = match hash {
            MacHash::Sha1 => (Hash::Sha1, SHA1),
            MacHash::Sha256 => (Hash::Sha256, SHA256),
        };
        let salt: [u8; SALT] = random()?;
        let kdf = Pkcs12Kdf {
            hash,
            salt: &salt,
            rounds: rounds.into(),
        };
        let password = Utf16Password::new(password);
        let key = kdf.derive(&password, Purpose::Mac, hash.len(), &mut allow(rounds))?;
        let algorithm = AlgorithmIdentifier {
            oid,
            parameters: Some(AnyRef::NULL),
        };
        Ok(Self {
            algorithm_identifier_der: algorithm.to_der().map_err(damaged)?,
            digest: hash.hmac(&key, content)?,
            salt: salt.to_vec(),
        })
    }
}

const PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");

/// No HMAC key is longer, in bytes: RFC 9579 wants as many as the digest has.
const LONGEST_KEY: u64 = 1024;

/// `PBMAC1-params` (RFC 8018 appendix A.5).
struct Pbmac1<'a> {
    kdf: Pbkdf2<'a>,
    key_len: usize,
    hash: Hash,
}

impl<'a> Pbmac1<'a> {
    fn read(parameters: AnyRef<'a>) -> Result<Self> {
        let mut fields = sequence(parameters)?;
        let (kdf, kdf_parameters) = algorithm(AnyRef::decode(&mut fields).map_err(damaged)?)?;
        let (hmac, _) = algorithm(AnyRef::decode(&mut fields).map_err(damaged)?)?;
        fields.finish().map_err(damaged)?;
        if kdf != PBKDF2 {
            return Err(unsupported("key derivation", kdf));
        }
        let (kdf, key_len) = pbkdf2(needed(kdf_parameters)?)?;
        let key_len = key_len
            .filter(|len| (1..=LONGEST_KEY).contains(len))
            .ok_or_else(|| malformed("PBMAC1 without a length of its key"))?;
        Ok(Self {
            kdf,
            key_len: key_len as usize,
            hash: Hash::of_hmac(hmac)?,
        })
    }

    fn verify(
        &self,
        content: &[u8],
        digest: &[u8],
        password: &Secret,
        budget: &mut WorkBudget,
    ) -> Result<bool> {
        let key = self.kdf.derive(password.expose(), self.key_len, budget)?;
        Ok(self.hash.verify_hmac(&key, content, digest))
    }
}

fn differs() -> Error {
    Error::new(
        ErrorKind::BadSecret,
        "the store password is wrong, or the file is damaged: its MAC does not match",
    )
    .with_hint("check the password first; case and non-ASCII letters count")
}
