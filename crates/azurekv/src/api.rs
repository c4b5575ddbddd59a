//! Requests to one vault, as one caller.

use std::time::Duration;

use keybearer_core::{Error, ErrorKind, Result, Secret};
use keybearer_http::{Client, HttpErrorKind, Request, Response, service};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::{
    answer::{self, Asked, Told},
    challenge,
    credentials::Credentials,
    locator::Locator,
};

/// Key Vault, Managed HSM and the sovereign clouds all have it.
const API_VERSION: &str = "7.4";

/// One caller at one vault.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    /// Where the vault is reached: `https://HOST`.
    pub(crate) address: String,
    pub(crate) credentials: Credentials,
    /// The service that tokens must be for, as the vault has said it.
    pub(crate) resource: OnceCell<String>,
    /// For one question with its retries.
    pub(crate) timeout: Duration,
}

/// What is asked of a key.
pub(crate) struct Ask<'a> {
    pub(crate) key: &'a Locator,
    pub(crate) asked: Asked,
    /// Of `sign`.
    pub(crate) body: Option<Value>,
}

impl Session {
    /// The JSON of the answer. What is transient is tried again while there is time.
    pub(crate) async fn ask(&self, ask: &Ask<'_>) -> Result<Value> {
        service::retried("Azure Key Vault", self.timeout, || self.attempt(ask)).await
    }

    async fn attempt(&self, ask: &Ask<'_>) -> Result<Value> {
        let challenged = || self.challenged(ask.key);
        let resource = self.resource.get_or_try_init(challenged).await?;
        let mut token = self.credentials.token(resource).await?;
        let mut response = self.send(ask, Some(&token)).await?;
        if response.status() == 401 {
            // It may have been revoked before its time, or another caller has renewed it by now.
            self.credentials.forget(&token).await;
            token = self.credentials.token(resource).await?;
            response = self.send(ask, Some(&token)).await?;
        }
        match response.status() {
            200 => answer::json(&response),
            401 => Err(self.unknown(ask.key, &response)),
            _ => Err(answer::failure(&response, ask.key, ask.asked)),
        }
    }

    /// Asks without a token, and takes the service from the refusal.
    async fn challenged(&self, key: &Locator) -> Result<String> {
        let ask = Ask {
            key,
            asked: Asked::Get,
            body: None,
        };
        let response = self.send(&ask, None).await?;
        match response.status() {
            401 => challenge::resource(&key.host, response.challenges()),
            200 => Err(answer::foreign(&response)),
            _ => Err(answer::failure(&response, key, Asked::Get)),
        }
    }

    async fn send(&self, ask: &Ask<'_>, token: Option<&Secret>) -> Result<Response> {
        let (address, key) = (&self.address, ask.key);
        let request = match &ask.body {
            // Without a version the path has an empty one.
            Some(body) => {
                let version = key.version.as_deref().unwrap_or_default();
                let url = format!(
                    "{address}/keys/{}/{version}/sign?api-version={API_VERSION}",
                    key.name
                );
                Request::post_json(&url, body.to_string().into())
            }
            None => Request::get(&format!(
                "{address}{}?api-version={API_VERSION}",
                key.path()
            )),
        };
        let mut request = request?;
        if let Some(token) = token {
            let value = [b"Bearer ", token.expose()].concat();
            request = request.header("authorization", Secret::new(value));
        }
        self.client.send(request).await.map_err(|error| {
            let is_unknown = error.kind() == HttpErrorKind::Resolve;
            let error = Error::from(error);
            match is_unknown {
                true => error.with_hint("check the vault's name (az keyvault list); one with a private endpoint needs that network's DNS"),
                false => error,
            }
        })
    }

    fn unknown(&self, key: &Locator, response: &Response) -> Error {
        let error = Error::new(
            ErrorKind::Unauthenticated,
            format!("{} does not accept the token of {}", key.host, self.credentials),
        )
        .with_hint("the caller must be of the tenant that the vault trusts: see AZURE_TENANT_ID, or az account show, and the clock of this machine");
        match Told::read(response) {
            Some(told) => error.with_source(told.words()),
            None => error,
        }
    }
}
