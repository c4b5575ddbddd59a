//! From a password to a key: PBKDF1, PBKDF2, scrypt and the derivation of PKCS#12.

use std::num::NonZeroU32;

use keybearer_core::{Error, ErrorKind, Result, Secret};
use zeroize::Zeroizing;

use super::{hash::Hash, malformed};
use crate::work::WorkBudget;

/// PBKDF1 (RFC 8018 section 5.1), as PBES1 uses it (section 6.1): eight bytes of key, eight of initialization vector.
pub(super) struct Pbkdf1<'a> {
    pub(super) hash: Hash,
    pub(super) salt: &'a [u8],
    pub(super) rounds: u64,
}

impl Pbkdf1<'_> {
    /// The key, and the initialization vector behind it.
    pub(super) fn derive(
        &self,
        password: &[u8],
        budget: &mut WorkBudget,
    ) -> Result<Zeroizing<Vec<u8>>> {
        budget.spend_rounds(self.rounds)?;
        let mut derived = self.hash.repeated(&[password, self.salt], self.rounds);
        derived.truncate(16);
        Ok(derived)
    }
}

/// PBKDF2 (RFC 8018 section 5.2).
pub(super) struct Pbkdf2<'a> {
    pub(super) hash: Hash,
    pub(super) salt: &'a [u8],
    pub(super) rounds: u64,
}

impl Pbkdf2<'_> {
    pub(super) fn derive(
        &self,
        password: &[u8],
        len: usize,
        budget: &mut WorkBudget,
    ) -> Result<Zeroizing<Vec<u8>>> {
        budget.spend_rounds(self.rounds)?;
        let rounds = u32::try_from(self.rounds)
            .ok()
            .and_then(NonZeroU32::new)
            .ok_or_else(|| malformed(format!("{} rounds", self.rounds)))?;
        let mut key = Zeroizing::new(vec![0; len]);
        // ring's is fast in programs built without optimisation too; it has the common hash functions alone.
        let count = rounds.get();
        macro_rules! other {
            ($hash:ty) => {{
                pbkdf2::pbkdf2_hmac::<$hash>(password, self.salt, count, &mut key);
                return Ok(key);
            }};
        }
        let algorithm = match self.hash {
            Hash::Sha1 => ring::pbkdf2::PBKDF2_HMAC_SHA1,
            Hash::Sha256 => ring::pbkdf2::PBKDF2_HMAC_SHA256,
            Hash::Sha384 => ring::pbkdf2::PBKDF2_HMAC_SHA384,
            Hash::Sha512 => ring::pbkdf2::PBKDF2_HMAC_SHA512,
            Hash::Md5 => other!(md5::Md5),
            Hash::Sha224 => other!(sha2::Sha224),
            Hash::Sha512To224 => other!(sha2::Sha512_224),
            Hash::Sha512To256 => other!(sha2::Sha512_256),
        };
        ring::pbkdf2::derive(algorithm, rounds, self.salt, password, &mut key);
        Ok(key)
    }
}

/// scrypt (RFC 7914).
pub(super) struct Scrypt<'a> {
    pub(super) salt: &'a [u8],
    pub(super) cost: u64,
    pub(super) block_size: u64,
    pub(super) parallelization: u64,
}

impl Scrypt<'_> {
    /// A derivation counts as N × r × p rounds: in time that is about what PBKDF2 with HMAC-SHA-512 takes for as many.
    pub(super) fn derive(
        &self,
        password: &[u8],
        len: usize,
        budget: &mut WorkBudget,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let (n, r, p) = (self.cost, self.block_size, self.parallelization);
        if !n.is_power_of_two() || n < 2 || r == 0 || p == 0 {
            return Err(malformed(format!("scrypt with N={n}, r={r}, p={p}")));
        }
        let memory = n.saturating_add(p).saturating_mul(r).saturating_mul(128);
        budget.check_memory(memory)?;
        budget.spend_rounds(n.saturating_mul(r).saturating_mul(p))?;
        let narrow = |value: u64| u32::try_from(value).ok();
        let parameters = narrow(r)
            .zip(narrow(p))
            // The crate multiplies the two without a check of its own.
            .filter(|(r, p)| r.checked_mul(*p).is_some())
            .and_then(|(r, p)| scrypt::Params::new(n.ilog2() as u8, r, p).ok())
            .ok_or_else(|| malformed(format!("scrypt with N={n}, r={r}, p={p}")))?;
        let mut key = Zeroizing::new(vec![0; len]);
        scrypt::scrypt(password, self.salt, &parameters, &mut key)
            .map_err(|error| malformed(error.to_string()))?;
        Ok(key)
    }
}

