//! Keys: `GET /keys/NAME[/VERSION]`, `POST /keys/NAME/VERSION/sign`.

use std::sync::atomic::Ordering;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

use super::{Azure, GET, Lie, SIGN, TENANT, field, next, now, part, random_hex, refused};
use crate::{Answer, Asked, Encoding, Hash, Key, Kind, Padding};

/// Those that have keys as they are here.
const API_VERSIONS: [&str; 7] = ["7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01"];

#[derive(Debug)]
pub struct Version {
    pub id: String,
    pub key: Key,
    /// `RSA`, `RSA-HSM`, `EC`, `EC-HSM`.
    pub kty: &'static str,
    pub operations: Vec<&'static str>,
    pub is_enabled: bool,
    /// In seconds since 1970.
    pub not_before: Option<u64>,
    pub expires: Option<u64>,
}

impl Version {
    pub(super) fn new(kind: Kind, is_in_hsm: bool) -> Self {
        let kty = match (kind.curve_hash(), is_in_hsm) {
            (None, false) => "RSA",
            (None, true) => "RSA-HSM",
            (Some(_), false) => "EC",
            (Some(_), true) => "EC-HSM",
        };
        Self {
            id: random_hex(16),
            key: Key::generate(kind),
            kty,
            operations: vec!["sign", "verify"],
            is_enabled: true,
            not_before: None,
            expires: None,
        }
    }

    fn bundle(&self, kid: &str) -> Value {
        let mut jwk = json!({"kid": kid, "kty": self.kty, "key_ops": self.operations});
        if let Some((modulus, exponent)) = self.key.rsa_numbers() {
            jwk["n"] = BASE64.encode(modulus).into();
            jwk["e"] = BASE64.encode(exponent).into();
        }
        if let Some(point) = self.key.ec_point() {
            let (x, y) = point[1..].split_at(point.len() / 2);
            jwk["crv"] = curve(self.key.kind).into();
            jwk["x"] = BASE64.encode(x).into();
            jwk["y"] = BASE64.encode(y).into();
        }
        let mut attributes = json!({
            "enabled": self.is_enabled,
            "created": 1_700_000_000,
            "updated": 1_700_000_000,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": 90,
            "exportable": false,
        });
        for (name, time) in [("nbf", self.not_before), ("exp", self.expires)] {
            if let Some(time) = time {
                attributes[name] = time.into();
            }
        }
        json!({"key": jwk, "attributes": attributes})
    }

    /// Why it does not sign now.
    fn check(&self) -> Result<(), Answer> {
        let forbidden = |inner: &str| Err(refused(403, "Forbidden", inner, "not with this key"));
        match () {
            () if !self.is_enabled => forbidden("KeyDisabled"),
            () if self.not_before.is_some_and(|time| now() < time) => forbidden("KeyNotYetValid"),
            () if self.expires.is_some_and(|time| now() >= time) => forbidden("KeyExpired"),
            () if !self.operations.contains(&"sign") => forbidden("KeyOperationForbidden"),
            () => Ok(()),
        }
    }
}

impl Azure {
    pub(super) fn key_vault(&self, asked: &Asked) -> Result<Answer, Answer> {
        let query = asked.uri.query().unwrap_or_default();
        let version = field(query, "api-version").unwrap_or_default();
        if !API_VERSIONS.contains(&version.as_str()) {
            return Err(bad("api-version is missing or not supported"));
        }
        let client = self.client(asked)?;
        match next(&self.lies) {
            Some(Lie::Html) => Err(Answer::html()),
            Some(Lie::Status(status, inner, wait)) => {
                let code = match status {
                    403 => "Forbidden",
                    429 => "Throttled",
                    _ => "Other",
                };
                Err(refused(status, code, inner, "as told").retry_after(wait))
            }
            lie => self.keys(asked, &client, lie),
        }
    }

