//! The integrity check of PKCS#12 (RFC 7292 appendix A and section 5.1).

use der::{Decode, asn1::AnyRef};
use keybearer_core::{Error, ErrorKind, Result, Secret};

use super::{
    hash::Hash,
    kdf::{Pkcs12Kdf, Purpose, Utf16Password, positive},
    scheme::{algorithm, damaged},
};
use crate::work::WorkBudget;

/// The `MacData` of a PKCS#12 file.
#[derive(Clone, Copy, Debug)]
pub struct Pkcs12Mac<'a> {
    /// The digest algorithm, as an `AlgorithmIdentifier` in DER.
    pub algorithm_identifier_der: &'a [u8],
    /// The HMAC that the file has.
    pub digest: &'a [u8],
    /// The salt of the derivation.
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
        let hash = Hash::of_digest(algorithm(identifier)?.0)?;
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
        Err(Error::new(
            ErrorKind::BadSecret,
            "the store password is wrong, or the file is damaged: its MAC does not match",
        )
        .with_hint("check the password first; case and non-ASCII letters count"))
    }
}
