//! What a JWT bearer grant is made of.

use std::{sync::Arc, time::Duration};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keybearer_core::{Certificate, KeySource, Secret};
use keybearer_http::Client;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

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
    /// `private_key_jwt` (RFC 7523 section 2.2): one more assertion, of the client's own identity. It is signed by the
    /// same key and for the same audience unless [`client_key`](JwtBearerBuilder::client_key) and
    /// [`client_audience`](JwtBearerBuilder::client_audience) say otherwise.
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
    pub(crate) client_key: Option<Arc<dyn KeySource>>,
    pub(crate) client_audience: Option<String>,
    pub(crate) client_header: Option<Map<String, Value>>,
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
            header: typ(),
            parameters: Vec::new(),
            client_auth: ClientAuth::None,
            client_key: None,
            client_audience: None,
            client_header: None,
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

    /// Sets a field of the JOSE header (RFC 7515 section 4.1); `typ` is `JWT` unless told. `alg` is the signer's own,
    /// whatever is set here.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: Value) -> Self {
        self.header.insert(name.into(), value);
        self
    }

    /// `kid`: by which name the server knows the key (RFC 7515 section 4.1.4).
    #[must_use]
    pub fn key_id(self, key_id: impl Into<String>) -> Self {
        self.header("kid", Value::String(key_id.into()))
    }

    /// `x5t#S256`: the fingerprint of the key's certificate (RFC 7515 section 4.1.8).
    #[must_use]
    pub fn certificate_fingerprint(self, certificate: &Certificate) -> Self {
        let fingerprint = URL_SAFE_NO_PAD.encode(Sha256::digest(certificate.as_der()));
        self.header("x5t#S256", fingerprint.into())
    }

    /// `x5c`: the certificates of the key, leaf first (RFC 7515 section 4.1.6).
    #[must_use]
    pub fn certificate_chain(self, chain: &[Certificate]) -> Self {
        let encode = |certificate: &Certificate| STANDARD.encode(certificate.as_der());
        self.header("x5c", chain.iter().map(encode).collect())
    }

    /// Adds a parameter to the form of the token request. Those that the grant sets itself are refused by
    /// [`exchange`](JwtBearer::exchange): none may be sent twice (RFC 6749 section 3.2).
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

    /// The key that signs the client's own assertion, where it is another than the grant's. Its header has no more than
    /// `alg` and `typ`, and what [`client_header`](Self::client_header) sets.
    #[must_use]
    pub fn client_key(mut self, key: impl KeySource) -> Self {
        self.client_key = Some(Arc::new(key));
        self
    }

    /// The audience of the client's own assertion: some servers want their issuer there, others the token endpoint. The
    /// grant's unless told.
    #[must_use]
    pub fn client_audience(mut self, audience: impl Into<String>) -> Self {
        self.client_audience = Some(audience.into());
        self
    }

    /// Sets a field of the header of the client's own assertion. As soon as one is set, the grant's fields (`kid`,
    /// `x5c`) no longer stand there.
    #[must_use]
    pub fn client_header(mut self, name: impl Into<String>, value: Value) -> Self {
        self.client_header
            .get_or_insert_with(typ)
            .insert(name.into(), value);
        self
    }

    /// The grant.
    pub fn build(self) -> JwtBearer {
        JwtBearer::from_builder(self)
    }

    /// The header of the client's own assertion.
    pub(crate) fn header_of_client(&self) -> Map<String, Value> {
        match (&self.client_header, &self.client_key) {
            (Some(header), _) => header.clone(),
            (None, Some(_)) => typ(),
            (None, None) => self.header.clone(),
        }
    }
}

fn typ() -> Map<String, Value> {
    Map::from_iter([("typ".to_owned(), Value::from("JWT"))])
}
