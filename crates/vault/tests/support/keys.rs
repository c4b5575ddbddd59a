//! The fake's keys, by aws-lc-rs: nothing of the product signs here.

use aws_lc_rs::{
    digest::{self, Digest},
    encoding::{AsDer, PublicKeyX509Der},
    rsa::KeySize,
    signature::{
        self as by, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding,
        RsaKeyPair,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value, json};

pub(crate) struct Key {
    pub(crate) kind: Kind,
    pair: Pair,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa2048,
    Rsa3072,
    Rsa4096,
    P256,
    P384,
    P521,
    Ed25519,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Ed25519,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::P256 => "ecdsa-p256",
            Self::P384 => "ecdsa-p384",
            Self::P521 => "ecdsa-p521",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The hash of a digest that this EC key signs.
    fn ec(self) -> (&'static EcdsaSigningAlgorithm, &'static str) {
        match self {
            Self::P384 => (&by::ECDSA_P384_SHA384_FIXED_SIGNING, "sha2-384"),
            Self::P521 => (&by::ECDSA_P521_SHA512_FIXED_SIGNING, "sha2-512"),
            _ => (&by::ECDSA_P256_SHA256_FIXED_SIGNING, "sha2-256"),
        }
    }
}

impl Key {
    pub(crate) fn generate(kind: Kind) -> Self {
        let rsa = |size| Pair::Rsa(RsaKeyPair::generate(size).unwrap());
        let pair = match kind {
            Kind::Rsa2048 => rsa(KeySize::Rsa2048),
            Kind::Rsa3072 => rsa(KeySize::Rsa3072),
            Kind::Rsa4096 => rsa(KeySize::Rsa4096),
            Kind::Ed25519 => Pair::Ed(Ed25519KeyPair::generate().unwrap()),
            _ => Pair::Ec(EcdsaKeyPair::generate(kind.ec().0).unwrap()),
        };
        Self { kind, pair }
    }

    pub(crate) fn spki_der(&self) -> Vec<u8> {
        fn der(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
            key.as_der().unwrap().as_ref().to_vec()
        }
        match &self.pair {
            Pair::Rsa(pair) => der(pair.public_key()),
            Pair::Ec(pair) => der(pair.public_key()),
            Pair::Ed(pair) => der(pair.public_key()),
        }
    }

    /// As Vault shows it: bare base64 for Ed25519, PEM for the rest.
    fn shown(&self) -> String {
        match &self.pair {
            Pair::Ed(pair) => STANDARD.encode(pair.public_key()),
            _ => pem::encode_config(
                &pem::Pem::new("PUBLIC KEY", self.spki_der()),
                pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
            ),
        }
    }

    /// The signature as `jws` writes it, or why not.
    pub(crate) fn sign(&self, body: &Value) -> Result<String, &'static str> {
        let said = |name: &str| body[name].as_str().unwrap_or_default();
        if said("marshaling_algorithm") != "jws" {
            return Err("strict: marshaling_algorithm is not jws");
        }
        let input = STANDARD
            .decode(said("input"))
            .map_err(|_| "input is not base64")?;
        if let Pair::Ed(pair) = &self.pair {
            if body["prehashed"] == true {
                return Err("strict: only pure Ed25519 is signed");
            }
            return Ok(URL_SAFE_NO_PAD.encode(pair.sign(&input)));
        }
        if body["prehashed"] != true {
            return Err("strict: prehashed is not true");
        }
        let hash = match said("hash_algorithm") {
            "sha2-256" => &digest::SHA256,
            "sha2-384" => &digest::SHA384,
            "sha2-512" => &digest::SHA512,
            _ => return Err("unsupported hash algorithm"),
        };
        let digest = Digest::import_less_safe(&input, hash)
            .map_err(|_| "crypto/rsa: input must be hashed message")?;
        let padding = said("signature_algorithm");
        if padding.is_empty() {
            return Err("strict: signature_algorithm is left out");
        }
        match &self.pair {
            Pair::Ec(pair) if said("hash_algorithm") == self.kind.ec().1 => {
                let signature = pair.sign_digest(&digest).map_err(|_| "ECDSA failed")?;
                Ok(URL_SAFE_NO_PAD.encode(signature))
            }
            Pair::Rsa(pair) => {
                let with = rsa(padding, said("salt_length"), said("hash_algorithm"))?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(with, &digest, &mut signature)
                    .map_err(|_| "RSA failed")?;
                Ok(URL_SAFE_NO_PAD.encode(signature))
            }
            _ => Err("strict: the hash is not the one of this curve"),
        }
    }
}

/// What `GET transit/keys/NAME` says.
pub(crate) fn described(versions: &[Key]) -> Value {
    let entry = |(index, key): (usize, &Key)| {
        let shown = json!({"public_key": key.shown(), "name": key.kind.name()});
        ((index + 1).to_string(), shown)
    };
    let keys: Map<_, _> = versions.iter().enumerate().map(entry).collect();
    json!({
        "type": versions.last().map(|key| key.kind.name()),
        "keys": keys,
        "latest_version": versions.len(),
        "min_decryption_version": 1,
        "min_encryption_version": 0,
        "supports_signing": true,
        "derived": false,
    })
}

fn rsa(padding: &str, salt: &str, hash: &str) -> Result<&'static dyn RsaEncoding, &'static str> {
    match (padding, salt, hash) {
        ("pkcs1v15", _, "sha2-256") => Ok(&by::RSA_PKCS1_SHA256),
        ("pkcs1v15", _, "sha2-384") => Ok(&by::RSA_PKCS1_SHA384),
        ("pkcs1v15", _, "sha2-512") => Ok(&by::RSA_PKCS1_SHA512),
        ("pss", "hash", "sha2-256") => Ok(&by::RSA_PSS_SHA256),
        ("pss", "hash", "sha2-384") => Ok(&by::RSA_PSS_SHA384),
        ("pss", "hash", "sha2-512") => Ok(&by::RSA_PSS_SHA512),
        ("pss", ..) => Err("strict: salt_length is not hash"),
        _ => Err("unknown signature algorithm"),
    }
}
