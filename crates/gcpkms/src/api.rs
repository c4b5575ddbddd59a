//! Requests to one Cloud KMS, as one caller.

use std::time::Duration;

use keybearer_core::{Error, ErrorKind, Result, Secret};
use keybearer_http::{Client, Request, Response, service};
use serde_json::Value;
use url::Url;

use crate::{
    answer::{self, Status},
    credentials::Credentials,
    denied,
    locator::{self, Locator},
    state,
};

/// One caller at one Cloud KMS.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) endpoint: Url,
    pub(crate) credentials: Credentials,
    /// For one question with its retries.
    pub(crate) timeout: Duration,
}

/// What is asked, and the permission that it takes.
pub(crate) struct Ask<'a> {
    /// Below `/v1/`.
    pub(crate) path: String,
    pub(crate) body: Option<&'a Value>,
    pub(crate) permission: &'static str,
    /// The key or the version that this is about.
    pub(crate) about: &'a Locator,
}

impl Session {
    /// The answer, read by `read`. What is transient is tried again while there is time; so is an answer that was damaged on
    /// the way, which `read` tells by an error of such a kind.
    pub(crate) async fn ask<T: Send>(
        &self,
        ask: &Ask<'_>,
        read: impl Fn(&Value) -> Result<T> + Send + Sync,
    ) -> Result<T> {
        let attempt = || async { read(&self.attempt(ask).await?) };
        service::retried("Cloud KMS", self.timeout, attempt).await
    }

    async fn attempt(&self, ask: &Ask<'_>) -> Result<Value> {
        let mut token = self.credentials.token().await?;
        let mut response = self.send(&ask.path, ask.body, &token).await?;
        if response.status() == 401
            && let Some(newer) = self.credentials.newer(&token).await?
        {
            token = newer;
            response = self.send(&ask.path, ask.body, &token).await?;
        }
        if response.status() == 200 {
            return answer::good(&response);
        }
        Err(self.failure(&response, ask, &token).await)
    }

    async fn failure(&self, response: &Response, ask: &Ask<'_>, token: &Secret) -> Error {
        let Some(status) = Status::read(response) else {
            return answer::foreign(response);
        };
        let error = match (response.status(), status.name.as_str()) {
            (400, "FAILED_PRECONDITION") => self.unusable(ask.about, token).await,
            (401, _) => self.unknown(&status),
            (403, _) => denied::denied(&status, ask, &self.credentials),
            (code, _) => answer::failure(code, &status, response.retry_after(), ask),
        };
        match status.message {
            Some(words) => error.with_source(words),
            None => error,
        }
    }

    /// Why a version cannot be used, as far as the caller may ask for its state.
    async fn unusable(&self, about: &Locator, token: &Secret) -> Error {
        let asked = self.send(&about.to_string(), None, token).await;
        let told = asked
            .ok()
            .filter(|response| response.status() == 200)
            .and_then(|response| answer::good(&response).ok());
        state::unusable(about, told.as_ref())
    }

    fn unknown(&self, status: &Status) -> Error {
        let hint = match status.reason.as_deref() {
            Some("ACCOUNT_STATE_INVALID") => {
                "the account is disabled or deleted: see it in IAM, or take another's credentials"
            }
            _ => {
                "see whether the account or its key was deleted or disabled, and the clock of this machine; a user logs in again by gcloud auth application-default login"
            }
        };
        Error::new(
            ErrorKind::Unauthenticated,
            format!("Google does not know the caller: {}", self.credentials),
        )
        .with_hint(hint)
    }

    async fn send(&self, path: &str, body: Option<&Value>, token: &Secret) -> Result<Response> {
        let url = locator::method(&self.endpoint, path);
        let request = match body {
            Some(json) => Request::post_json(&url, json.to_string().into()),
            None => Request::get(&url),
        };
        let mut request = request?.header("authorization", bearer(token));
        if let Some(project) = self.credentials.quota_project() {
            request = request.header("x-goog-user-project", project.into());
        }
        Ok(self.client.send(request).await?)
    }
}

/// The value of `Authorization` (RFC 6750 section 2.1).
pub(crate) fn bearer(token: &Secret) -> Secret {
    Secret::new([b"Bearer ", token.expose()].concat())
}
