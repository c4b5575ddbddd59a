//! Requests to one Vault, as one caller.

use std::{future::Future, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use keybearer_core::{Error, ErrorKind, Result, Secret};
use keybearer_http::{Client, Request, Response};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use crate::{answer, credentials::Credentials, locator::endpoint};

/// One Vault: its address, its namespace and how it is reached.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) address: Url,
    pub(crate) namespace: Option<String>,
}

/// One caller at one Vault.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) api: Api,
    pub(crate) credentials: Credentials,
    /// For one question with its retries.
    pub(crate) timeout: Duration,
}

/// What is asked, and the capability that a policy must give for it.
pub(crate) struct Ask<'a> {
    pub(crate) path: String,
    pub(crate) body: Option<&'a Value>,
}

impl Api {
    pub(crate) async fn send(
        &self,
        path: &str,
        body: Option<&Value>,
        token: Option<&Secret>,
    ) -> Result<Response> {
        let url = endpoint(&self.address, path);
        let request = match body {
            Some(json) => Request::post_json(&url, json.to_string().into()),
            None => Request::get(&url),
        };
        // An agent or proxy of Vault's may insist on the header, as a guard against forged requests.
        let mut request = request
            .map_err(|error| answer::unreachable(&error))?
            .header("x-vault-request", "true".into());
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace.as_str().into());
        }
        if let Some(token) = token {
            request = request.header("x-vault-token", token.clone());
        }
        let sent = self.client.send(request).await;
        sent.map_err(|error| answer::unreachable(&error))
    }

    /// Every status but 200 and 403. A node that cannot answer is asked why.
    pub(crate) async fn failure(&self, response: &Response, path: &str) -> Error {
        let error = answer::failure(response, path);
        if response.status() != 503 {
            return error;
        }
        let health = self.send("sys/health", None, None).await;
        match health
            .ok()
            .and_then(|health| answer::state(health.status()))
        {
            Some((message, hint)) => Error::new(ErrorKind::Unavailable, message).with_hint(hint),
            None => error,
        }
    }

    /// Whether this token is one at all. `None` where that cannot be told.
    pub(crate) async fn knows(&self, token: &Secret) -> Option<bool> {
        let looked = self.send("auth/token/lookup-self", None, Some(token)).await;
        match looked.ok()?.status() {
            200 => Some(true),
            401 | 403 => Some(false),
            _ => None,
        }
    }
}

impl Session {
    /// The `data` of the answer. What is transient is tried again while there is time.
    pub(crate) async fn ask(&self, ask: &Ask<'_>) -> Result<Value> {
        retried(self.timeout, || self.attempt(ask)).await
    }

    async fn attempt(&self, ask: &Ask<'_>) -> Result<Value> {
        let mut token = self.credentials.token(&self.api).await?;
        let mut response = self.api.send(&ask.path, ask.body, Some(&token)).await?;
        if response.status() == 403
            && let Some(newer) = self.credentials.newer(&token, &self.api).await?
        {
            token = newer;
            response = self.api.send(&ask.path, ask.body, Some(&token)).await?;
        }
        match response.status() {
            200 => answer::part(&response, "data"),
            403 => Err(self.refused(ask, &token).await),
            _ => Err(self.api.failure(&response, &ask.path).await),
        }
    }

    /// 403 is one answer to two failures: a token that is none, and a policy that does not allow this.
    async fn refused(&self, ask: &Ask<'_>, token: &Secret) -> Error {
        let (path, capability) = (&ask.path, ask.capability());
        if self.api.knows(token).await == Some(false) {
            return Error::new(
                ErrorKind::Unauthenticated,
                format!("Vault does not know the token from {}", self.credentials),
            )
            .with_hint(format!(
                "log in again: it may have expired or been revoked, or be of another namespace or server (if it is good, its policies allow neither {capability} on {path} nor read on auth/token/lookup-self)"
            ));
        }
        Error::new(
            ErrorKind::PermissionDenied,
            format!("the policies of the token from {} do not allow {capability} on {path}", self.credentials),
        )
        .with_hint(format!(
            "add to a policy: path \"{path}\" {{ capabilities = [\"{capability}\"] }}; Vault answers the same where no engine is mounted there"
        ))
    }
}

impl Ask<'_> {
    fn capability(&self) -> &'static str {
        match self.body {
            Some(_) => "update",
            None => "read",
        }
    }
}

/// Tries again what is transient: at most four times more, sooner first, never past the time limit.
async fn retried<T, F: Future<Output = Result<T>>>(
    timeout: Duration,
    mut attempt: impl FnMut() -> F,
) -> Result<T> {
    let deadline = Instant::now() + timeout;
    let mut waits = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_times(4)
        .with_jitter()
        .build();
    let mut last = None;
    loop {
        let error = match timeout_at(deadline, attempt()).await {
            Ok(Err(error)) if error.is_transient() => error,
            Ok(done) => return done,
            Err(_) => return Err(last.unwrap_or_else(|| too_late(timeout))),
        };
        let Some(wait) = waits.next() else {
            return Err(error);
        };
        let wait = error.retry_after().map_or(wait, |asked| asked.max(wait));
        if Instant::now() + wait >= deadline {
            return Err(error);
        }
        tracing::debug!(kind = %error.kind(), wait_ms = wait.as_millis() as u64, "Vault is asked again");
        last = Some(error);
        sleep(wait).await;
    }
}

fn too_late(timeout: Duration) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("Vault did not answer within {} s", timeout.as_secs_f64()),
    )
    .with_hint("check the address and what stands between, or allow more time")
}
