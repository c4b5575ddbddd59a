//! The grant: an assertion is signed and posted.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keybearer_core::{Error, ErrorKind, KeySource, Secret};
use keybearer_http::{Client, Request, Response};
use serde_json::{Map, Value};

use crate::{
    Assertion, ClientAuth, Clock, Exchange, ExchangeError, ExchangeErrorKind, JwtBearerBuilder,
    OAuthError, SystemClock, Token, clock::numeric_date,
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
        self.sign(&self.parts.subject, &self.parts.claims).await
    }

    /// An assertion of the client's own identity (RFC 7523 section 3: `sub` is the client), for `private_key_jwt`.
    ///
    /// # Errors
    /// What the key says.
    pub async fn client_assertion(&self) -> Result<Assertion, Error> {
        self.sign(&self.parts.issuer, &Map::new()).await
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
        match self.post().await {
            Ok(response) => (self.read(&response), response.date().map(str::to_owned)),
            Err(error) => (Err(error), None),
        }
    }

    async fn sign(&self, subject: &str, more: &Map<String, Value>) -> Result<Assertion, Error> {
        let parts = &self.parts;
        let now = numeric_date(self.clock.now());
        let mut claims = Map::new();
        claims.insert("iss".into(), parts.issuer.as_str().into());
        claims.insert("sub".into(), subject.into());
        claims.insert("aud".into(), parts.audience.as_str().into());
        claims.insert("iat".into(), now.into());
        claims.insert(
            "exp".into(),
            now.saturating_add(parts.lifetime.as_secs()).into(),
        );
        if parts.jti {
            claims.insert("jti".into(), random_id()?.into());
        }
        claims.extend(more.clone());
        Assertion::sign(&parts.key.current().await?, parts.header.clone(), claims).await
    }

    async fn post(&self) -> Result<Response, ExchangeError> {
        let parts = &self.parts;
        let assertion = self.assertion().await?;
        let client_assertion = match parts.client_auth {
            ClientAuth::PrivateKeyJwt => Some(self.client_assertion().await?),
            _ => None,
        };
        let mut form = vec![("grant_type", GRANT), ("assertion", assertion.expose())];
        match &parts.client_auth {
            ClientAuth::SecretPost(secret) => {
                form.push(("client_id", &parts.issuer));
                form.push(("client_secret", secret.expose_str().unwrap_or_default()));
            }
            ClientAuth::PrivateKeyJwt => form.push(("client_assertion_type", CLIENT_ASSERTION)),
            ClientAuth::None | ClientAuth::SecretBasic(_) => {}
        }
        form.extend(
            client_assertion
                .as_ref()
                .map(|assertion| ("client_assertion", assertion.expose())),
        );
        form.extend(
            parts
                .parameters
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let mut request = Request::post_form(&parts.token_endpoint, form)?
            .header("accept", "application/json".into());
        if let ClientAuth::SecretBasic(secret) = &parts.client_auth {
            request = request.header("authorization", basic(&parts.issuer, secret));
        }
        Ok(parts.client.send(request).await?)
    }

    fn read(&self, response: &Response) -> Result<Token, ExchangeError> {
        let host = host_of(&self.parts.token_endpoint);
        let status = response.status();
        let network = |message: String| ExchangeError::new(ExchangeErrorKind::Network, message);
        if status == 429 {
            return Err(ExchangeError::new(
                ExchangeErrorKind::Throttled,
                format!("{host} asks for slower requests"),
            )
            .with_retry_after(response.retry_after()));
        }
        if (300..400).contains(&status) {
            let to = response
                .location_host()
                .unwrap_or_else(|| "another path".into());
            return Err(network(format!(
                "{host} redirects to {to}, and an assertion follows no redirect"
            ))
            .with_hint(
                "give the token endpoint that the redirect points to, if it is the right one",
            ));
        }
        if response.is_html() {
            return Err(network(format!("{host} answered with a web page (status {status}) and not with a token"))
                .with_hint("is this the login host, and not the one for browsers? Maintenance and proxies answer so too")
                .with_retry_after(response.retry_after()));
        }
        match status {
            200 => Token::from_json(response.body(), self.clock.now()),
            400..500 => Err(ExchangeError::from_oauth(oauth_error(response), host)),
            _ => Err(network(format!("{host} failed with status {status}"))
                .with_retry_after(response.retry_after())),
        }
    }
}

#[async_trait]
impl<C: Clock> Exchange for JwtBearer<C> {
    async fn exchange(&self) -> Result<Token, ExchangeError> {
        self.exchange().await
    }
}

fn oauth_error(response: &Response) -> OAuthError {
    let body: Map<String, Value> = serde_json::from_slice(response.body()).unwrap_or_default();
    let text = |name: &str| {
        body.get(name)
            .and_then(Value::as_str)
            .map(|text| text.chars().take(500).collect())
    };
    OAuthError {
        error: text("error"),
        error_description: text("error_description"),
        status: response.status(),
    }
}

/// RFC 6749 section 2.3.1: both halves are form-encoded first.
fn basic(id: &str, secret: &Secret) -> Secret {
    let encode = |bytes: &[u8]| -> String {
        let keep = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._*".contains(byte);
        bytes
            .iter()
            .map(|byte| {
                if keep(byte) {
                    char::from(*byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
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
