//! A service account in whose name another account acts.
//!
//! Source: <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>.

use std::fmt;

use keybearer_core::{Error, ErrorKind, Result};
use keybearer_http::{Client, Request};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::{
    Lease, SCOPE,
    direct::Direct,
    document::{Fields, Hidden, missing},
    endpoint, is_account,
};
use crate::{answer, answer::Status, api::bearer, locator};

/// What it takes to ask for another account's token; `…/auth/iam` alone would do at that service and is given to no user.
const BROAD_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// In seconds; no more without an organization's leave.
const LIFETIME: u64 = 3600;

#[derive(Debug)]
pub(super) struct Impersonated {
    by: Direct,
    account: String,
    url: String,
    delegates: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    access_token: Hidden,
}

impl Impersonated {
    pub(super) fn new(fields: &Fields, by: Direct) -> Result<Self> {
        let url = fields.service_account_impersonation_url.clone();
        let url = url.ok_or_else(|| missing("service_account_impersonation_url"))?;
        locator::address(&url, "service_account_impersonation_url")?;
        let last = url.rsplit('/').next().unwrap_or_default();
        let account = last.strip_suffix(":generateAccessToken");
        let account = account.filter(|it| is_account(it)).ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                "its service_account_impersonation_url does not end with ACCOUNT:generateAccessToken",
            )
        })?;
        Ok(Self {
            by,
            account: account.into(),
            delegates: fields.delegates.clone(),
            url,
        })
    }

    pub(super) fn member(&self) -> String {
        format!("serviceAccount:{}", self.account)
    }

    pub(super) async fn token(&self, client: &Client) -> Result<Lease> {
        let own = self.by.token(client, BROAD_SCOPE).await?;
        let began = Instant::now();
        let body = json!({
            "scope": [SCOPE],
            "delegates": self.delegates,
            "lifetime": format!("{LIFETIME}s"),
        });
        let request = Request::post_json(&self.url, body.to_string().into())?;
        let request = request.header("authorization", bearer(&own.token));
        let response = client.send(request).await?;
        if response.status() == 200 {
            let given: Option<Given> = serde_json::from_slice(response.body()).ok();
            let token = given.map(|given| given.access_token.0);
            let token = token.filter(|token| endpoint::is_token(token.expose()));
            return match token {
                Some(token) => Ok(Lease::new(token, began, LIFETIME)),
                None => Err(answer::foreign(&response)),
            };
        }
        let Some(status) = Status::read(&response) else {
            return Err(endpoint::failed(&response, &self.to_string()));
        };
        let Self { by, account, .. } = self;
        let error = match response.status() {
            403 | 404 => Error::new(
                ErrorKind::PermissionDenied,
                format!("{by} has no iam.serviceAccounts.getAccessToken on {account}"),
            )
            .with_hint(format!(
                "grant it roles/iam.serviceAccountTokenCreator on that account: gcloud iam service-accounts add-iam-policy-binding {account} --role roles/iam.serviceAccountTokenCreator --member {}; the account may not exist either, or the IAM Service Account Credentials API is not enabled",
                by.member()
            )),
            401 => Error::new(
                ErrorKind::Unauthenticated,
                format!("Google does not know {by}, who acts for {account}"),
            )
            .with_hint("see whether its key was deleted or disabled, and the clock of this machine"),
            _ => endpoint::failed(&response, &self.to_string()),
        };
        Err(match status.message {
            Some(words) => error.with_source(words),
            None => error,
        })
    }
}

impl fmt::Display for Impersonated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} impersonated by {}", self.account, self.by)
    }
}
