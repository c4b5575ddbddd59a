//! Microsoft Entra's token endpoint, for the client credentials grant alone.

use std::sync::atomic::Ordering;

use aws_lc_rs::{
    digest,
    signature::{
        RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
        VerificationAlgorithm,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64},
};
use serde_json::{Value, json};

use super::{Azure, Lie, TENANT, TOKEN_PREFIX, field, next, now, part, random_hex};
use crate::{Answer, Asked};

/// An app registration, or an identity.
#[derive(Clone, Debug, Default)]
pub struct App {
    pub permissions: Vec<&'static str>,
    pub secret: Option<String>,
    /// A certificate in DER, and its RSA public key (RSAPublicKey or SubjectPublicKeyInfo).
    pub certificate: Option<(Vec<u8>, Vec<u8>)>,
    /// Certificates are known by subject and issuer, and so the chain must be sent.
    pub is_by_name: bool,
    /// The token of another issuer that is trusted.
    pub federated: Option<String>,
}

#[derive(Debug)]
pub(super) struct Token {
    pub client_id: String,
    pub resource: String,
    pub expires: u64,
}

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Azure {
    pub(super) fn token(&self, asked: &Asked) -> Result<Answer, Answer> {
        match next(&self.token_lies) {
            Some(Lie::Html) => return Err(Answer::html()),
            Some(Lie::Status(status, code, wait)) => {
                return Err(oauth(status, code, 0).retry_after(wait));
            }
            _ => {}
        }
        let form = String::from_utf8_lossy(&asked.body).into_owned();
        let said = |name: &str| field(&form, name).unwrap_or_default();
        let tenant = asked.path().trim_start_matches('/').split('/').next();
        if asked.method != "POST"
            || !asked
                .header("content-type")
                .starts_with("application/x-www-form-urlencoded")
        {
            return Err(oauth(400, "invalid_request", 900_144));
        }
        if tenant != Some(TENANT) {
            return Err(oauth(400, "invalid_request", 90_002));
        }
        if said("grant_type") != "client_credentials" {
            return Err(oauth(400, "unsupported_grant_type", 70_003));
        }
        let scope = said("scope");
        let resource = scope.strip_suffix("/.default");
        let resource = resource.ok_or_else(|| oauth(400, "invalid_scope", 70_011))?;
        let client_id = said("client_id");
        let app = self.apps.lock().unwrap().get(&client_id).cloned();
        let app = app.ok_or_else(|| oauth(400, "unauthorized_client", 700_016))?;
        let assertion = said("client_assertion");
        if assertion.is_empty() {
            let secret = app
                .secret
                .ok_or_else(|| oauth(401, "invalid_client", 7_000_218))?;
            if said("client_secret") != secret {
                return Err(oauth(401, "invalid_client", 7_000_215));
            }
        } else {
            if said("client_assertion_type") != ASSERTION {
                return Err(oauth(401, "invalid_client", 50_027));
            }
            let audience = format!("https://{}{}", asked.header("host"), asked.path());
            if app.federated.as_deref() != Some(&assertion) {
                check(&assertion, &app, &client_id, &audience)
                    .map_err(|code| oauth(401, "invalid_client", code))?;
            }
        }
        let (token, lifetime) = self.access_token(&client_id, resource);
        Ok(Answer::json(
            200,
            &json!({
                "token_type": "Bearer",
                "expires_in": lifetime,
                "ext_expires_in": lifetime,
                "access_token": token,
            }),
        ))
    }

    /// A token of an app's, and how many seconds it is good for.
    pub(super) fn access_token(&self, client_id: &str, resource: &str) -> (String, u64) {
        self.tokens_made.fetch_add(1, Ordering::SeqCst);
        let token = format!("{TOKEN_PREFIX}{}", random_hex(24));
        let lifetime = self.lifetime.load(Ordering::SeqCst);
        self.tokens.lock().unwrap().insert(
            token.clone(),
            Token {
                client_id: client_id.into(),
                resource: resource.into(),
                expires: now() + lifetime,
            },
        );
        (token, lifetime)
    }

    /// What Microsoft's SDKs ask before they ask for a token.
    pub(super) fn discovery(&self, asked: &Asked) -> Result<Answer, Answer> {
        let base = format!("https://{}/{TENANT}", asked.header("host"));
        let body = match asked.path().contains("/discovery/") {
            true => json!({
                "tenant_discovery_endpoint": format!("{base}/v2.0/.well-known/openid-configuration"),
                "api-version": "1.1",
                "metadata": [],
            }),
            false => json!({
                "token_endpoint": format!("{base}/oauth2/v2.0/token"),
                "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
                "issuer": format!("{base}/v2.0"),
            }),
        };
        Ok(Answer::json(200, &body))
    }
}

/// A client assertion (RFC 7523 section 2.2), as Entra documents it; the number of Entra's error where it is none.
fn check(assertion: &str, app: &App, client_id: &str, audience: &str) -> Result<(), u32> {
    let mut parts = assertion.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(50_027);
    };
    let json =
        |text: &str| -> Option<Value> { serde_json::from_slice(&BASE64.decode(text).ok()?).ok() };
    let (Some(head), Some(body)) = (json(header), json(claims)) else {
        return Err(50_027);
    };
    let (certificate, public) = app.certificate.as_ref().ok_or(700_027_u32)?;
    let thumbprint = |algorithm| BASE64.encode(digest::digest(algorithm, certificate));
    let by: &dyn VerificationAlgorithm = match part(&head, "alg") {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        _ => return Err(5_002_738),
    };
    // Microsoft's own clients pad it.
    let named = |name: &str| part(&head, name).trim_end_matches('=').to_owned();
    let is_known = named("x5t") == thumbprint(&digest::SHA1_FOR_LEGACY_USE_ONLY)
        || named("x5t#S256") == thumbprint(&digest::SHA256);
    let leaf = head["x5c"][0]
        .as_str()
        .and_then(|text| STANDARD.decode(text).ok());
    if leaf.map_or(app.is_by_name, |leaf| leaf != *certificate) {
        return Err(700_027);
    }
    let signature = BASE64.decode(signature).map_err(|_| 50_027_u32)?;
    let signed = &assertion[..header.len() + 1 + claims.len()];
    let is_signed = UnparsedPublicKey::new(by, public).verify(signed.as_bytes(), &signature);
    if !is_known || is_signed.is_err() {
        return Err(700_027);
    }
    // A NumericDate may have a fraction (RFC 7519 section 2), and those of Microsoft's own clients have.
    let time = |name: &str| body[name].as_f64().unwrap_or_default() as u64;
    match () {
        () if part(&body, "aud") != audience => Err(50_027),
        () if part(&body, "iss") != client_id || part(&body, "sub") != client_id => Err(50_027),
        () if part(&body, "jti").is_empty() => Err(50_027),
        // Five minutes' difference of the clocks are borne.
        () if time("exp") + 300 < now() || time("nbf") > now() + 300 => Err(700_024),
        () => Ok(()),
    }
}

fn oauth(status: u16, error: &str, code: u32) -> Answer {
    let description = format!("AADSTS{code}: as told. Trace ID: 0 Correlation ID: 0");
    Answer::json(
        status,
        &json!({
            "error": error,
            "error_description": description,
            "error_codes": [code],
            "correlation_id": "00000000-0000-0000-0000-000000000000",
        }),
    )
}
