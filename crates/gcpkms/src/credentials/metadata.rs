//! The metadata server of a machine in Google's cloud: Compute Engine, GKE, Cloud Run and the like.
//!
//! Source: <https://cloud.google.com/compute/docs/metadata/querying-metadata>.

use std::fmt;

use keybearer_core::{Error, ErrorKind, OpenContext, Result};
use keybearer_http::{Client, Request, Response};
use tokio::time::Instant;

use super::{Lease, endpoint, find::variable, is_account, near};

/// By address, as a name could be answered for by others.
const ADDRESS: &str = "169.254.169.254";
const ACCOUNT: &str = "instance/service-accounts/default/";

/// A metadata server that has answered.
#[derive(Debug)]
pub(super) struct Metadata {
    client: Client,
    host: String,
    account: String,
}

impl Metadata {
    /// Asks for the machine's account. Not through a proxy, and not for long: most machines have no such server.
    ///
    /// # Errors
    /// What was asked and what came of it.
    pub(super) async fn find(cx: &OpenContext) -> Result<Self, String> {
        let host = variable(cx.env.as_ref(), "GCE_METADATA_HOST");
        let mut found = Self {
            client: Client::new(&near(&cx.network), cx.timeout).without_proxy(),
            host: host.unwrap_or_else(|| ADDRESS.into()),
            account: String::new(),
        };
        let failed = |why: &str| format!("the metadata server at {} ({why})", found.host);
        let answered = found.get(&format!("{ACCOUNT}email")).await;
        let response = answered.map_err(|error| failed(&error.to_string()))?;
        if !is_metadata(&response) {
            return Err(failed("what answered is none"));
        }
        let email = std::str::from_utf8(response.body()).map(str::trim);
        match (response.status(), email) {
            (200, Ok(email)) if is_account(email) => found.account = email.into(),
            (404, _) => return Err(failed("this machine has no service account")),
            (status, _) => return Err(failed(&format!("HTTP {status}"))),
        }
        Ok(found)
    }

    pub(super) fn account(&self) -> &str {
        &self.account
    }

    pub(super) async fn token(&self) -> Result<Lease> {
        let began = Instant::now();
        let response = self.get(&format!("{ACCOUNT}token")).await?;
        if !is_metadata(&response) {
            return Err(Error::new(
                ErrorKind::Backend,
                format!("what answered at {} is not the metadata server", self.host),
            )
            .with_hint("see GCE_METADATA_HOST, and what stands between"));
        }
        match response.status() {
            200 => endpoint::lease(&response, began, &self.to_string()),
            404 => Err(Error::new(
                ErrorKind::Unauthenticated,
                "this machine has no service account any more",
            )
            .with_hint("give it one: gcloud compute instances set-service-account")),
            _ => Err(endpoint::failed(&response, &self.to_string())),
        }
    }

    /// The universe of the machine; an older server does not know of any.
    pub(super) async fn universe(&self) -> Result<Option<String>> {
        let response = self.get("universe/universe-domain").await?;
        let text = std::str::from_utf8(response.body()).map(str::trim);
        match (response.status(), text) {
            (200, Ok(text)) if is_metadata(&response) && !text.is_empty() => Ok(Some(text.into())),
            (200 | 404, _) => Ok(None),
            _ => Err(endpoint::failed(&response, &self.to_string())),
        }
    }

    async fn get(&self, path: &str) -> Result<Response> {
        let url = format!("http://{}/computeMetadata/v1/{path}", self.host);
        let request = Request::get(&url)?.header("metadata-flavor", "Google".into());
        Ok(self.client.send(request).await?)
    }
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, host, .. } = self;
        write!(f, "{account} of the metadata server at {host}")
    }
}

/// What else answers at that address in somebody's network does not say this.
fn is_metadata(response: &Response) -> bool {
    response.header("metadata-flavor") == Some("Google")
}
