//! Managed identities: the Instance Metadata Service (IMDS) of virtual machines and containers, and the endpoint that App
//! Service, Functions and Container Apps give to a program.

use keybearer_core::{Error, ErrorKind, Secret};
use keybearer_http::{HttpErrorKind, Request, Response};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;
use url::Url;

use super::{Caller, Lease, Refused};

#[derive(Debug)]
pub(super) struct ManagedIdentity {
    pub(super) place: Place,
    /// A user-assigned identity; the system's own where it is absent.
    pub(super) client_id: Option<String>,
}

#[derive(Debug)]
pub(super) enum Place {
    AppService {
        endpoint: String,
        header: Secret,
    },
    /// `http://169.254.169.254`.
    Imds(String),
}

impl ManagedIdentity {
    pub(super) async fn token(&self, resource: &str, caller: &Caller) -> Result<Lease, Refused> {
        let (began, response) = (
            Instant::now(),
            caller.direct.send(self.request(resource)?).await,
        );
        let response = match response {
            Ok(response) => response,
            Err(error) if matches!(error.kind(), HttpErrorKind::Config | HttpErrorKind::Tls) => {
                return Err(Refused::Failed(error.into()));
            }
            Err(error) => {
                return Err(Refused::Absent(format!(
                    "none answers at {} ({error})",
                    self.host()
                )));
            }
        };
        let json: Option<Value> = serde_json::from_slice(response.body()).ok();
        let json = json.filter(|_| !response.is_html());
        match (response.status(), json) {
            (200, Some(json)) => {
                let token = json["access_token"]
                    .as_str()
                    .filter(|token| !token.is_empty());
                let token = token.ok_or_else(|| self.no_token(200))?;
                Ok(Lease::new(token, began, seconds(&json)))
            }
            // IMDS is being updated, or asks for patience. It says 404 for that too, as the metadata services of other
            // clouds do for what they do not know: who has given tokens before is waited for, all the same.
            (410 | 429 | 500.., _) => Err(Refused::Failed(self.later(&response))),
            (400, Some(_)) if self.client_id.is_some() => Err(Refused::Absent(format!(
                "{} does not know the identity of AZURE_CLIENT_ID",
                self.host()
            ))),
            (400, Some(_)) => Err(Refused::Absent("this machine has no identity".into())),
            (status, _) => Err(self.no_token(status)),
        }
    }

    fn request(&self, resource: &str) -> Result<Request, Error> {
        let (base, version) = match &self.place {
            Place::AppService { endpoint, .. } => (endpoint.clone(), "2019-08-01"),
            Place::Imds(base) => (
                format!("{base}/metadata/identity/oauth2/token"),
                "2018-02-01",
            ),
        };
        let mut url = Url::parse(&base).map_err(|error| {
            Error::new(
                ErrorKind::Unauthenticated,
                "the endpoint of the managed identity is no URL",
            )
            .with_hint("see IDENTITY_ENDPOINT, which the platform sets")
            .with_source(error.to_string())
        })?;
        let mut query = url.query_pairs_mut();
        query
            .append_pair("api-version", version)
            .append_pair("resource", resource);
        if let Some(client_id) = &self.client_id {
            query.append_pair("client_id", client_id);
        }
        drop(query);
        let request = Request::get(url.as_str())?;
        Ok(match &self.place {
            Place::AppService { header, .. } => request.header("x-identity-header", header.clone()),
            Place::Imds(_) => request.header("metadata", "true".into()),
        })
    }

    fn host(&self) -> &str {
        match &self.place {
            Place::AppService { endpoint, .. } => endpoint,
            Place::Imds(base) => base,
        }
    }

    fn no_token(&self, status: u16) -> Refused {
        Refused::Absent(format!(
            "what answers at {} (status {status}) gives no token",
            self.host()
        ))
    }

    fn later(&self, response: &Response) -> Error {
        let status = response.status();
        let kind = if status == 429 {
            ErrorKind::Throttled
        } else {
            ErrorKind::Unavailable
        };
        let error = Error::new(
            kind,
            format!("the managed identity cannot be asked now (status {status})"),
        );
        error.with_retry_after(response.retry_after())
    }
}

/// How long it is good for: some say so, some say until when.
fn seconds(json: &Value) -> u64 {
    let until = super::number(&json["expires_on"]);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let left = until.map(|until| until.saturating_sub(now));
    left.or_else(|| super::number(&json["expires_in"]))
        .unwrap_or_default()
}
