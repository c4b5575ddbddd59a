//! Who calls: service accounts and users, and the tokens that they sign or are given.

use std::{collections::HashSet, sync::atomic::Ordering, time::SystemTime, time::UNIX_EPOCH};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::KeySize,
    signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Gcp, IMPERSONATE, info, invalid, refused};
use crate::{Answer, Asked};

/// A service account or a user.
pub struct Account {
    pair: RsaKeyPair,
    /// Names this account's key in the header of its assertions.
    pub key_id: String,
    /// Of a user, who has no key.
    pub refresh_token: String,
    permissions: HashSet<&'static str>,
}

const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/cloudkms",
];
const CLIENT_ID: &str = "1234.apps.googleusercontent.com";
const CLIENT_SECRET: &str = "GOCSPX-secret-of-the-fake";

impl Gcp {
    /// A new account that may do this, of this e-mail address. Again, for other permissions and another key.
    pub fn account(&self, email: &str, permissions: &[&'static str]) {
        let account = Account {
            pair: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            key_id: random(20),
            refresh_token: format!("1//{}", random(32)),
            permissions: permissions.iter().copied().collect(),
        };
        self.accounts.lock().unwrap().insert(email.into(), account);
    }

    /// The file that `gcloud iam service-accounts keys create` writes.
    pub fn service_account_file(&self, email: &str, url: &str) -> Value {
        let accounts = self.accounts.lock().unwrap();
        let account = &accounts[email];
        let der: Pkcs8V1Der<'_> = account.pair.as_der().unwrap();
        let key = pem::encode_config(
            &pem::Pem::new("PRIVATE KEY", der.as_ref()),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        );
        json!({
            "type": "service_account",
            "project_id": "p-1",
            "private_key_id": account.key_id,
            "private_key": key,
            "client_email": email,
            "client_id": "1",
            "token_uri": format!("{url}/token"),
        })
    }

    /// The file that `gcloud auth application-default login` writes.
    pub fn user_file(&self, email: &str, url: &str) -> Value {
        let accounts = self.accounts.lock().unwrap();
        json!({
            "type": "authorized_user",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "refresh_token": accounts[email].refresh_token,
            "token_uri": format!("{url}/token"),
        })
    }

    /// The same with `--impersonate-service-account`.
    pub fn impersonating_file(&self, by: Value, email: &str, url: &str) -> Value {
        json!({
            "type": "impersonated_service_account",
            "service_account_impersonation_url":
                format!("{url}/v1/projects/-/serviceAccounts/{email}:generateAccessToken"),
            "delegates": [],
            "source_credentials": by,
        })
    }

    /// The account of this machine, whose tokens the metadata server gives out.
    pub fn machine_is(&self, email: &str) {
        *self.metadata.lock().unwrap() = Some(email.into());
    }

    /// An access token of an account.
    pub fn access_token(&self, email: &str) -> String {
        self.tokens_made.fetch_add(1, Ordering::SeqCst);
        let token = format!("ya29.fake-{}", random(40));
        let mut tokens = self.tokens.lock().unwrap();
        tokens.insert(token.clone(), email.into());
        token
    }

    /// As when all tokens that were given out end.
    pub fn revoke_tokens(&self) {
        self.tokens.lock().unwrap().clear();
    }

    /// The token endpoint (RFC 6749 section 6, RFC 7523), which takes JSON as well.
    pub(super) fn token(&self, asked: &Asked) -> Result<Answer, Answer> {
        let fields = asked.json();
        let field = |name: &str| match fields[name].as_str() {
            Some(text) => text.to_owned(),
            None => form(&asked.body, name),
        };
        let grant = |why: &str| {
            Answer::json(
                400,
                &json!({"error": "invalid_grant", "error_description": why}),
            )
        };
        let email = match field("grant_type").as_str() {
            "refresh_token" => {
                if (field("client_id"), field("client_secret"))
                    != (CLIENT_ID.into(), CLIENT_SECRET.into())
                {
                    return Err(Answer::json(401, &json!({"error": "invalid_client"})));
                }
                let token = field("refresh_token");
                let accounts = self.accounts.lock().unwrap();
                let found = accounts.iter().find(|(_, it)| it.refresh_token == token);
                let known = |(email, _): (&String, _)| email.clone();
                found
                    .map(known)
                    .ok_or_else(|| grant("Token has been expired or revoked."))?
            }
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                let claims = self.assertion(&field("assertion"));
                let claims = claims.ok_or_else(|| grant("Invalid JWT Signature."))?;
                if claims["aud"] != "https://oauth2.googleapis.com/token" {
                    return Err(grant("Invalid JWT: aud"));
                }
                claims["iss"].as_str().unwrap_or_default().to_owned()
            }
            _ => {
                return Err(Answer::json(
                    400,
                    &json!({"error": "unsupported_grant_type"}),
                ));
            }
        };
        Ok(self.given(&email))
    }

