//! The assertion as it comes in: a JWS in compact serialization (RFC 7515), read as leniently as Salesforce reads it.

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_core::{Algorithm, Certificate, KeyType};
use serde_json::{Map, Value};

use crate::{
    log::{Draft, clipped},
    refusal::Refusal,
};

/// An assertion, nothing of it verified.
pub(crate) struct Assertion<'a> {
    pub(crate) claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Assertion<'a> {
    /// Reads the three parts.
    ///
    /// # Errors
    /// `invalid assertion` for anything but three parts of base64url, the first two JSON objects, with `alg` RS256.
    pub(crate) fn read(text: &'a str, draft: &mut Draft) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Err(Refusal::assertion("there is no assertion"));
        }
        let parts: Vec<_> = text.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            let why = format!("it has {} parts and not three", parts.len());
            return Err(Refusal::assertion(why));
        };
        if parts.iter().any(|part| part.ends_with('=')) {
            draft.odd("base64url with padding");
        }
        let signed_len = header.len() + 1 + claims.len();
        let header = object(header, "the header")?;
        let claims = object(claims, "the claims")?;
        check_header(&header)?;
        Ok(Self {
            claims,
            signed: text.get(..signed_len).unwrap_or_default(),
            signature: decode(signature, "the signature")?,
        })
    }

    /// Whether the holder of this key signed it.
    pub(crate) fn is_signed_by(&self, key: &ParsedPublicKey) -> bool {
        key.verify_sig(self.signed.as_bytes(), &self.signature)
            .is_ok()
    }

    /// A claim that is a string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }
}

/// The key that a certificate is for, as RS256 is verified with.
///
/// # Errors
/// Why Salesforce cannot verify with it.
pub(crate) fn verification_key(certificate: &Certificate) -> Result<ParsedPublicKey, String> {
    let key = certificate
        .public_key()
        .map_err(|error| error.to_string())?;
    let name = match key.key_type() {
        KeyType::Rsa { bits } if bits < 2048 => {
            return Err(format!("its RSA key has {bits} bits, fewer than 2048"));
        }
        KeyType::Rsa { .. } => {
            return ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.key_bytes())
                .map_err(|_| "its RSA key cannot be used".into());
        }
        KeyType::Ec(curve) => curve.name(),
        _ => "EdDSA",
    };
    Err(format!(
        "its key is no RSA key ({name}), and Salesforce verifies RS256 alone"
    ))
}

fn check_header(header: &Map<String, Value>) -> Result<(), Refusal> {
    let algorithm = header.get("alg").and_then(Value::as_str);
    if algorithm != Some(Algorithm::Rs256.jws_name()) {
        let named = algorithm.map_or_else(|| "missing".into(), clipped);
        return Err(Refusal::assertion(format!(
            "alg is {named}, and Salesforce takes RS256 alone"
        )));
    }
    // RFC 7515 section 4.1.11.
    if header.contains_key("crit") {
        return Err(Refusal::assertion(
            "the header has crit, and none of its extensions is known",
        ));
    }
    Ok(())
}

fn object(part: &str, what: &str) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(&decode(part, what)?)
        .map_err(|_| Refusal::assertion(format!("{what} is no JSON object")))
}

/// Base64url, padded too: some Java clients pad.
fn decode(part: &str, what: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD
        .decode(part.trim_end_matches('='))
        .map_err(|_| Refusal::assertion(format!("{what} is not base64url")))
}
