//! The JWT bearer grant, verified as Salesforce does.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::state::State;

/// A refusal: `error` and `error_description`.
pub(crate) type Refusal = (&'static str, &'static str);

const INVALID: Refusal = ("invalid_grant", "invalid assertion");

/// The user whom the assertion is for.
pub(crate) fn verify(assertion: &str, state: &State) -> Result<usize, Refusal> {
    let mut parts = assertion.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(INVALID);
    };
    let signed = &assertion[..header.len() + 1 + claims.len()];
    let (header, claims) = (object(header)?, object(claims)?);
    if text(&header, "alg") != Some("RS256") {
        return Err(INVALID);
    }
    let client_id = text(&claims, "iss").unwrap_or_default();
    let app = state.apps.iter().find(|app| app.client_id == client_id);
    let app = app.ok_or(("invalid_client_id", "client identifier invalid"))?;
    let signature = decode(signature)?;
    let verified = app
        .certificates
        .iter()
        .filter_map(|certificate| certificate.public_key().ok())
        .any(|key| {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.key_bytes())
                .verify(signed.as_bytes(), &signature)
                .is_ok()
        });
    if !verified {
        return Err(INVALID);
    }
    if !text(&claims, "aud").is_some_and(|audience| is_ours(audience, &state.url)) {
        return Err(("invalid_grant", "audience is invalid"));
    }
    // Salesforce takes seconds as a number or as a text, and knows no upper bound: milliseconds pass.
    let expires = claims
        .get("exp")
        .and_then(|exp| exp.as_u64().or_else(|| exp.as_str()?.parse().ok()));
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    if expires.is_none_or(|expires| expires <= now) {
        return Err(("invalid_grant", "expired authorization code"));
    }
    // `prn` is the older name of `sub`, and wins.
    let name = text(&claims, "prn")
        .or_else(|| text(&claims, "sub"))
        .unwrap_or_default();
    let user = state.users.iter().position(|user| user.name == name);
    let user = user.ok_or(("invalid_grant", "user hasn't approved this consumer"))?;
    if !state.users[user].active {
        return Err(("invalid_grant", "inactive user"));
    }
    if text(&claims, "jti").is_some_and(|jti| !state.is_new(client_id, jti)) {
        return Err(("bad_jti_claim", "jti has been used before"));
    }
    Ok(user)
}

fn is_ours(audience: &str, url: &str) -> bool {
    let bare = |text: &str| {
        text.trim_end_matches('/')
            .trim_start_matches("https://")
            .trim_start_matches("http://")
            .to_owned()
    };
    [
        url,
        "https://login.salesforce.com",
        "https://test.salesforce.com",
    ]
    .iter()
    .any(|known| bare(known) == bare(audience))
}

/// Base64url, padded too: some Java clients pad.
fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD
        .decode(part.trim_end_matches('='))
        .map_err(|_| INVALID)
}

fn object(part: &str) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(&decode(part)?).map_err(|_| INVALID)
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}
