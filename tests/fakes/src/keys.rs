//! The fakes' keys, by aws-lc-rs: nothing of the product signs here.

use aws_lc_rs::{
    digest::{self, Digest},
    encoding::{AsDer, PublicKeyX509Der},
    rsa::KeySize,
    signature::{
        self as by, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding,
        RsaKeyPair,
    },
};

pub struct Key {
    pub kind: Kind,
    pair: Pair,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rsa2048,
    Rsa3072,
    Rsa4096,
    P256,
    P384,
    P521,
    Ed25519,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    Pkcs1,
    /// With a salt as long as the digest.
    Pss,
}

/// Of ECDSA signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// r||s.
    Fixed,
    Der,
}

enum Pair {
    Rsa(RsaKeyPair),
    /// The same key twice: aws-lc-rs ties the encoding to the pair.
    Ec {
        fixed: EcdsaKeyPair,
        der: EcdsaKeyPair,
    },
    Ed(Ed25519KeyPair),
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Ed25519,
    ];

    /// The only hash whose digests an EC key signs with JWS.
    pub fn curve_hash(self) -> Option<Hash> {
        match self {
            Self::P256 => Some(Hash::Sha256),
            Self::P384 => Some(Hash::Sha384),
            Self::P521 => Some(Hash::Sha512),
            _ => None,
        }
    }

    fn ec(self, encoding: Encoding) -> &'static EcdsaSigningAlgorithm {
        match (self, encoding) {
            (Self::P384, Encoding::Fixed) => &by::ECDSA_P384_SHA384_FIXED_SIGNING,
            (Self::P384, Encoding::Der) => &by::ECDSA_P384_SHA384_ASN1_SIGNING,
            (Self::P521, Encoding::Fixed) => &by::ECDSA_P521_SHA512_FIXED_SIGNING,
            (Self::P521, Encoding::Der) => &by::ECDSA_P521_SHA512_ASN1_SIGNING,
            (_, Encoding::Fixed) => &by::ECDSA_P256_SHA256_FIXED_SIGNING,
            (_, Encoding::Der) => &by::ECDSA_P256_SHA256_ASN1_SIGNING,
        }
    }
}

impl Hash {
    /// Of a digest, in bytes.
    pub fn length(self) -> usize {
        self.algorithm().output_len()
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

impl Key {
    pub fn generate(kind: Kind) -> Self {
        let rsa = |size| Pair::Rsa(RsaKeyPair::generate(size).unwrap());
        let pair = match kind {
            Kind::Rsa2048 => rsa(KeySize::Rsa2048),
            Kind::Rsa3072 => rsa(KeySize::Rsa3072),
            Kind::Rsa4096 => rsa(KeySize::Rsa4096),
            Kind::Ed25519 => Pair::Ed(Ed25519KeyPair::generate().unwrap()),
            _ => {
                let fixed = EcdsaKeyPair::generate(kind.ec(Encoding::Fixed)).unwrap();
                let pkcs8 = fixed.to_pkcs8v1().unwrap();
                let der = EcdsaKeyPair::from_pkcs8(kind.ec(Encoding::Der), pkcs8.as_ref());
                Pair::Ec {
                    der: der.unwrap(),
                    fixed,
                }
            }
        };
        Self { kind, pair }
    }

    /// The SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> Vec<u8> {
        fn der(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
            key.as_der().unwrap().as_ref().to_vec()
        }
        match &self.pair {
            Pair::Rsa(pair) => der(pair.public_key()),
            Pair::Ec { fixed, .. } => der(fixed.public_key()),
            Pair::Ed(pair) => der(pair.public_key()),
        }
    }

    /// The SubjectPublicKeyInfo as PEM.
    pub fn spki_pem(&self) -> String {
        pem::encode_config(
            &pem::Pem::new("PUBLIC KEY", self.spki_der()),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        )
    }

    /// The 32 bytes of an Ed25519 public key.
    pub fn ed25519_public(&self) -> Option<&[u8]> {
        match &self.pair {
            Pair::Ed(pair) => Some(pair.public_key().as_ref()),
            _ => None,
        }
    }

    /// Modulus and exponent of an RSA key, big-endian without leading zeros.
    pub fn rsa_numbers(&self) -> Option<(&[u8], &[u8])> {
        let Pair::Rsa(pair) = &self.pair else {
            return None;
        };
        // RSAPublicKey (RFC 8017) ends with INTEGER 65537, five bytes; the modulus stands before it.
        let (before, exponent) = pair.public_key().as_ref().split_last_chunk::<3>()?;
        let (before, _) = before.split_last_chunk::<2>()?;
        let (_, modulus) = before.split_at_checked(before.len() - pair.public_modulus_len())?;
        Some((modulus, exponent))
    }

    /// The uncompressed point of an EC key.
    pub fn ec_point(&self) -> Option<&[u8]> {
        match &self.pair {
            Pair::Ec { fixed, .. } => Some(fixed.public_key().as_ref()),
            _ => None,
        }
    }

    /// The signature over a digest, or why there is none. EC keys know no padding.
    pub fn sign_digest(
        &self,
        padding: Padding,
        hash: Hash,
        encoding: Encoding,
        digest: &[u8],
    ) -> Result<Vec<u8>, &'static str> {
        let digest = Digest::import_less_safe(digest, hash.algorithm())
            .map_err(|_| "the digest has not the length of the hash")?;
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(rsa(padding, hash), &digest, &mut signature)
                    .map_err(|_| "RSA failed")?;
                Ok(signature)
            }
            Pair::Ec { fixed, der } if self.kind.curve_hash() == Some(hash) => {
                let pair = match encoding {
                    Encoding::Fixed => fixed,
                    Encoding::Der => der,
                };
                let signature = pair.sign_digest(&digest).map_err(|_| "ECDSA failed")?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ec { .. } => Err("the hash is not the one of this curve"),
            Pair::Ed(_) => Err("Ed25519 signs no digest"),
        }
    }

    /// The Ed25519 signature over a message.
    pub fn sign_message(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::Ed(pair) => Some(pair.sign(message).as_ref().to_vec()),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

fn rsa(padding: Padding, hash: Hash) -> &'static dyn RsaEncoding {
    match (padding, hash) {
        (Padding::Pkcs1, Hash::Sha256) => &by::RSA_PKCS1_SHA256,
        (Padding::Pkcs1, Hash::Sha384) => &by::RSA_PKCS1_SHA384,
        (Padding::Pkcs1, Hash::Sha512) => &by::RSA_PKCS1_SHA512,
        (Padding::Pss, Hash::Sha256) => &by::RSA_PSS_SHA256,
        (Padding::Pss, Hash::Sha384) => &by::RSA_PSS_SHA384,
        (Padding::Pss, Hash::Sha512) => &by::RSA_PSS_SHA512,
    }
}
