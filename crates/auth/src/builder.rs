//! What a JWT bearer grant is made of.

use std::{sync::Arc, time::Duration};

use keybearer_core::{KeySource, Secret};
use keybearer_http::Client;
use serde_json::{Map, Value};

use crate::JwtBearer;

/// How the client proves to the token endpoint who it is, beside the assertion.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientAuth {
    /// Not at all: the assertion's issuer is the client. Salesforce's way.
    #[default]
    None,
    /// `client_secret_basic` (RFC 6749 section 2.3.1).
    SecretBasic(Secret),
    /// `client_secret_post` (RFC 6749 section 2.3.1).
    SecretPost(Secret),
    /// `private_key_jwt` (RFC 7523 section 2.2), signed by the same key.
    PrivateKeyJwt,
}

/// Builds a [`JwtBearer`].
#[derive(Clone, Debug)]
pub struct JwtBearerBuilder {
    pub(crate) key: Arc<dyn KeySource>,
    pub(crate) client: Arc<Client>,
    pub(crate) token_endpoint: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
    pub(crate) lifetime: Duration,
    pub(crate) jti: bool,
    pub(crate) claims: Map<String, Value>,
    pub(crate) header: Map<String, Value>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) client_auth: ClientAuth,
}

impl JwtBearerBuilder {
    pub(crate) fn new(
        key: Arc<dyn KeySource>,
        client: Arc<Client>,
        token_endpoint: String,
    ) -> Self {
        Self {
            key,
            client,
            audience: token_endpoint.clone(),
            token_endpoint,
            issuer: String::new(),
            subject: String::new(),
            lifetime: Duration::from_secs(180),
            jti: true,
            claims: Map::new(),
            header: Map::new(),
            parameters: Vec::new(),
            client_auth: ClientAuth::None,
        }
    }

    /// `iss`: the client id (Salesforce's consumer key).
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// `sub`: for whom the token is (Salesforce's username).
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// `aud`; the token endpoint unless told (RFC 7523 section 3).
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// How long an assertion lives: `exp` is `iat` plus this. 180 seconds unless told.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets one more claim, or another value for one that would be set.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: Value) -> Self {
        self.claims.insert(name.into(), value);
        self
    }

    /// Sets a field of the JOSE header: `kid`, `x5t#S256`, `x5c`. `alg` is the signer's own.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: Value) -> Self {
        self.header.insert(name.into(), value);
        self
    }

    /// Adds a parameter to the form of the token request.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Asks for a scope (RFC 6749 section 3.3).
    #[must_use]
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.parameter("scope", scope)
    }

    /// How the client proves who it is. Not at all unless told.
    #[must_use]
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
        self
    }

    /// The grant.
    pub fn build(self) -> JwtBearer {
        JwtBearer::from_builder(self)
    }
}