    fn keys(&self, asked: &Asked, client: &str, lie: Option<Lie>) -> Result<Answer, Answer> {
        let parts: Vec<_> = asked.path().split('/').collect();
        let (name, version, is_sign) = match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["", "keys", name]) => (*name, "", false),
            ("GET", ["", "keys", name, version]) => (*name, *version, false),
            ("POST", ["", "keys", name, "sign"]) => (*name, "", true),
            ("POST", ["", "keys", name, version, "sign"]) => (*name, *version, true),
            _ => return Err(refused(404, "NotFound", "", "no such resource")),
        };
        if name.is_empty()
            || !name
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'-')
        {
            return Err(bad("the key's name is none"));
        }
        self.permit(client, if is_sign { SIGN } else { GET })?;
        let keys = self.keys.lock().unwrap();
        let versions = keys.get(&name.to_lowercase());
        let mut versions = versions.into_iter().flatten().rev();
        let found = versions.find(|it| version.is_empty() || it.id == version);
        let found = found.ok_or_else(|| {
            refused(
                404,
                "KeyNotFound",
                "",
                "A key was not found in this key vault",
            )
        })?;
        let (host, id) = match lie {
            Some(Lie::OtherVault) => ("other.vault.azure.net", found.id.clone()),
            Some(Lie::OtherVersion) => (self.host, random_hex(16)),
            _ => (self.host, found.id.clone()),
        };
        let kid = format!("https://{host}/keys/{name}/{id}");
        if !is_sign {
            return Ok(Answer::json(200, &found.bundle(&kid)));
        }
        found.check()?;
        self.signatures.fetch_add(1, Ordering::SeqCst);
        let other = matches!(lie, Some(Lie::OtherKey)).then(|| Key::generate(found.key.kind));
        let mut signature = sign(other.as_ref().unwrap_or(&found.key), asked)?;
        if matches!(lie, Some(Lie::Short)) {
            signature.pop();
        }
        let text = json!({"kid": kid, "value": BASE64.encode(signature)}).to_string();
        Ok(match lie {
            Some(Lie::Truncated) => {
                Answer::text(200, &text[..text.len() / 2]).with("content-type", "application/json")
            }
            _ => Answer::text(200, text).with("content-type", "application/json"),
        })
    }

    /// Who asks, by the token.
    fn client(&self, asked: &Asked) -> Result<String, Answer> {
        let unauthorized = |message: &str| {
            let challenge = self.challenge.lock().unwrap().clone();
            let challenge = challenge.unwrap_or_else(|| {
                format!(
                    "Bearer authorization=\"https://login.microsoftonline.com/{TENANT}\", resource=\"{}\"",
                    self.resource()
                )
            });
            refused(401, "Unauthorized", "", message).with("www-authenticate", challenge)
        };
        let Some(token) = asked.header("authorization").strip_prefix("Bearer ") else {
            return Err(unauthorized(
                "AKV10000: Request is missing a Bearer or PoP token.",
            ));
        };
        self.tokens_seen.fetch_add(1, Ordering::SeqCst);
        let tokens = self.tokens.lock().unwrap();
        let token = tokens.get(token);
        let token = token.ok_or_else(|| unauthorized("AKV10032: Invalid issuer."))?;
        match () {
            () if token.resource != self.resource() => {
                Err(unauthorized("AKV10022: Invalid audience."))
            }
            () if token.expires <= now() => {
                Err(unauthorized("[TokenExpired] the token has expired"))
            }
            () => {
                self.last_client
                    .lock()
                    .unwrap()
                    .clone_from(&token.client_id);
                Ok(token.client_id.clone())
            }
        }
    }

    fn permit(&self, client: &str, permission: &str) -> Result<(), Answer> {
        let apps = self.apps.lock().unwrap();
        if apps
            .get(client)
            .is_some_and(|app| app.permissions.contains(&permission))
        {
            return Ok(());
        }
        let inner = match self.is_by_roles.load(Ordering::SeqCst) {
            true => "ForbiddenByRbac",
            false => "ForbiddenByPolicy",
        };
        Err(refused(403, "Forbidden", inner, "not by this caller"))
    }
}

fn sign(key: &Key, asked: &Asked) -> Result<Vec<u8>, Answer> {
    if !asked.header("content-type").starts_with("application/json") {
        return Err(bad("the body is not JSON"));
    }
    let body = asked.json();
    let algorithm = part(&body, "alg");
    let digest = BASE64.decode(part(&body, "value"));
    let digest = digest.map_err(|_| bad("value is not base64url"))?;
    let (family, size) = algorithm.split_at_checked(2).unwrap_or_default();
    let hash = match size {
        "256" => Hash::Sha256,
        "384" => Hash::Sha384,
        "512" => Hash::Sha512,
        _ => return Err(bad("alg is not supported")),
    };
    let is_ec = key.kind.curve_hash().is_some();
    let padding = match (family, is_ec) {
        ("RS", false) | ("ES", true) => Padding::Pkcs1,
        ("PS", false) => Padding::Pss,
        _ => return Err(bad("key and signing algorithm are incompatible")),
    };
    key.sign_digest(padding, hash, Encoding::Fixed, &digest)
        .map_err(bad)
}

fn curve(kind: Kind) -> &'static str {
    match kind {
        Kind::P384 => "P-384",
        Kind::P521 => "P-521",
        _ => "P-256",
    }
}

fn bad(message: &str) -> Answer {
    refused(400, "BadParameter", "", message)
}
