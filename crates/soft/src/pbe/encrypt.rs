//! Encrypting with a password, in the ways that key files use.

use der::{
    Encode, Sequence,
    asn1::{AnyRef, ObjectIdentifier, OctetStringRef},
};
use keybearer_core::{Result, Secret, WorkLimit};
use zeroize::Zeroizing;

use super::{
    cipher::Cipher,
    hash::{HMAC_SHA256, Hash},
    kdf::{Pbkdf2, Pkcs12Kdf, Purpose, Utf16Password},
    malformed,
    scheme::{AES_256_CBC, PBES2, PBKDF2, SHA1_AND_TRIPLE_DES},
};
use crate::{asn1::AlgorithmIdentifier, random, work::WorkBudget};

/// How a password encrypts. Salts and initialization vectors are random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encryption {
    /// PBES2 (RFC 8018 section 6.2): AES-256 in CBC mode, its key by PBKDF2 with HMAC-SHA-256.
    Aes256 {
        /// The iteration count of PBKDF2.
        rounds: u32,
    },
    /// `pbeWithSHAAnd3-KeyTripleDES-CBC` of PKCS#12 (RFC 7292 appendix C): what programs open that do not know PBES2.
    TripleDesSha1 {
        /// The iteration count of the derivation of PKCS#12.
        rounds: u32,
    },
}

/// What was encrypted with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// How, as an `AlgorithmIdentifier` in DER.
    pub algorithm_identifier_der: Vec<u8>,
    /// The ciphertext.
    pub ciphertext: Vec<u8>,
}

/// Encrypts with a password. Takes as long as the rounds do: asynchronous code calls it by
/// [`offload`](crate::offload()).
///
/// # Errors
/// [`Backend`](keybearer_core::ErrorKind::Backend) where the system gives no random bytes,
/// [`Malformed`](keybearer_core::ErrorKind::Malformed) for 0 rounds.
pub fn encrypt(plaintext: &Secret, password: &Secret, how: Encryption) -> Result<Encrypted> {
    let salt: [u8; SALT] = random()?;
    match how {
        Encryption::Aes256 { rounds } => {
            let iv: [u8; 16] = random()?;
            let kdf = Pbkdf2 {
                hash: Hash::Sha256,
                salt: &salt,
                rounds: rounds.into(),
            };
            let len = Cipher::Aes256.key_len();
            let key = kdf.derive(password.expose(), len, &mut allow(rounds))?;
            let ciphertext = Cipher::Aes256.encrypt(&key, &iv, plaintext)?;
            Encrypted::new(pbes2(&salt, rounds, &iv), ciphertext)
        }
        Encryption::TripleDesSha1 { rounds } => {
            let kdf = Pkcs12Kdf {
                hash: Hash::Sha1,
                salt: &salt,
                rounds: rounds.into(),
            };
            let password = Utf16Password::new(password);
            let derive = |purpose, len| -> Result<Zeroizing<Vec<u8>>> {
                kdf.derive(&password, purpose, len, &mut allow(rounds))
            };
            let cipher = Cipher::Des3;
            let key = derive(Purpose::Key, cipher.key_len())?;
            let iv = derive(Purpose::Iv, cipher.iv_len())?;
            let ciphertext = cipher.encrypt(&key, &iv, plaintext)?;
            Encrypted::new(pkcs12(&salt, rounds), ciphertext)
        }
    }
}

impl Encrypted {
    /// As an `EncryptedPrivateKeyInfo` (RFC 5958 section 3) in DER.
    pub(super) fn to_private_key_info(&self) -> Result<Vec<u8>> {
        let encode = || {
            EncryptedPrivateKeyInfo {
                algorithm: AnyRef::try_from(self.algorithm_identifier_der.as_slice())?,
                ciphertext: OctetStringRef::new(&self.ciphertext)?,
            }
            .to_der()
        };
        encode().map_err(|error: der::Error| malformed(error.to_string()))
    }

    fn new(algorithm: der::Result<Vec<u8>>, ciphertext: Vec<u8>) -> Result<Self> {
        Ok(Self {
            algorithm_identifier_der: algorithm.map_err(|error| malformed(error.to_string()))?,
            ciphertext,
        })
    }
}

/// In bytes. RFC 8018 section 4.1 asks for 8 and more, NIST SP 800-132 for 16.
pub(super) const SALT: usize = 16;

/// The budget for what we ask of ourselves.
pub(super) fn allow(rounds: u32) -> WorkBudget {
    WorkBudget::new(WorkLimit::new(rounds.into(), 0))
}

fn pbes2(salt: &[u8], rounds: u32, iv: &[u8]) -> der::Result<Vec<u8>> {
    let prf = identifier(HMAC_SHA256, AnyRef::NULL);
    let salt = OctetStringRef::new(salt)?;
    let kdf = Pbkdf2Parameters { salt, rounds, prf }.to_der()?;
    let scheme = Pbes2Parameters {
        kdf: identifier(PBKDF2, AnyRef::try_from(kdf.as_slice())?),
        cipher: identifier(AES_256_CBC, OctetStringRef::new(iv)?.into()),
    }
    .to_der()?;
    identifier(PBES2, AnyRef::try_from(scheme.as_slice())?).to_der()
}

fn pkcs12(salt: &[u8], rounds: u32) -> der::Result<Vec<u8>> {
    let salt = OctetStringRef::new(salt)?;
    let parameters = Pkcs12Parameters { salt, rounds }.to_der()?;
    identifier(
        SHA1_AND_TRIPLE_DES,
        AnyRef::try_from(parameters.as_slice())?,
    )
    .to_der()
}

fn identifier(oid: ObjectIdentifier, parameters: AnyRef<'_>) -> AlgorithmIdentifier<'_> {
    AlgorithmIdentifier {
        oid,
        parameters: Some(parameters),
    }
}

#[derive(Sequence)]
struct Pbkdf2Parameters<'a> {
    salt: &'a OctetStringRef,
    rounds: u32,
    prf: AlgorithmIdentifier<'a>,
}

#[derive(Sequence)]
struct Pbes2Parameters<'a> {
    kdf: AlgorithmIdentifier<'a>,
    cipher: AlgorithmIdentifier<'a>,
}

/// `pkcs-12PbeParams` (RFC 7292 appendix C).
#[derive(Sequence)]
struct Pkcs12Parameters<'a> {
    salt: &'a OctetStringRef,
    rounds: u32,
}

#[derive(Sequence)]
struct EncryptedPrivateKeyInfo<'a> {
    algorithm: AnyRef<'a>,
    ciphertext: &'a OctetStringRef,
}
