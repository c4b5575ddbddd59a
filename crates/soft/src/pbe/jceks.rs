//! Java's own `PBEWithMD5AndTripleDES`, as its JCEKS stores use it.

use keybearer_core::Result;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::malformed;
use crate::work::WorkBudget;

/// Each half of the salt is hashed with the password, over and over; both together are the key and the initialization
/// vector.
#[derive(Debug)]
pub(super) struct JceksKdf<'a> {
    pub(super) salt: &'a [u8],
    pub(super) rounds: u64,
}

impl JceksKdf<'_> {
    /// The key of triple DES, and the initialization vector behind it: 24 and 8 bytes.
    pub(super) fn derive(
        &self,
        password: &[u8],
        budget: &mut WorkBudget,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let [a, b, c, d, rest @ ..] = self.salt else {
            return Err(self.salt_is_wrong());
        };
        let Ok(second) = <[u8; 4]>::try_from(rest) else {
            return Err(self.salt_is_wrong());
        };
        budget.spend_rounds(self.rounds)?;
        let mut first = [*a, *b, *c, *d];
        if first == second {
            // Meant to turn the half around; this is what Java does.
            first = [*d, *a, *b, *d];
        }
        let mut derived = Zeroizing::new(Vec::with_capacity(32));
        for half in [first, second] {
            let mut hashed = Zeroizing::new(half.to_vec());
            for _ in 0..self.rounds {
                let digest = Md5::new().chain_update(hashed.as_slice());
                let digest = digest.chain_update(password).finalize();
                hashed.clear();
                hashed.extend_from_slice(&digest);
            }
            derived.extend_from_slice(&hashed);
        }
        Ok(derived)
    }

    fn salt_is_wrong(&self) -> keybearer_core::Error {
        malformed(format!("a salt of {} bytes, and not of 8", self.salt.len()))
    }
}
