//! How a token is to be asked for each algorithm.

use cryptoki::{
    error::Error as Cryptoki,
    mechanism::{
        Mechanism, MechanismType,
        eddsa::{EddsaParams, EddsaSignatureScheme},
        rsa::{PkcsMgfType, PkcsPssParams},
    },
    object::{Attribute, AttributeType, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::RawAuthPin,
};
use keybearer_core::{Algorithm, Hash};
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::{failure::Failure, module::Module, objects, token::Pin};

/// How one algorithm is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) algorithm: Algorithm,
    /// Whether the token hashes, by a mechanism that joins both; else we do.
    pub(crate) token_hashes: bool,
}

impl Plan {
    /// The plan for an algorithm on a token with these mechanisms: the joined one where it is there.
    pub(crate) fn new(algorithm: Algorithm, mechanisms: &[MechanismType]) -> Option<Self> {
        [true, false]
            .map(|token_hashes| Self {
                algorithm,
                token_hashes,
            })
            .into_iter()
            .find(|plan| {
                plan.mechanism_type()
                    .is_some_and(|wanted| mechanisms.contains(&wanted))
            })
    }

    fn mechanism_type(self) -> Option<MechanismType> {
        use Algorithm as A;
        use MechanismType as M;
        Some(match (self.algorithm, self.token_hashes) {
            (A::Rs256, true) => M::SHA256_RSA_PKCS,
            (A::Rs384, true) => M::SHA384_RSA_PKCS,
            (A::Rs512, true) => M::SHA512_RSA_PKCS,
            (A::Ps256, true) => M::SHA256_RSA_PKCS_PSS,
            (A::Ps384, true) => M::SHA384_RSA_PKCS_PSS,
            (A::Ps512, true) => M::SHA512_RSA_PKCS_PSS,
            (A::Es256, true) => M::ECDSA_SHA256,
            (A::Es384, true) => M::ECDSA_SHA384,
            (A::Es512, true) => M::ECDSA_SHA512,
            (A::Ed25519, true) => M::EDDSA,
            (A::Rs256 | A::Rs384 | A::Rs512, false) => M::RSA_PKCS,
            (A::Ps256 | A::Ps384 | A::Ps512, false) => M::RSA_PKCS_PSS,
            (A::Es256 | A::Es384 | A::Es512, false) => M::ECDSA,
            _ => return None,
        })
    }

    fn mechanism(self) -> Result<Mechanism<'static>, Cryptoki> {
        use Algorithm as A;
        use Mechanism as M;
        let pss = |hash_alg, mgf, hash: Hash| PkcsPssParams {
            hash_alg,
            mgf,
            s_len: (hash.len() as std::ffi::c_ulong).into(),
        };
        let pss256 = pss(
            MechanismType::SHA256,
            PkcsMgfType::MGF1_SHA256,
            Hash::Sha256,
        );
        let pss384 = pss(
            MechanismType::SHA384,
            PkcsMgfType::MGF1_SHA384,
            Hash::Sha384,
        );
        let pss512 = pss(
            MechanismType::SHA512,
            PkcsMgfType::MGF1_SHA512,
            Hash::Sha512,
        );
        Ok(match (self.algorithm, self.token_hashes) {
            (A::Rs256, true) => M::Sha256RsaPkcs,
            (A::Rs384, true) => M::Sha384RsaPkcs,
            (A::Rs512, true) => M::Sha512RsaPkcs,
            (A::Ps256, true) => M::Sha256RsaPkcsPss(pss256),
            (A::Ps384, true) => M::Sha384RsaPkcsPss(pss384),
            (A::Ps512, true) => M::Sha512RsaPkcsPss(pss512),
            (A::Es256, true) => M::EcdsaSha256,
            (A::Es384, true) => M::EcdsaSha384,
            (A::Es512, true) => M::EcdsaSha512,
            (A::Ed25519, true) => M::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519)),
            (A::Rs256 | A::Rs384 | A::Rs512, false) => M::RsaPkcs,
            (A::Ps256, false) => M::RsaPkcsPss(pss256),
            (A::Ps384, false) => M::RsaPkcsPss(pss384),
            (A::Ps512, false) => M::RsaPkcsPss(pss512),
            (A::Es256 | A::Es384 | A::Es512, false) => M::Ecdsa,
            _ => return Err(Cryptoki::NotSupported),
        })
    }

    /// What the token is given to sign.
    pub(crate) fn input(self, message: &[u8]) -> Vec<u8> {
        let Some(hash) = self.algorithm.hash().filter(|_| !self.token_hashes) else {
            return message.to_vec();
        };
        let digest = match hash {
            Hash::Sha256 => Sha256::digest(message).to_vec(),
            Hash::Sha384 => Sha384::digest(message).to_vec(),
            Hash::Sha512 => Sha512::digest(message).to_vec(),
        };
        if self.algorithm.is_pkcs1() {
            [digest_info(hash), &digest].concat()
        } else {
            digest
        }
    }

    /// Signs in an open, logged-in session. `again` is the PIN of a key that wants it at each signature.
    pub(crate) fn sign(
        self,
        session: &Session,
        key: ObjectHandle,
        input: &[u8],
        again: Option<&Pin>,
    ) -> Result<Vec<u8>, Cryptoki> {
        let mechanism = self.mechanism()?;
        let Some(pin) = again else {
            return session.sign(&mechanism, key, input);
        };
        // cryptoki's one-part call leaves no room for a login between C_SignInit and C_Sign.
        session.sign_init(&mechanism, key)?;
        match pin {
            Pin::Given(pin) => {
                let pin = RawAuthPin::new(Box::new(pin.expose().to_vec()));
                session.login_with_raw(UserType::ContextSpecific, &pin)?;
            }
            _ => session.login(UserType::ContextSpecific, None)?,
        }
        session.sign_update(input)?;
        session.sign_final()
    }
}

