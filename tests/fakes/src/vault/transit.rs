//! The engine, mounted at `transit` in each namespace.

use std::sync::atomic::Ordering;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value, json};

use super::{Lie, Vault, data, refusal};
use crate::{Answer, Asked, Encoding, Hash, Key, Kind, Padding};

/// A key by its versions.
#[derive(Debug, Default)]
pub(super) struct TransitKey {
    pub(super) versions: Vec<Key>,
    /// `min_decryption_version`; 0 and 1 are the same.
    pub(super) least: u64,
    /// As OpenBao has it: it can be restored.
    pub(super) is_soft_deleted: bool,
}

impl Vault {
    pub(super) fn engine(&self, asked: &Asked, namespace: &str, path: &str) -> Answer {
        let rest = path
            .strip_prefix("transit/")
            .and_then(|rest| rest.split_once('/'));
        match (asked.method.as_str(), rest) {
            ("GET", Some(("keys", name))) => self.engine_read(namespace, name),
            ("POST" | "PUT", Some(("sign", name))) => self.sign(namespace, name, &asked.json()),
            _ => refusal(404, "no handler for route"),
        }
    }

    pub(super) fn engine_read(&self, namespace: &str, name: &str) -> Answer {
        let state = self.state();
        let key = state
            .spaces
            .get(namespace)
            .and_then(|space| space.keys.get(name));
        match key {
            Some(key) => data(200, &json!({ "data": key.described(name) })),
            None => refusal(404, ""),
        }
    }

    fn sign(&self, namespace: &str, name: &str, body: &Value) -> Answer {
        self.signatures.fetch_add(1, Ordering::SeqCst);
        let lie = self.next_lie();
        match lie {
            Some(Lie::Html) => return Answer::html(),
            Some(Lie::Truncated) => {
                return Answer::text(200, "{\"data\":{\"signature\":\"vault:v1:");
            }
            Some(Lie::Status(status, wait)) => return refusal(status, "told to").retry_after(wait),
            _ => {}
        }
        let state = self.state();
        let key = state
            .spaces
            .get(namespace)
            .and_then(|space| space.keys.get(name));
        let Some(key) = key else {
            return refusal(400, "signing key not found");
        };
        let (version, pair) = match key.version(&body["key_version"]) {
            Ok(found) => found,
            Err(why) => return refusal(500, why),
        };
        let other = matches!(lie, Some(Lie::OtherKey)).then(|| Key::generate(pair.kind));
        match signature(other.as_ref().unwrap_or(pair), body) {
            Err(why) => refusal(500, why),
            Ok(signature) => {
                let shown = version + u64::from(matches!(lie, Some(Lie::OtherVersion)));
                let prefix = match lie {
                    Some(Lie::WrongPrefix) => "bao",
                    _ => "vault",
                };
                let signature = format!("{prefix}:v{shown}:{signature}");
                data(
                    200,
                    &json!({"data": {"signature": signature, "key_version": shown}}),
                )
            }
        }
    }
}

impl TransitKey {
    fn version(&self, wanted: &Value) -> Result<(u64, &Key), &'static str> {
        if self.is_soft_deleted {
            return Err("refusing to use soft-deleted key");
        }
        let version = match wanted.as_u64() {
            None => return Err("strict: key_version is left out"),
            Some(0) => self.versions.len() as u64,
            Some(version) => version,
        };
        if version < self.least {
            return Err(
                "requested version for signing is less than the minimum decryption key version",
            );
        }
        let index = usize::try_from(version).unwrap().checked_sub(1);
        let key = index.and_then(|index| self.versions.get(index));
        key.map(|key| (version, key))
            .ok_or("requested version for signing is higher than the latest key version")
    }

    /// What `GET transit/keys/NAME` says.
    fn described(&self, name: &str) -> Value {
        let versions = (1_u64..).zip(&self.versions);
        let shown = versions.filter(|(version, _)| *version >= self.least);
        let keys: Map<_, _> = shown
            .map(|(version, key)| (version.to_string(), described(key)))
            .collect();
        json!({
            "name": name,
            "type": self.versions.last().map(|key| key_type(key.kind)),
            "keys": keys,
            "latest_version": self.versions.len(),
            "min_decryption_version": self.least.max(1),
            "min_encryption_version": 0,
            "supports_signing": true,
            "derived": false,
            "soft_deleted": self.is_soft_deleted,
        })
    }
}

/// A version as Vault shows it: bare base64 for Ed25519, PEM for the rest.
fn described(key: &Key) -> Value {
    let public = match key.ed25519_public() {
        Some(bytes) => STANDARD.encode(bytes),
        None => key.spki_pem(),
    };
    json!({"public_key": public, "name": key_type(key.kind)})
}

/// Vault's name.
pub fn key_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Rsa2048 => "rsa-2048",
        Kind::Rsa3072 => "rsa-3072",
        Kind::Rsa4096 => "rsa-4096",
        Kind::P256 => "ecdsa-p256",
        Kind::P384 => "ecdsa-p384",
        Kind::P521 => "ecdsa-p521",
        Kind::Ed25519 => "ed25519",
    }
}

/// The signature as it is written, or why there is none.
fn signature(key: &Key, body: &Value) -> Result<String, &'static str> {
    let said = |name: &str| body[name].as_str().unwrap_or_default();
    let (encoding, write): (_, fn(Vec<u8>) -> String) = match said("marshaling_algorithm") {
        "jws" => (Encoding::Fixed, |bytes| URL_SAFE_NO_PAD.encode(bytes)),
        "asn1" => (Encoding::Der, |bytes| STANDARD.encode(bytes)),
        _ => return Err("strict: marshaling_algorithm is left out"),
    };
    let input = STANDARD
        .decode(said("input"))
        .map_err(|_| "input is not base64")?;
    if key.kind == Kind::Ed25519 {
        if body["prehashed"] == true {
            return Err("strict: only pure Ed25519 is signed");
        }
        let signature = key.sign_message(&input).ok_or("no Ed25519")?;
        return Ok(write(signature));
    }
    if body["prehashed"] != true {
        return Err("strict: prehashed is not true");
    }
    let hash = match said("hash_algorithm") {
        "sha2-256" => Hash::Sha256,
        "sha2-384" => Hash::Sha384,
        "sha2-512" => Hash::Sha512,
        _ => return Err("unsupported hash algorithm"),
    };
    let padding = match (said("signature_algorithm"), said("salt_length")) {
        ("pkcs1v15", _) => Padding::Pkcs1,
        ("pss", "hash") => Padding::Pss,
        ("pss", _) => return Err("strict: salt_length is not hash"),
        ("", _) => return Err("strict: signature_algorithm is left out"),
        _ => return Err("unknown signature algorithm"),
    };
    let signature = key.sign_digest(padding, hash, encoding, &input)?;
    Ok(write(signature))
}
