//! The answers of a token endpoint (RFC 6749 sections 5.1 and 5.2).

use keybearer_core::{Error, ErrorKind, Result};
use keybearer_http::Response;
use serde::Deserialize;
use tokio::time::Instant;

use super::{Lease, document::Hidden};

#[derive(Deserialize)]
struct Given {
    access_token: Hidden,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
    error_subtype: Option<String>,
}

/// The token of a good answer. `who` names the source to people.
pub(super) fn lease(response: &Response, began: Instant, who: &str) -> Result<Lease> {
    // The error of serde_json may repeat a part of the answer, which may be the token.
    let given: Option<Given> = serde_json::from_slice(response.body()).ok();
    match given {
        Some(given) if is_token(given.access_token.0.expose()) => {
            Ok(Lease::new(given.access_token.0, began, given.expires_in))
        }
        _ => Err(Error::new(
            ErrorKind::Backend,
            format!("the answer to {who} is no access token"),
        )
        .with_hint("a login page or a proxy may have answered")),
    }
}

/// Every status but 200.
pub(super) fn failed(response: &Response, who: &str) -> Error {
    let refused: Option<Refused> = serde_json::from_slice(response.body()).ok();
    let subtype = refused.as_ref().and_then(|it| it.error_subtype.as_deref());
    let code = refused.as_ref().map(|it| it.error.as_str());
    let status = response.status();
    let error = match (status, code) {
        (429, _) => Error::new(
            ErrorKind::Throttled,
            format!("Google asks {who} for slower requests"),
        ),
        (500..=599, _) => Error::new(
            ErrorKind::Unavailable,
            format!("Google has no token for {who} now (HTTP {status})"),
        ),
        (_, Some("invalid_grant")) if subtype.is_some() => Error::new(
            ErrorKind::Unauthenticated,
            format!("Google wants {who} to log in again"),
        )
        .with_hint("a policy of the organization ends sessions: gcloud auth application-default login; for what runs alone, use a service account"),
        (_, Some("invalid_grant")) => Error::new(
            ErrorKind::BadSecret,
            format!("Google refuses the refresh token of {who}"),
        )
        .with_hint("it has expired or was revoked: gcloud auth application-default login"),
        (_, Some("invalid_client" | "unauthorized_client" | "deleted_client")) => Error::new(
            ErrorKind::BadSecret,
            format!("Google refuses the OAuth client of {who}"),
        )
        .with_hint("the file is damaged or its client was deleted: gcloud auth application-default login"),
        (_, Some(code)) => Error::new(
            ErrorKind::Unauthenticated,
            format!("Google has no token for {who}: {}", crate::answer::words(code)),
        ),
        (_, None) => Error::new(
            ErrorKind::Backend,
            format!("what answered {who} (HTTP {status}) is no token endpoint of Google's"),
        )
        .with_hint("check token_uri in the file, and what stands between"),
    };
    let wait = response.retry_after().filter(|_| error.is_transient());
    error.with_retry_after(wait)
}

/// Whether it can stand in a header.
pub(super) fn is_token(token: &[u8]) -> bool {
    !token.is_empty() && token.iter().all(u8::is_ascii_graphic)
}
