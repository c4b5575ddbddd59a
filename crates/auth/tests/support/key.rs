//! Keys made for a test, and what checks their signatures.
#![allow(dead_code, unreachable_pub, reason = "a part of tests")]

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_core::{Algorithm, Bound, EcCurve, KeyType};
use keybearer_soft::{PrivateKey, SoftSigner};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Map, Value};

pub struct TestKey {
    pub bound: Bound,
    point: Vec<u8>,
}

impl TestKey {
    pub fn new() -> Self {
        let key = PrivateKey::generate(KeyType::Ec(EcCurve::P256)).unwrap();
        let signer = SoftSigner::new(&"pem:/test.pem".parse().unwrap(), &key, &[]).unwrap();
        let spki = key.public_key().spki_der();
        Self {
            bound: Bound::new(Arc::new(signer), Algorithm::Es256).unwrap(),
            // The last field of a P-256 key's SubjectPublicKeyInfo is its point, uncompressed.
            point: spki[spki.len() - 65..].to_vec(),
        }
    }

    /// Header and claims, if this key has signed them.
    pub fn open(&self, compact: &str) -> Option<[Map<String, Value>; 2]> {
        let (signed, signature) = compact.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point)
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        let (header, claims) = signed.split_once('.')?;
        let part = |part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        Some([part(header)?, part(claims)?])
    }
}
