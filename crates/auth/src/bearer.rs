//! The grant: an assertion is signed and posted.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keybearer_core::{Error, ErrorKind, KeySource, Secret};
use keybearer_http::{Client, HttpError, Request};
use serde_json::{Map, Value};

use crate::{
    Assertion, ClientAuth, Clock, Exchange, ExchangeError, ExchangeErrorKind, JwtBearerBuilder,
    SystemClock, Token, answer, clock::numeric_date,
};

/// `urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 section 2.1).
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer` (RFC 7523 section 2.2).
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A JWT bearer grant (RFC 7523 section 2.1) at one token endpoint.
#[derive(Clone, Debug)]
pub struct JwtBearer<C: Clock = SystemClock> {
    parts: JwtBearerBuilder,
    clock: C,
}

impl JwtBearer {
    /// A grant at `token_endpoint`, signed with what `key` gives.
    pub fn builder(
        key: impl KeySource,
        client: Arc<Client>,
        token_endpoint: impl Into<String>,
    ) -> JwtBearerBuilder {
        JwtBearerBuilder::new(Arc::new(key), client, token_endpoint.into())
    }

    pub(crate) fn from_builder(parts: JwtBearerBuilder) -> Self {
        Self {
            parts,
            clock: SystemClock,
        }
    }
}

impl<C: Clock> JwtBearer<C> {
    /// This grant by another clock.
    pub fn with_clock<D: Clock>(self, clock: D) -> JwtBearer<D> {
        JwtBearer {
            parts: self.parts,
            clock,
        }
    }

    /// This grant for another audience.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.parts.audience = audience.into();
        self
    }

    /// The URL that assertions are posted to.
    pub fn token_endpoint(&self) -> &str {
        &self.parts.token_endpoint
    }

    /// The audience that assertions name.
    pub fn audience(&self) -> &str {
        &self.parts.audience
    }

    /// A new assertion: `iss`, `sub`, `aud`, `iat`, `exp`, a random `jti`, and the caller's claims.
    ///
    /// # Errors
    /// What the key says.
    pub async fn assertion(&self) -> Result<Assertion, Error> {
        let parts = &self.parts;
        let claims = [
            ("iss", parts.issuer.as_str()),
            ("sub", &parts.subject),
            ("aud", &parts.audience),
        ];
        self.sign(&parts.key, parts.header.clone(), claims, &parts.claims)
            .await
    }

    /// An assertion of the client's own identity (RFC 7523 section 3: `sub` is the client), for `private_key_jwt`.
    ///
    /// # Errors
    /// What the key says.
    pub async fn client_assertion(&self) -> Result<Assertion, Error> {
        let parts = &self.parts;
        let audience = parts.client_audience.as_ref().unwrap_or(&parts.audience);
        let claims = [
            ("iss", parts.issuer.as_str()),
            ("sub", &parts.issuer),
            ("aud", audience),
        ];
        let key = parts.client_key.as_ref().unwrap_or(&parts.key);
        self.sign(key, parts.header_of_client(), claims, &Map::new())
            .await
    }

    /// Signs a new assertion, posts it once, and reads the answer.
    ///
    /// # Errors
    /// See [`ExchangeErrorKind`]. Nothing is tried a second time.
    pub async fn exchange(&self) -> Result<Token, ExchangeError> {
        self.exchange_dated().await.0
    }

    /// As [`exchange`](Self::exchange), with the answer's `Date`, whatever the answer was: what tells a wrong clock.
    pub async fn exchange_dated(&self) -> (Result<Token, ExchangeError>, Option<String>) {
        self.login().await
    }

    async fn sign(
        &self,
        key: &dyn KeySource,
        header: Map<String, Value>,
        claims: [(&str, &str); 3],
        more: &Map<String, Value>,
    ) -> Result<Assertion, Error> {
        let parts = &self.parts;
        // The key first: it may take its time, and the assertion's own time is to begin late.
        let key = key.current().await?;
        let now = numeric_date(self.clock.now());
        let text = |(name, value): (&str, &str)| (name.to_owned(), Value::from(value));
        let mut claims: Map<_, _> = claims.into_iter().map(text).collect();
        claims.insert("iat".into(), now.into());
        let expires = now.saturating_add(parts.lifetime.as_secs());
        claims.insert("exp".into(), expires.into());
        if parts.jti {
            claims.insert("jti".into(), random_id()?.into());
        }
        claims.extend(more.clone());
        Assertion::sign(&key, header, claims).await
    }

    async fn login(&self) -> (Result<Token, ExchangeError>, Option<String>) {
        let parts = &self.parts;
        let signed = async {
            check(parts)?;
            let client_assertion = match parts.client_auth {
                ClientAuth::PrivateKeyJwt => Some(self.client_assertion().await?),
                _ => None,
            };
            Ok::<_, ExchangeError>((self.assertion().await?, client_assertion))
        };
        let (assertion, client_assertion) = match signed.await {
            Ok(signed) => signed,
            Err(error) => return (Err(error), None),
        };
        let client_assertion = client_assertion.as_ref().map(Assertion::expose);
        let request = self.request(assertion.expose(), client_assertion);
        let response = match request {
            Ok(request) => parts.client.send(request).await,
            Err(error) => Err(error),
        };
        let response = match response {
            Ok(response) => response,
            Err(error) => return (Err(error.into()), None),
        };
        let mut sent = vec![assertion.expose()];
        sent.extend(client_assertion);
        // A signature alone is of no use to anyone; a log of it looks as if it were.
        let signatures: Vec<_> = sent
            .iter()
            .filter_map(|jwt| jwt.rsplit('.').next())
            .collect();
        sent.extend(signatures);
        let basic = match &parts.client_auth {
            ClientAuth::SecretBasic(secret) => Some(basic(&parts.issuer, secret)),
            _ => None,
        };
        sent.extend(
            basic
                .as_ref()
                .and_then(|value| value.expose_str()?.split(' ').nth(1)),
        );
        if let ClientAuth::SecretBasic(secret) | ClientAuth::SecretPost(secret) = &parts.client_auth
        {
            sent.extend(secret.expose_str());
        }
        let host = host_of(&parts.token_endpoint);
        let token = answer::read(&response, host, &sent, self.clock.now());
        (token, response.date().map(str::to_owned))
    }

    fn request(
        &self,
        assertion: &str,
        client_assertion: Option<&str>,
    ) -> Result<Request, HttpError> {
        let parts = &self.parts;
        let mut form = vec![("grant_type", GRANT), ("assertion", assertion)];
        if let ClientAuth::SecretPost(secret) = &parts.client_auth {
            form.push(("client_id", &parts.issuer));
            form.push(("client_secret", secret.expose_str().unwrap_or_default()));
        }
        if let Some(assertion) = client_assertion {
            form.push(("client_assertion_type", CLIENT_ASSERTION));
            form.push(("client_assertion", assertion));
        }
        let parameters = parts.parameters.iter();
        form.extend(parameters.map(|(name, value)| (name.as_str(), value.as_str())));
        let request = Request::post_form(&parts.token_endpoint, form)?
            .header("accept", "application/json".into());
        Ok(match &parts.client_auth {
            ClientAuth::SecretBasic(secret) => {
                request.header("authorization", basic(&parts.issuer, secret))
            }
            _ => request,
        })
    }
}

#[async_trait]
impl<C: Clock> Exchange for JwtBearer<C> {
    async fn exchange(&self) -> Result<Token, ExchangeError> {
        self.exchange().await
    }
}

/// What the builder was told and no request can say.
fn check(parts: &JwtBearerBuilder) -> Result<(), ExchangeError> {
    let secret = match &parts.client_auth {
        ClientAuth::SecretPost(secret) => secret.expose_str(),
        _ => Some(""),
    };
    if secret.is_none() {
        let message = "the client secret is not UTF-8, and a form cannot carry it";
        return Err(ExchangeError::new(ExchangeErrorKind::Config, message)
            .with_hint("send it by client_secret_basic, or read it anew from where it was made"));
    }
    refuse_our_own(parts)
}

/// A parameter that is sent twice makes a request invalid (RFC 6749 section 3.2).
fn refuse_our_own(parts: &JwtBearerBuilder) -> Result<(), ExchangeError> {
    let ours = |name: &str| match name {
        "grant_type" | "assertion" => true,
        "client_id" | "client_secret" => matches!(parts.client_auth, ClientAuth::SecretPost(_)),
        "client_assertion" | "client_assertion_type" => {
            matches!(parts.client_auth, ClientAuth::PrivateKeyJwt)
        }
        _ => false,
    };
    match parts.parameters.iter().find(|(name, _)| ours(name)) {
        Some((name, _)) => Err(ExchangeError::new(
            ExchangeErrorKind::Config,
            format!("the form parameter {name} is the grant's own"),
        )
        .with_hint("leave it out")),
        None => Ok(()),
    }
}

/// RFC 6749 section 2.3.1: both halves are form-encoded first. A space is `%20`, which every server decodes: those that
/// undo percent-encoding alone (Authlib) keep a `+` as it is.
fn basic(id: &str, secret: &Secret) -> Secret {
    let encode = |bytes: &[u8]| -> String {
        let keep = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._*".contains(byte);
        bytes
            .iter()
            .map(|byte| match byte {
                byte if keep(byte) => char::from(*byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pair = Secret::from(format!(
        "{}:{}",
        encode(id.as_bytes()),
        encode(secret.expose())
    ));
    format!("Basic {}", STANDARD.encode(pair.expose())).into()
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

fn random_id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(
            ErrorKind::Backend,
            "the system has no random numbers for the jti",
        )
        .with_source(error.to_string())
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