/// The derivation of PKCS#12 (RFC 7292 appendix B).
pub(super) struct Pkcs12Kdf<'a> {
    pub(super) hash: Hash,
    pub(super) salt: &'a [u8],
    pub(super) rounds: u64,
}

/// What PKCS#12 derives from a password (RFC 7292 appendix B.3).
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

impl Pkcs12Kdf<'_> {
    pub(super) fn derive(
        &self,
        password: &Utf16Password,
        purpose: Purpose,
        len: usize,
        budget: &mut WorkBudget,
    ) -> Result<Zeroizing<Vec<u8>>> {
        budget.spend_rounds(self.rounds)?;
        if self.rounds == 0 {
            return Err(malformed("0 rounds"));
        }
        let block = self.hash.block_len();
        let diversifier = vec![purpose as u8; block];
        let mut input = fill(self.salt, block);
        input.extend_from_slice(&fill(&password.0, block));
        let mut key = Zeroizing::new(Vec::with_capacity(len + block));
        while key.len() < len {
            let chunk = self.hash.repeated(&[&diversifier, &input], self.rounds);
            let addend = fill_to(&chunk, block);
            for part in input.chunks_exact_mut(block) {
                add_one_more(part, &addend);
            }
            key.extend_from_slice(&chunk);
        }
        key.truncate(len);
        Ok(key)
    }
}

/// A password as PKCS#12 wants it: a BMPString with two zero bytes at its end (RFC 7292 appendix B.1).
pub(super) struct Utf16Password(Zeroizing<Vec<u8>>);

impl Utf16Password {
    /// The forms to try. Writers do not agree whether an empty password is an empty string, which has its two zero bytes,
    /// or none at all, which has nothing.
    pub(super) fn forms(password: &Secret) -> Vec<Self> {
        let mut forms = vec![Self::new(password)];
        if password.is_empty() {
            forms.push(Self(Zeroizing::default()));
        }
        forms
    }

    pub(super) fn new(password: &Secret) -> Self {
        // Characters beyond the BMP become surrogate pairs, as OpenSSL and Java write them. What is not UTF-8 is taken
        // byte by byte, as OpenSSL does.
        let units: Zeroizing<Vec<u16>> = Zeroizing::new(match password.expose_str() {
            Some(text) => text.encode_utf16().collect(),
            None => password.expose().iter().copied().map(u16::from).collect(),
        });
        let bytes = units.iter().chain(&[0]).flat_map(|unit| unit.to_be_bytes());
        let mut form = Zeroizing::new(Vec::with_capacity(units.len() * 2 + 2));
        form.extend(bytes);
        Self(form)
    }
}

/// The bytes over and over, up to a whole number of blocks; nothing where there is nothing.
fn fill(bytes: &[u8], block: usize) -> Zeroizing<Vec<u8>> {
    fill_to(bytes, bytes.len().div_ceil(block) * block)
}

fn fill_to(bytes: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.iter().copied().cycle().take(len).collect())
}

/// `number + addend + 1`, as big-endian numbers of equal length; what overflows is lost.
fn add_one_more(number: &mut [u8], addend: &[u8]) {
    let mut carry = 1;
    for (digit, other) in number.iter_mut().zip(addend).rev() {
        let sum = u16::from(*digit) + u16::from(*other) + carry;
        *digit = sum as u8;
        carry = sum >> 8;
    }
}

/// A figure that the file names, for an error.
pub(super) fn positive(value: u64, what: &str) -> Result<u64> {
    if value == 0 {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!("the {what} of the file's key derivation is 0"),
        ));
    }
    Ok(value)
}
