//! Tokens from Microsoft Entra by the client credentials grant (RFC 6749 section 4.4).

use std::path::PathBuf;

use keybearer_core::{Error, ErrorKind, Result, Secret};
use keybearer_http::{Request, Response};
use serde_json::Value;
use tokio::time::Instant;

use super::{Caller, Lease, SharedKey, assertion};

/// An application of a tenant, and what proves that it is it.
#[derive(Debug)]
pub(super) struct Entra {
    pub(super) tenant: String,
    pub(super) client_id: String,
    pub(super) proof: Proof,
}

#[derive(Debug)]
pub(super) enum Proof {
    Secret(Secret),
    /// A key with a certificate that the application has.
    Certificate {
        key: SharedKey,
        sends_chain: bool,
    },
    /// A file with another issuer's token, which is replaced while we run.
    Federated(PathBuf),
}

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// A federated token has some kilobytes.
const MAX_TOKEN_FILE: u64 = 64 << 10;

impl Entra {
    pub(super) async fn token(&self, resource: &str, caller: &Caller) -> Result<Lease> {
        let url = self.endpoint(caller)?;
        let scope = format!("{resource}/.default");
        let proof = self.proof(&url, caller).await?;
        let proof = proof.expose_str().unwrap_or_default();
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id.as_str()),
            ("scope", scope.as_str()),
        ];
        match self.proof {
            Proof::Secret(_) => form.push(("client_secret", proof)),
            _ => form.extend([
                ("client_assertion_type", ASSERTION),
                ("client_assertion", proof),
            ]),
        }
        let began = Instant::now();
        let response = caller.client.send(Request::post_form(&url, form)?).await?;
        let json: Option<Value> = serde_json::from_slice(response.body()).ok();
        let Some(json) = json.filter(|_| !response.is_html()) else {
            return Err(foreign(&response, &url));
        };
        if response.status() != 200 {
            return Err(self.refused(&response, &json, &url));
        }
        let token = json["access_token"]
            .as_str()
            .filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| foreign(&response, &url))?;
        let seconds = super::number(&json["expires_in"]).unwrap_or_default();
        Ok(Lease::new(token, began, seconds))
    }

    fn endpoint(&self, caller: &Caller) -> Result<String> {
        let authority = caller.authority.as_deref().ok_or_else(|| {
            Error::new(
                ErrorKind::Unauthenticated,
                "nothing says where to log in: the vault is in no cloud that is known",
            )
            .with_hint("set AZURE_AUTHORITY_HOST to that cloud's login endpoint, as https://HOST")
        })?;
        let tenant = &self.tenant;
        let is_tenant = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        if tenant.is_empty() || !tenant.bytes().all(is_tenant) {
            return Err(Error::new(
                ErrorKind::InvalidUri,
                "the tenant is neither an id nor a domain",
            )
            .with_hint("see AZURE_TENANT_ID: az account show --query tenantId"));
        }
        Ok(format!("{authority}/{tenant}/oauth2/v2.0/token"))
    }

    async fn proof(&self, url: &str, caller: &Caller) -> Result<Secret> {
        match &self.proof {
            Proof::Secret(secret) => Ok(secret.clone()),
            Proof::Certificate { key, sends_chain } => {
                assertion::sign(key.as_ref(), &self.client_id, url, *sends_chain).await
            }
            Proof::Federated(file) => {
                let unread = |why: String| {
                    Error::new(
                        ErrorKind::BadSecret,
                        format!("the federated token cannot be read from {}", file.display()),
                    )
                    .with_hint(
                        "see AZURE_FEDERATED_TOKEN_FILE, which the workload identity webhook sets",
                    )
                    .with_source(why)
                };
                let bytes = caller.cx.env.read(file, MAX_TOKEN_FILE).await;
                let bytes = Secret::new(bytes.map_err(|error| unread(error.to_string()))?);
                let text = bytes.expose_str().map(str::trim).unwrap_or_default();
                if text.is_empty() || text.contains(char::is_control) {
                    return Err(unread("it is empty, or not one line of text".into()));
                }
                Ok(text.into())
            }
        }
    }

    /// Sorted by OAuth's codes (RFC 6749 section 5.2) and Entra's numbers.
    fn refused(&self, response: &Response, json: &Value, url: &str) -> Error {
        let status = response.status();
        let numbers: Vec<_> = json["error_codes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect();
        let (client, tenant) = (&self.client_id, &self.tenant);
        let new = |kind, message: String, hint: &str| Error::new(kind, message).with_hint(hint);
        let has = |number: u64| numbers.contains(&number);
        let error = match (status, json["error"].as_str().unwrap_or_default()) {
            (429, _) => new(
                ErrorKind::Throttled,
                "Microsoft Entra asks for slower requests".into(),
                "keep tokens longer, or log in less often",
            ),
            (500.., _) | (_, "temporarily_unavailable" | "server_error") => Error::new(
                ErrorKind::Unavailable,
                format!("Microsoft Entra cannot answer now (status {status})"),
            ),
            _ if has(90_002) => new(
                ErrorKind::Unauthenticated,
                format!("Microsoft Entra has no tenant {tenant}"),
                "see AZURE_TENANT_ID, and AZURE_AUTHORITY_HOST for another cloud",
            ),
            _ if has(700_016) => new(
                ErrorKind::Unauthenticated,
                format!("the tenant {tenant} has no application {client}"),
                "see AZURE_CLIENT_ID and AZURE_TENANT_ID: az ad sp show --id CLIENT_ID",
            ),
            _ if has(7_000_222) => new(
                ErrorKind::BadSecret,
                format!("the client secret of the application {client} has expired"),
                "make a new one: az ad app credential reset --id CLIENT_ID --append",
            ),
            _ if has(500_011) => new(
                ErrorKind::Unauthenticated,
                format!("the tenant {tenant} does not know the service that the vault belongs to"),
                "see AZURE_TENANT_ID and AZURE_AUTHORITY_HOST: the vault may be of another cloud",
            ),
            (_, "invalid_client") => {
                let (what, hint) = match self.proof {
                    Proof::Secret(_) => (
                        "client secret",
                        "see AZURE_CLIENT_SECRET; it may have expired: az ad app credential list --id CLIENT_ID",
                    ),
                    Proof::Certificate { .. } => (
                        "client certificate",
                        "upload the certificate to the application: az ad app credential reset --id CLIENT_ID --cert @FILE --append",
                    ),
                    Proof::Federated(_) => (
                        "federated token",
                        "its issuer, subject and audience must be those of a federated credential of the application",
                    ),
                };
                new(
                    ErrorKind::BadSecret,
                    format!("Microsoft Entra refuses the {what} of the application {client}"),
                    hint,
                )
            }
            (_, code) => {
                let code: String = code.chars().filter(|c| !c.is_control()).take(80).collect();
                new(
                    ErrorKind::Unauthenticated,
                    format!("Microsoft Entra gives the application {client} no token ({code})"),
                    "see the sign-in logs of service principals in Microsoft Entra",
                )
            }
        };
        let numbers: Vec<_> = numbers
            .iter()
            .map(|number| format!("AADSTS{number}"))
            .collect();
        let error = error.with_source(format!("{url} answered {status} {}", numbers.join(", ")));
        let wait = response.retry_after().filter(|_| error.is_transient());
        error.with_retry_after(wait)
    }
}

fn foreign(response: &Response, url: &str) -> Error {
    let status = response.status();
    let (kind, what) = match status {
        429 => (ErrorKind::Throttled, "asks for slower requests"),
        500.. => (ErrorKind::Unavailable, "cannot answer now"),
        _ => (ErrorKind::Backend, "is not Microsoft Entra"),
    };
    Error::new(
        kind,
        format!("what answered at {url} (status {status}) {what}"),
    )
    .with_hint("see AZURE_AUTHORITY_HOST, and whether a proxy or a login page stands between")
}
