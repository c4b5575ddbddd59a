//! What Key Vault says of a key: its JWK (RFC 7517), what it may do, and when.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_core::{EcCurve, Error, ErrorKind, PublicKey, Result};
use serde_json::Value;

use crate::locator::Locator;

/// The version and the public key of the answer on `key`, where the key signs now.
pub(crate) fn read(answer: &Value, key: &Locator) -> Result<(String, PublicKey)> {
    let (host, name) = (&key.host, &key.name);
    let jwk = &answer["key"];
    let kid = jwk["kid"].as_str().ok_or_else(|| odd(key, "kid"))?;
    let version = key.version_in(kid);
    let is_asked = |version: &String| {
        let wanted = key.version.as_ref();
        wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(version))
    };
    let version = version.filter(is_asked).ok_or_else(|| other(key, kid))?;
    check_time(&answer["attributes"], key)?;
    let operations = jwk["key_ops"].as_array();
    if operations.is_some_and(|all| !all.iter().any(|it| it == "sign")) {
        return Err(Error::new(
            ErrorKind::UnsupportedAlgorithm,
            format!("the key {name} in {host} is not made for signing"),
        )
        .with_hint(
            "its key_ops must have sign: az keyvault key set-attributes --ops sign verify",
        ));
    }
    Ok((version, public_key(jwk, key)?))
}

/// An answer on, or by, another key than the one that was asked.
pub(crate) fn other(key: &Locator, kid: &str) -> Error {
    let wanted = key.kid(key.version.as_deref().unwrap_or_default());
    Error::new(
        ErrorKind::KeyMismatch,
        format!(
            "another key answered: {}, and not {wanted}",
            kid.escape_debug()
        ),
    )
    .with_hint(
        "what answers is not the vault that was asked: check endpoint= and what stands between",
    )
}

fn check_time(attributes: &Value, key: &Locator) -> Result<()> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let time = |name: &str| attributes[name].as_u64();
    let (why, hint) = match () {
        () if attributes["enabled"] == false => (
            "is disabled",
            "enable it: az keyvault key set-attributes --enabled true",
        ),
        () if time("nbf").is_some_and(|from| now < from) => (
            "is not valid yet",
            "see its activation date (nbf): az keyvault key show",
        ),
        () if time("exp").is_some_and(|until| now >= until) => (
            "has expired",
            "see its expiry (exp): az keyvault key show; make a new version, and register its certificate",
        ),
        () => return Ok(()),
    };
    let message = format!("the key {} in {} {why}", key.name, key.host);
    Err(Error::new(ErrorKind::Unsupported, message).with_hint(hint))
}

fn public_key(jwk: &Value, key: &Locator) -> Result<PublicKey> {
    let number = |name: &str| {
        let text = jwk[name].as_str().map(|text| text.trim_end_matches('='));
        let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        bytes.ok_or_else(|| odd(key, name))
    };
    let kind = jwk["kty"].as_str().unwrap_or("unknown");
    let made = match kind {
        "RSA" | "RSA-HSM" => PublicKey::from_rsa_components(&number("n")?, &number("e")?),
        "EC" | "EC-HSM" => {
            let curve = match jwk["crv"].as_str() {
                Some("P-256") => EcCurve::P256,
                Some("P-384") => EcCurve::P384,
                Some("P-521") => EcCurve::P521,
                other => return Err(unfit(key, other.unwrap_or(kind))),
            };
            let mut point = vec![4];
            for name in ["x", "y"] {
                let bytes = number(name)?;
                let missing = curve.field_len().checked_sub(bytes.len());
                let missing = missing.ok_or_else(|| odd(key, name))?;
                point.resize(point.len() + missing, 0);
                point.extend(bytes);
            }
            PublicKey::from_ec_point(curve, &point)
        }
        _ => return Err(unfit(key, kind)),
    };
    made.map_err(|error| unfit(key, kind).with_source(error.to_string()))
}

fn unfit(key: &Locator, kind: &str) -> Error {
    Error::new(
        ErrorKind::UnsupportedAlgorithm,
        format!(
            "no algorithm here fits the key {} in {}: it is of type {}",
            key.name,
            key.host,
            kind.escape_debug()
        ),
    )
    .with_hint("make one of type RSA (2048 bits or more) or EC (P-256, P-384, P-521)")
}

fn odd(key: &Locator, what: &str) -> Error {
    let message = format!(
        "the answer of {} on the key {} has no {what} that can be read",
        key.host, key.name
    );
    Error::new(ErrorKind::Backend, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key() -> Locator {
        Locator::parse("https://jobs.vault.azure.net/keys/job").unwrap()
    }

    fn ec(part: &Value) -> Value {
        let mut answer = json!({
            "key": {
                "kid": "https://jobs.vault.azure.net/keys/job/7",
                "kty": "EC", "crv": "P-256", "key_ops": ["sign"],
                // RFC 7517, appendix A.1.
                "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
            },
            "attributes": {"enabled": true},
        });
        for (name, value) in part.as_object().unwrap() {
            let into = if name == "nbf" || name == "exp" || name == "enabled" {
                "attributes"
            } else {
                "key"
            };
            answer[into][name] = value.clone();
        }
        answer
    }

    #[test]
    fn a_key_is_read_with_its_version() {
        let (version, public) = read(&ec(&json!({})), &key()).unwrap();
        assert_eq!((version.as_str(), public.key_bytes().len()), ("7", 65));
    }

    #[test]
    fn what_cannot_sign_says_why() {
        for (part, kind) in [
            (json!({"enabled": false}), ErrorKind::Unsupported),
            (json!({"nbf": 9_999_999_999_u64}), ErrorKind::Unsupported),
            (json!({"exp": 1}), ErrorKind::Unsupported),
            (
                json!({"key_ops": ["verify"]}),
                ErrorKind::UnsupportedAlgorithm,
            ),
            (json!({"kty": "oct-HSM"}), ErrorKind::UnsupportedAlgorithm),
            (json!({"crv": "P-256K"}), ErrorKind::UnsupportedAlgorithm),
            (
                json!({"kid": "https://jobs.vault.azure.net/keys/other/7"}),
                ErrorKind::KeyMismatch,
            ),
            (json!({"x": "?"}), ErrorKind::Backend),
            (
                json!({"x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4AAAA"}),
                ErrorKind::Backend,
            ),
            (json!({"kid": null}), ErrorKind::Backend),
        ] {
            let error = read(&ec(&part), &key()).unwrap_err();
            assert_eq!(error.kind(), kind, "{part}: {error:?}");
        }
    }
}
