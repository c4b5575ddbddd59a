//! Access tokens.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use der::{Decode, Sequence, asn1::UintRef};
use keybearer_core::{Algorithm, Bound, Error, ErrorKind, KeyType, KeyUri, Result};
use keybearer_soft::{PrivateKey, SoftSigner};
use serde_json::{Value, json};

use crate::{
    grant::Granted,
    ids,
    model::{App, TokenFormat},
    refusal::Refusal,
    state::State,
};

/// What the org allows an app to do, and says in each answer.
pub(crate) const SCOPE: &str = "api refresh_token";

/// Makes access tokens.
pub(crate) struct Issuer {
    key: Option<Key>,
}

struct Key {
    bound: Bound,
    /// Its public half (RFC 7517).
    jwk: Value,
}

const KEY_ID: &str = "localorg";

impl Issuer {
    /// With a key of its own where JWTs are wanted.
    ///
    /// # Errors
    /// Where no key can be made.
    pub(crate) async fn new(makes_jwts: bool) -> Result<Self> {
        if !makes_jwts {
            return Ok(Self { key: None });
        }
        let made =
            tokio::task::spawn_blocking(|| PrivateKey::generate(KeyType::Rsa { bits: 2048 }));
        let key = made.await.map_err(|error| failed(&error))??;
        let jwk = jwk(key.public_key().key_bytes()).map_err(|error| failed(&error))?;
        let signer = SoftSigner::new(&KeyUri::literal("pem", KEY_ID), &key, &[])?;
        let bound = Bound::new(Arc::new(signer), Algorithm::Rs256)?;
        Ok(Self {
            key: Some(Key { bound, jwk }),
        })
    }

    /// A new token.
    ///
    /// # Errors
    /// `server_error` where the system has no random numbers.
    pub(crate) async fn issue(
        &self,
        state: &State,
        granted: Granted,
        app: &App,
    ) -> Result<String, Refusal> {
        let out_of = |what| Refusal::new("server_error", "server error", what);
        let mut random = [0; 48];
        getrandom::fill(&mut random).map_err(|_| out_of("there are no random numbers"))?;
        let random = URL_SAFE_NO_PAD.encode(random);
        match (&self.key, app.token_format) {
            (Some(key), TokenFormat::Jwt) => key
                .sign(state, granted, app, &random)
                .await
                .map_err(|_| out_of("the token cannot be signed")),
            _ => Ok(format!("{}!{random}", ids::ORG_ID)),
        }
    }

    /// The key set (RFC 7517) that verifies JWTs of this org.
    pub(crate) fn keys(&self) -> Value {
        let keys: Vec<_> = self.key.iter().map(|key| &key.jwk).collect();
        json!({ "keys": keys })
    }
}

impl Key {
    /// In the outline of Salesforce's own: `scp`, `sub` as `uid:…`, `mty`.
    async fn sign(
        &self,
        state: &State,
        granted: Granted,
        app: &App,
        random: &str,
    ) -> Result<String> {
        let now = state.clock.now();
        let unix = |time: std::time::SystemTime| {
            let since = time.duration_since(UNIX_EPOCH);
            since.unwrap_or_default().as_secs()
        };
        let header = json!({
            "tnk": format!("core/local/{}", ids::ORG_ID),
            "ver": "1.0",
            "kid": KEY_ID,
            "tty": "sfdc-core-token",
            "typ": "JWT",
            "alg": "RS256",
        });
        let claims = json!({
            "scp": SCOPE,
            "sub": format!("uid:{}", ids::checked(&ids::user_id(granted.user))),
            "roles": [],
            "iss": state.url,
            "client_id": app.client_id,
            "aud": [state.url],
            "nbf": unix(now),
            "mty": "oauth",
            "exp": unix(now + app.session.max(Duration::from_secs(1))),
            "iat": unix(now),
            "jti": random,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.bound.sign(signed.as_bytes()).await?;
        let signature = URL_SAFE_NO_PAD.encode(signature.as_bytes());
        Ok(format!("{signed}.{signature}"))
    }
}

/// `RSAPublicKey` (RFC 8017 appendix A.1.1).
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

fn jwk(key: &[u8]) -> der::Result<Value> {
    let key = RsaPublicKey::from_der(key)?;
    let part = |number: &UintRef<'_>| URL_SAFE_NO_PAD.encode(number.as_bytes());
    Ok(json!({
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": KEY_ID,
        "n": part(&key.modulus),
        "e": part(&key.exponent),
    }))
}

fn failed(cause: &dyn std::error::Error) -> Error {
    Error::new(ErrorKind::Backend, "the org's key cannot be made").with_source(cause.to_string())
}
