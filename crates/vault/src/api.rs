//! Requests to one Vault, as one caller.

use std::time::Duration;

use keybearer_core::{Error, ErrorKind, Result, Secret};
use keybearer_http::{Client, Request, Response, service};
use serde_json::Value;
use url::Url;

use crate::{answer, credentials::Credentials, locator::endpoint};

const HEALTH: &str = "sys/health";

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
        let mut request = request?.header("x-vault-request", "true".into());
        // A node's health is no matter of a namespace, and refused in one.
        if let Some(namespace) = &self.namespace
            && path != HEALTH
        {
            request = request.header("x-vault-namespace", namespace.as_str().into());
        }
        if let Some(token) = token {
            request = request.header("x-vault-token", token.clone());
        }
        Ok(self.client.send(request).await?)
    }

    /// Every status but 200 and 403. A node that cannot answer is asked why.
    pub(crate) async fn failure(&self, response: &Response, path: &str) -> Error {
        let error = answer::failure(response, path);
        if response.status() != 503 {
            return error;
        }
        let health = self.send(HEALTH, None, None).await;
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
        service::retried("Vault", self.timeout, || self.attempt(ask)).await
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
