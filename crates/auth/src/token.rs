//! A token endpoint's answer.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use keybearer_core::Secret;
use serde_json::{Map, Value};
use zeroize::Zeroize;

use crate::{ExchangeError, ExchangeErrorKind};

/// A bearer token: it prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(Secret);

/// A token endpoint's answer (RFC 6749 section 5.1), every field of it kept. It carries wall-clock times, so that it can
/// be shared between processes.
#[derive(Clone)]
pub struct Token {
    access_token: AccessToken,
    obtained_at: SystemTime,
    assumed_lifetime: Option<Duration>,
    fields: Map<String, Value>,
}

impl Token {
    /// Reads an answer of status 200.
    ///
    /// # Errors
    /// [`ExchangeErrorKind::Network`] where it is not JSON or has no `access_token`.
    pub fn from_json(body: &[u8], obtained_at: SystemTime) -> Result<Self, ExchangeError> {
        // serde_json's error may repeat a string of the input, which may be the token.
        let unreadable = |why: &str| {
            ExchangeError::new(
                ExchangeErrorKind::Network,
                format!("the answer is no token: {why}"),
            )
            .with_hint("check the token endpoint's URL: RFC 6749 section 5.1 says what it answers")
            .without_retry()
        };
        let fields: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| unreadable("it is not a JSON object"))?;
        let access_token = fields
            .get("access_token")
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty());
        let access_token = access_token.ok_or_else(|| unreadable("it has no access_token"))?;
        if !access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unreadable("its access_token cannot stand in a header"));
        }
        let token_type = fields.get("token_type").and_then(Value::as_str);
        // RFC 6749 section 7.1: a token of a type that is not understood must not be used.
        if token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("Bearer")) {
            return Err(unreadable("its token_type is not Bearer"));
        }
        Ok(Self {
            access_token: AccessToken(access_token.into()),
            obtained_at,
            assumed_lifetime: None,
            fields,
        })
    }

    /// The access token.
    pub fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    /// When the answer came.
    pub fn obtained_at(&self) -> SystemTime {
        self.obtained_at
    }

    /// The lifetime that the server told, if it told one: a number, or a number as text.
    pub fn expires_in(&self) -> Option<Duration> {
        let value = self.fields.get("expires_in")?;
        let seconds = match value.as_str() {
            Some(text) => text.trim().parse().ok()?,
            None => value.as_f64()?,
        };
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// This token with a lifetime to be assumed where the server tells none: for a server whose rules are known.
    #[must_use]
    pub fn with_assumed_lifetime(mut self, lifetime: Duration) -> Self {
        self.assumed_lifetime = Some(lifetime);
        self
    }

    /// How long this token is taken to live: as the server told, or as is assumed of that server.
    pub fn lifetime(&self) -> Option<Duration> {
        self.expires_in().or(self.assumed_lifetime)
    }

    /// The base URL of the API, where the server names one (Salesforce).
    pub fn instance_url(&self) -> Option<&str> {
        self.text("instance_url")
    }

    /// The identity URL, where the server names one (Salesforce).
    pub fn id(&self) -> Option<&str> {
        self.text("id")
    }

    /// The scope granted.
    pub fn scope(&self) -> Option<&str> {
        self.text("scope")
    }

    /// The answer as received.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // The fields hold the token once more, and perhaps others.
        for value in self.fields.values_mut() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

impl AccessToken {
    /// The token itself.
    pub fn expose(&self) -> &str {
        self.0.expose_str().unwrap_or_default()
    }

    /// The value of an `Authorization` header (RFC 6750 section 2.1).
    pub fn authorization(&self) -> Secret {
        format!("Bearer {}", self.expose()).into()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.fields.keys().collect();
        f.debug_struct("Token")
            .field("obtained_at", &self.obtained_at)
            .field("fields", &names)
            .finish_non_exhaustive()
    }
}