/// What the token lists and lets this key use, of mechanisms that sign.
pub(crate) fn mechanisms(
    module: &Module,
    slot: Slot,
    session: &Session,
    key: ObjectHandle,
) -> Result<Vec<MechanismType>, Failure> {
    let listed = module.context().get_mechanism_list(slot);
    let mut listed =
        listed.map_err(|fault| Failure::of(module, "listing the mechanisms", &fault))?;
    listed.retain(|one| {
        // A token that does not tell what a mechanism is for is taken at its word.
        let info = module.context().get_mechanism_info(slot, *one);
        info.map_or(true, |info| info.sign())
    });
    let allowed = objects::attribute(module, session, key, AttributeType::AllowedMechanisms)?;
    if let Some(Attribute::AllowedMechanisms(allowed)) = allowed
        && !allowed.is_empty()
    {
        listed.retain(|one| allowed.contains(one));
    }
    Ok(listed)
}

/// The DER of a `DigestInfo` up to the digest (RFC 8017 section 9.2, note 1).
fn digest_info(hash: Hash) -> &'static [u8] {
    match hash {
        Hash::Sha256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
        }
        Hash::Sha384 => {
            b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"
        }
        Hash::Sha512 => {
            b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_joined_mechanism_is_preferred() {
        let both = [MechanismType::RSA_PKCS, MechanismType::SHA256_RSA_PKCS];
        assert!(Plan::new(Algorithm::Rs256, &both).unwrap().token_hashes);
        assert!(!Plan::new(Algorithm::Rs384, &both).unwrap().token_hashes);
        assert_eq!(Plan::new(Algorithm::Ps256, &both), None);
        assert_eq!(Plan::new(Algorithm::Ed25519, &both), None);
    }

    #[test]
    fn every_plan_has_its_mechanism() {
        for algorithm in Algorithm::ALL {
            for token_hashes in [true, false] {
                let plan = Plan {
                    algorithm,
                    token_hashes,
                };
                assert_eq!(
                    plan.mechanism_type(),
                    plan.mechanism()
                        .ok()
                        .map(|mechanism| mechanism.mechanism_type())
                );
            }
        }
    }

    #[test]
    fn what_the_token_does_not_hash_we_hash() {
        let plan = |algorithm, token_hashes| Plan {
            algorithm,
            token_hashes,
        };
        assert_eq!(plan(Algorithm::Rs256, true).input(b"message"), b"message");
        assert_eq!(plan(Algorithm::Ed25519, true).input(b"message"), b"message");
        assert_eq!(plan(Algorithm::Es384, false).input(b"message").len(), 48);
        let info = plan(Algorithm::Rs512, false).input(b"message");
        assert_eq!(info.len(), 19 + 64);
        // The outer sequence and the octet string are as long as they say.
        assert_eq!((info[1] as usize, info[18] as usize), (info.len() - 2, 64));
    }
}
