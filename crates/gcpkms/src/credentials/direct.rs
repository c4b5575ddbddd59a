//! Credentials that stand for themselves: a service account by its key, and a person by a refresh token.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_core::{Algorithm, Error, ErrorKind, KeyUri, Result, Secret, Signer};
use keybearer_http::{Client, Request};
use keybearer_soft::{PrivateKey, SoftSigner};
use serde_json::json;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{
    Lease,
    document::{Fields, Hidden, missing},
    endpoint, is_account,
};
use crate::locator;

/// Google's own, where a file names no other.
const TOKEN_ENDPOINT: &str = "https://oauth2.googleapis.com/token";

/// Google takes no assertion that lives longer, in seconds.
const LIFETIME: u64 = 3600;

/// A clock may be ahead by so many seconds without harm: Google refuses what is from the future.
const SKEW: u64 = 10;

pub(super) enum Direct {
    ServiceAccount {
        email: String,
        key_id: String,
        key: PrivateKey,
    },
    User {
        client_id: String,
        client_secret: Secret,
        refresh_token: Secret,
        token_uri: String,
    },
}

impl Direct {
    pub(super) fn service_account(fields: &Fields) -> Result<Self> {
        let text = |value: &Option<String>, name| value.clone().ok_or_else(|| missing(name));
        let pem = fields.private_key.as_ref();
        let pem = pem.ok_or_else(|| missing("private_key"))?;
        let email = text(&fields.client_email, "client_email")?;
        if !is_account(&email) {
            return Err(missing("client_email that is one"));
        }
        Ok(Self::ServiceAccount {
            email,
            key_id: text(&fields.private_key_id, "private_key_id")?,
            key: private_key(&pem.0)?,
        })
    }

    pub(super) fn user(fields: &Fields) -> Result<Self> {
        let token_uri = fields.token_uri.as_deref().unwrap_or(TOKEN_ENDPOINT);
        locator::address(token_uri, "token_uri")?;
        let client_id = fields.client_id.clone();
        let secret = |value: &Option<Hidden>, name| match value {
            Some(Hidden(secret)) => Ok(secret.clone()),
            None => Err(missing(name)),
        };
        Ok(Self::User {
            client_id: client_id.ok_or_else(|| missing("client_id"))?,
            client_secret: secret(&fields.client_secret, "client_secret")?,
            refresh_token: secret(&fields.refresh_token, "refresh_token")?,
            token_uri: token_uri.into(),
        })
    }

    /// As IAM writes it.
    pub(super) fn member(&self) -> String {
        match self {
            Self::ServiceAccount { email, .. } => format!("serviceAccount:{email}"),
            // The file does not say who.
            Self::User { .. } => "user:YOU".into(),
        }
    }

    /// A token for this scope.
    pub(super) async fn token<'a>(&'a self, client: &Client, scope: &str) -> Result<Lease> {
        let began = Instant::now();
        match self {
            Self::ServiceAccount { email, key_id, key } => {
                let token = assertion(email, key_id, key, scope).await?;
                Ok(Lease::new(token, began, LIFETIME - SKEW))
            }
            Self::User {
                client_id,
                client_secret,
                refresh_token,
                token_uri,
            } => {
                let text = |secret: &'a Secret| secret.expose_str().unwrap_or_default();
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id.as_str()),
                    ("client_secret", text(client_secret)),
                    ("refresh_token", text(refresh_token)),
                ];
                let response = client.send(Request::post_form(token_uri, form)?).await?;
                match response.status() {
                    200 => endpoint::lease(&response, began, &self.to_string()),
                    _ => Err(endpoint::failed(&response, &self.to_string())),
                }
            }
        }
    }
}

/// A JWT that the account has signed for itself, which Google's APIs take in place of an access token: no request is made for it,
/// and it works in every universe.
///
/// Source: <https://google.aip.dev/auth/4111>.
async fn assertion(email: &str, key_id: &str, key: &PrivateKey, scope: &str) -> Result<Secret> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let from = now.unwrap_or_default().as_secs().saturating_sub(SKEW);
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": key_id});
    let claims = json!({
        "iss": email,
        "sub": email,
        "scope": scope,
        "iat": from,
        "exp": from + LIFETIME,
    });
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let uri = KeyUri::literal("gcpkms", "credentials");
    let signer = SoftSigner::new(&uri, key, &[])?;
    let signature = signer.sign(Algorithm::Rs256, signed.as_bytes()).await?;
    let signature = URL_SAFE_NO_PAD.encode(signature.as_bytes());
    Ok(Secret::new(format!("{signed}.{signature}")))
}

/// The key of a service account: PKCS#8 in PEM, RSA.
fn private_key(pem: &Secret) -> Result<PrivateKey> {
    let unreadable = |why: &str| {
        Error::new(ErrorKind::Malformed, format!("its private_key {why}"))
            .with_hint("take the JSON key again as Google gave it: its line breaks are written \\n")
    };
    // The error of the reader may repeat what it read.
    let block = pem::parse(pem.expose()).map_err(|_| unreadable("is not PEM"))?;
    let is_pkcs1 = block.tag() == "RSA PRIVATE KEY";
    let der = Zeroizing::new(block.into_contents());
    let key = match is_pkcs1 {
        true => PrivateKey::from_pkcs1_der(&der),
        false => PrivateKey::from_pkcs8_der(&der),
    };
    let key = key.map_err(|error| unreadable(&format!("is no key: {error}")))?;
    match key.algorithms().contains(&Algorithm::Rs256) {
        true => Ok(key),
        false => Err(unreadable("is not an RSA key")),
    }
}

impl fmt::Display for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceAccount { email, .. } => f.write_str(email),
            Self::User { .. } => f.write_str("a user"),
        }
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Direct({self})")
    }
}