    /// The metadata server of a machine in Google's cloud.
    pub(super) fn metadata(&self, asked: &Asked) -> Result<Answer, Answer> {
        if asked.header("metadata-flavor") != "Google" {
            return Err(Answer::text(403, "Missing Metadata-Flavor:Google header."));
        }
        if asked.path() == "/" {
            let folders = Answer::text(200, "computeMetadata/\n");
            return Ok(folders.with("metadata-flavor", "Google"));
        }
        let email = self.metadata.lock().unwrap().clone();
        let email = email.ok_or_else(|| {
            Answer::text(404, "no service account").with("metadata-flavor", "Google")
        })?;
        let account = "/computeMetadata/v1/instance/service-accounts/";
        // An account is found by its address as well as by its alias.
        let below = asked.path().strip_prefix(account);
        let below = below.and_then(|it| it.split_once('/'));
        let of_account = below.filter(|(name, _)| *name == "default" || *name == email);
        let is_recursive = asked.uri.query().unwrap_or_default() == "recursive=true";
        let answer = match of_account.map(|(_, what)| what) {
            Some("token") => self.given(&email),
            Some("email") => Answer::text(200, email),
            Some("") if is_recursive => Answer::json(
                200,
                &json!({"aliases": ["default"], "email": email, "scopes": [SCOPES[0]]}),
            ),
            _ if asked.path() == "/computeMetadata/v1/universe/universe-domain" => {
                Answer::text(200, "googleapis.com")
            }
            _ => Answer::text(404, "not found"),
        };
        Ok(answer.with("metadata-flavor", "Google"))
    }

    /// `iamcredentials.projects.serviceAccounts.generateAccessToken`.
    pub(super) fn impersonate(&self, asked: &Asked) -> Result<Answer, Answer> {
        let caller = self.caller(asked)?;
        let email = asked.path().rsplit('/').next().unwrap_or_default();
        let email = email
            .strip_suffix(":generateAccessToken")
            .ok_or_else(|| invalid("no such method"))?;
        self.allowed(&caller, IMPERSONATE, email)?;
        if !self.accounts.lock().unwrap().contains_key(email) {
            return Err(refused(404, "NOT_FOUND", "no such account", &[]));
        }
        if asked.json()["scope"].as_array().is_none_or(Vec::is_empty) {
            return Err(invalid("scope"));
        }
        let token = self.access_token(email);
        Ok(Answer::json(
            200,
            &json!({"accessToken": token, "expireTime": "2099-01-01T00:00:00Z"}),
        ))
    }

    /// Whose token this is: one that was given out, or one that a service account has signed for itself.
    pub(super) fn caller(&self, asked: &Asked) -> Result<String, Answer> {
        let unknown = |reason: &str| {
            let details = [info(
                reason,
                "googleapis.com",
                &json!({"service": "cloudkms.googleapis.com"}),
            )];
            refused(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials.",
                &details,
            )
            .with(
                "www-authenticate",
                "Bearer realm=\"https://accounts.google.com/\"",
            )
        };
        let header = asked.header("authorization");
        let Some(token) = header.strip_prefix("Bearer ") else {
            return Err(unknown("CREDENTIALS_MISSING"));
        };
        if let Some(email) = self.tokens.lock().unwrap().get(token) {
            return Ok(email.clone());
        }
        let claims = self.assertion(token);
        let claims = claims.ok_or_else(|| unknown("ACCESS_TOKEN_TYPE_UNSUPPORTED"))?;
        let scope = claims["scope"].as_str().unwrap_or_default();
        let has_scope = scope.split(' ').any(|it| SCOPES.contains(&it));
        if !has_scope && claims["aud"] != "https://cloudkms.googleapis.com/" {
            let details = [info(
                "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "googleapis.com",
                &json!({}),
            )];
            return Err(refused(403, "PERMISSION_DENIED", "scopes", &details));
        }
        Ok(claims["iss"].as_str().unwrap_or_default().to_owned())
    }

    pub(super) fn allowed(
        &self,
        email: &str,
        permission: &str,
        resource: &str,
    ) -> Result<(), Answer> {
        let accounts = self.accounts.lock().unwrap();
        let may = |account: &Account| account.permissions.contains(permission);
        if accounts.get(email).is_some_and(may) {
            return Ok(());
        }
        let message = format!(
            "Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
        );
        let about = json!({"permission": permission, "resource": resource});
        let details = [info(
            "IAM_PERMISSION_DENIED",
            "cloudkms.googleapis.com",
            &about,
        )];
        Err(refused(403, "PERMISSION_DENIED", &message, &details))
    }

    /// The claims of a JWT that a service account has signed with its key, for at most an hour and a bit of clock skew.
    fn assertion(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let part = |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok();
        let (header, claims): (Value, Value) = (part(header)?, part(claims)?);
        let accounts = self.accounts.lock().unwrap();
        let account = accounts.get(claims["iss"].as_str()?)?;
        let public = account.pair.public_key().as_ref().to_vec();
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let (from, to) = (claims["iat"].as_u64()?, claims["exp"].as_u64()?);
        let lives = from <= now && now < to && to - from <= 3700;
        let same = claims["sub"].is_null() || claims["sub"] == claims["iss"];
        let by_key = header["alg"] == "RS256" && header["kid"] == account.key_id.as_str();
        (lives && same && by_key).then_some(claims)
    }

    fn given(&self, email: &str) -> Answer {
        let token = self.access_token(email);
        Answer::json(
            200,
            &json!({"access_token": token, "expires_in": self.lifetime.load(Ordering::SeqCst), "token_type": "Bearer"}),
        )
    }
}

/// A field of a form.
pub(super) fn form(body: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(body);
    let fields = text.split('&').filter_map(|field| field.split_once('='));
    let value = fields.filter(|(field, _)| *field == name).map(|it| it.1);
    value.map(decoded).next().unwrap_or_default()
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        let (code, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        let byte = u8::from_str_radix(code, 16).unwrap_or(b'?');
        format!("{all}{}{rest}", char::from(byte))
    })
}

fn random(length: usize) -> String {
    let mut bytes = vec![0; length];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    URL_SAFE_NO_PAD.encode(bytes)[..length].into()
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").finish_non_exhaustive()
    }
}
