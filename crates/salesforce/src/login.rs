//! A login at Salesforce.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use keybearer_auth::{Client, Exchange, ExchangeError, ExchangeErrorKind, JwtBearer, Token};
use keybearer_core::{KeySource, Network};

use crate::{
    explain::{cure, is_login_rate},
    hosts::{self, Endpoints},
    lifetime,
};

/// A JWT bearer grant by Salesforce's rules.
///
/// A refusal costs one request; where the audience was not given and the server says exactly that it is invalid, one
/// more is made for the login host's, and what won is remembered. An answer whose `instance_url` is not Salesforce's is
/// refused, since the token would be sent there. Refusals come with their cure as [`ExchangeError::hint`]. A token is
/// taken to live for [`ASSUMED_LIFETIME`](crate::ASSUMED_LIFETIME), a JWT-format one as long as it says.
#[derive(Debug)]
pub struct Login {
    grant: JwtBearer,
    may_try_other: bool,
    allowed: Vec<String>,
    winner: RwLock<Option<&'static str>>,
}

impl Login {
    /// A login by this grant. `audience_was_given`: the person chose the audience, and no other is tried.
    pub fn new(grant: JwtBearer, audience_was_given: bool) -> Self {
        Self {
            grant,
            may_try_other: !audience_was_given,
            allowed: Vec::new(),
            winner: RwLock::new(None),
        }
    }

    /// A login with all defaults: at a login URL (`https://acme.my.salesforce.com`), with the consumer key of an app and
    /// the name of a user. For a proxy, a CA of your own, another audience or more claims, make the grant yourself.
    ///
    /// # Errors
    /// [`ExchangeErrorKind::Config`] where the login URL is none.
    pub fn at(
        login_url: &str,
        key: impl KeySource,
        client_id: impl Into<String>,
        username: impl Into<String>,
    ) -> Result<Self, ExchangeError> {
        let endpoints = Endpoints::from_login_url(login_url).ok_or_else(|| {
            let message = "the login URL is not the URL of a server";
            ExchangeError::new(ExchangeErrorKind::Config, message)
                .with_hint("a login URL is written https://MyDomain.my.salesforce.com")
        })?;
        let client = Client::new(&Network::default(), Duration::from_secs(30));
        let grant = JwtBearer::builder(key, Arc::new(client), endpoints.token_url)
            .issuer(client_id)
            .subject(username)
            .audience(endpoints.audience);
        Ok(Self::new(grant.build(), false))
    }

    /// This login, whose tokens may go to this API host too (a name without a port, reached by https), though it is not
    /// Salesforce's: a company's gateway.
    #[must_use]
    pub fn allow_instance(mut self, host: impl Into<String>) -> Self {
        self.allowed.push(host.into().to_ascii_lowercase());
        self
    }

    /// The grant.
    pub fn grant(&self) -> &JwtBearer {
        &self.grant
    }

    /// The audience that assertions name: the grant's own until the second try won with another.
    pub fn audience(&self) -> &str {
        self.winner().unwrap_or(self.grant.audience())
    }

    /// As [`exchange`](Exchange::exchange), with the last answer's `Date`, whatever the answer was: what tells a wrong
    /// clock.
    pub async fn exchange_dated(&self) -> (Result<Token, ExchangeError>, Option<String>) {
        let (outcome, date) = self.login().await;
        let explained = outcome.map_err(|error| self.explained(error));
        (explained.and_then(|token| self.trusted(token)), date)
    }

    async fn login(&self) -> (Result<Token, ExchangeError>, Option<String>) {
        let with = |audience| self.grant.clone().with_audience(audience);
        if let Some(audience) = self.winner() {
            let answer = with(audience).exchange_dated().await;
            // It won once: an org may move, and the next login begins anew.
            if answer.0.as_ref().is_err_and(says_audience) {
                self.remember(None);
            }
            return answer;
        }
        let first = self.grant.exchange_dated().await;
        let other = hosts::other_audience(self.grant.audience());
        match first {
            (Err(error), _)
                if self.may_try_other
                    && says_audience(&error)
                    && other != self.grant.audience() =>
            {
                tracing::debug!(
                    audience = other,
                    "the audience is refused: trying the other"
                );
                let second = with(other).exchange_dated().await;
                if second.0.is_ok() {
                    self.remember(Some(other));
                }
                second
            }
            outcome => outcome,
        }
    }

    fn winner(&self) -> Option<&'static str> {
        *self.winner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, audience: Option<&'static str>) {
        *self.winner.write().unwrap_or_else(PoisonError::into_inner) = audience;
    }

    fn explained(&self, error: ExchangeError) -> ExchangeError {
        let Some(oauth) = error.oauth().cloned() else {
            return match hosts::is_for_browsers(self.grant.token_endpoint()) {
                true if error.kind() == ExchangeErrorKind::Network => error.with_hint(
                    "this host shows pages to people: log in at https://MyDomain.my.salesforce.com",
                ),
                _ => error,
            };
        };
        let Some(code) = oauth.error.as_deref() else {
            return error;
        };
        let description = oauth.error_description.as_deref();
        let error = match cure(code, description) {
            Some(cure) => error.with_hint(cure),
            None => error.with_hint(
                "Setup's Login History may tell the administrator more about this refusal",
            ),
        };
        // Worth another try, though not soon: nothing tries it again by itself.
        if is_login_rate(code, description) {
            error.with_kind(ExchangeErrorKind::LoginRate)
        } else {
            error
        }
    }

    fn trusted(&self, token: Token) -> Result<Token, ExchangeError> {
        let endpoint = self.grant.token_endpoint();
        match token.instance_url() {
            Some(instance) if !hosts::may_have_token(instance, endpoint, &self.allowed) => {
                Err(refused(instance))
            }
            _ => {
                let lifetime = lifetime::of(&token);
                Ok(token.with_assumed_lifetime(lifetime))
            }
        }
    }
}

#[async_trait]
impl Exchange for Login {
    async fn exchange(&self) -> Result<Token, ExchangeError> {
        self.exchange_dated().await.0
    }
}

fn refused(instance: &str) -> ExchangeError {
    let visible = instance.chars().filter(|c| !c.is_control());
    let named: String = visible.take(200).collect();
    ExchangeError::new(
        ExchangeErrorKind::RefusedInstance,
        format!("the answer sends the token to {named}, which is not Salesforce's"),
    )
    .with_hint("check the token URL: whoever answers there decides where the token goes")
}

fn says_audience(error: &ExchangeError) -> bool {
    error.oauth().is_some_and(|oauth| {
        oauth.error.as_deref() == Some("invalid_grant")
            && oauth.error_description.as_deref() == Some("audience is invalid")
    })
}
