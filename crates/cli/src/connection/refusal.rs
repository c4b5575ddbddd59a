//! A failed exchange as every other failure is told.

use keybearer_auth::{ExchangeError, ExchangeErrorKind};

use crate::failure::{Failure, OauthRefusal, Status};

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        if let Some(key) = error.key_error() {
            return key.clone().into();
        }
        let (kind, status) = match error.kind() {
            ExchangeErrorKind::Config => ("config", Status::USAGE),
            ExchangeErrorKind::OAuth if error.is_transient() => ("oauth", Status::TRANSIENT),
            ExchangeErrorKind::OAuth => ("oauth", Status::REFUSED),
            ExchangeErrorKind::Throttled | ExchangeErrorKind::LoginRate => {
                ("throttled", Status::TRANSIENT)
            }
            ExchangeErrorKind::RefusedInstance => ("refused_instance", Status::REFUSED),
            _ => ("network", Status::TRANSIENT),
        };
        let mut failure = Self::new(kind, error.to_string(), status).with_sources_of(&error);
        if let Some(hint) = hint(&error, status) {
            failure = failure.with_hint(hint);
        }
        match error.oauth() {
            Some(oauth) if kind == "oauth" => failure.with_oauth(OauthRefusal {
                error: oauth.error.clone(),
                error_description: oauth.error_description.clone(),
                status: oauth.status,
            }),
            _ => failure,
        }
    }
}

/// What to do next; where another try is worth it, when.
fn hint(error: &ExchangeError, status: Status) -> Option<String> {
    let wait = error.retry_after().map(|wait| {
        format!(
            "try again in {} seconds: the server asks for it",
            wait.as_secs()
        )
    });
    let again = || {
        let transient = status == Status::TRANSIENT;
        transient.then(|| "try again in a while; if it stays, ask whoever runs the server".into())
    };
    match (error.hint(), wait) {
        (Some(hint), Some(wait)) => Some(format!("{hint}; {wait}")),
        (Some(hint), None) => Some(hint.into()),
        (None, wait) => wait.or_else(again),
    }
}
