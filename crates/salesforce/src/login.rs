//! A login at Salesforce.

use std::sync::RwLock;

use async_trait::async_trait;
use keybearer_auth::{Exchange, ExchangeError, ExchangeErrorKind, JwtBearer, Token};

use crate::{explain::cure, hosts};

/// A JWT bearer grant by Salesforce's rules.
///
/// A refusal costs one request; where the audience was not given and the server says exactly that it is invalid, one
/// more is made for the login host's, and what won is remembered. An answer whose `instance_url` is not Salesforce's is
/// refused, since the token would be sent there.
#[derive(Debug)]
pub struct Login {
    grant: JwtBearer,
    may_try_other: bool,
    winner: RwLock<Option<&'static str>>,
}

impl Login {
    /// A login by this grant. `audience_was_given`: the person chose the audience, and no other is tried.
    pub fn new(grant: JwtBearer, audience_was_given: bool) -> Self {
        Self {
            grant,
            may_try_other: !audience_was_given,
            winner: RwLock::new(None),
        }
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
        (
            outcome
                .map_err(explained)
                .and_then(|token| self.trusted(token)),
            date,
        )
    }

    async fn login(&self) -> (Result<Token, ExchangeError>, Option<String>) {
        let with = |audience| self.grant.clone().with_audience(audience);
        if let Some(audience) = self.winner() {
            return with(audience).exchange_dated().await;
        }
        let first = self.grant.exchange_dated().await;
        let other = hosts::other_audience(self.grant.audience());
        match first {
            (Err(error), _)
                if self.may_try_other
                    && says_audience(&error)
                    && other != self.grant.audience() =>
            {
                let second = with(other).exchange_dated().await;
                if second.0.is_ok()
                    && let Ok(mut winner) = self.winner.write()
                {
                    *winner = Some(other);
                }
                second
            }
            outcome => outcome,
        }
    }

    fn winner(&self) -> Option<&'static str> {
        self.winner.read().ok().and_then(|winner| *winner)
    }

    fn trusted(&self, token: Token) -> Result<Token, ExchangeError> {
        match token.instance_url() {
            Some(instance) if !hosts::may_have_token(instance, self.grant.token_endpoint()) => {
                let named: String = instance
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(200)
                    .collect();
                Err(ExchangeError::new(
                    ExchangeErrorKind::RefusedInstance,
                    format!("the answer sends the token to {named}, which is not Salesforce's"),
                )
                .with_hint(
                    "check the token URL: whoever answers there decides where the token goes",
                ))
            }
            _ => Ok(token),
        }
    }
}

#[async_trait]
impl Exchange for Login {
    async fn exchange(&self) -> Result<Token, ExchangeError> {
        self.exchange_dated().await.0
    }
}

fn says_audience(error: &ExchangeError) -> bool {
    error
        .oauth()
        .is_some_and(|oauth| oauth.error_description.as_deref() == Some("audience is invalid"))
}

fn explained(error: ExchangeError) -> ExchangeError {
    let Some(oauth) = error.oauth().cloned() else {
        return error;
    };
    let description = oauth.error_description.as_deref();
    let error = match oauth
        .error
        .as_deref()
        .and_then(|code| cure(code, description))
    {
        Some(cure) => error.with_hint(cure),
        None => error,
    };
    let is_rate = oauth.error.as_deref() == Some("rate_limit_exceeded")
        || description == Some("login rate exceeded");
    // Worth another try, though not soon: nothing tries it again by itself.
    if is_rate {
        error.with_kind(ExchangeErrorKind::LoginRate)
    } else {
        error
    }
}
