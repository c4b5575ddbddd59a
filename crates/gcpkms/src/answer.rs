//! What an answer of Google's APIs means, by its HTTP status and the codes of `google.rpc.Status`: never by its words.
//!
//! Source: <https://google.aip.dev/193>, <https://cloud.google.com/apis/design/errors>.

use std::time::Duration;

use keybearer_core::{Error, ErrorKind, Result};
use keybearer_http::Response;
use serde_json::Value;

use crate::api::Ask;

/// More of the server's words than this tells nothing more.
const MAX_WORDS: usize = 300;

/// How Google's APIs fail.
#[derive(Debug, Default)]
pub(crate) struct Status {
    /// Of `google.rpc.Code`: `PERMISSION_DENIED`.
    pub(crate) name: String,
    /// Of `google.rpc.ErrorInfo`: `IAM_PERMISSION_DENIED`.
    pub(crate) reason: Option<String>,
    /// The permission that `ErrorInfo` says is missing.
    pub(crate) permission: Option<String>,
    /// Of `google.rpc.RetryInfo`.
    pub(crate) wait: Option<Duration>,
    pub(crate) message: Option<String>,
}

impl Status {
    /// `None` where the answer is none of Google's APIs'.
    pub(crate) fn read(response: &Response) -> Option<Self> {
        Self::of(response.body())
    }

    fn of(body: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(body).ok()?;
        let error = json.get("error")?.as_object()?;
        let text = |value: &Value| value.as_str().map(words);
        let none = Vec::new();
        let details = error.get("details").and_then(Value::as_array);
        let details = details.unwrap_or(&none);
        let detail = |kind: &str| {
            let is_kind = |it: &&Value| {
                let named = it["@type"].as_str().unwrap_or_default();
                named.rsplit_once("google.rpc.").map(|(_, it)| it) == Some(kind)
            };
            details.iter().find(is_kind)
        };
        let info = detail("ErrorInfo");
        let delay = detail("RetryInfo").and_then(|it| it["retryDelay"].as_str());
        Some(Self {
            name: error.get("status").and_then(text)?,
            reason: info.and_then(|it| text(&it["reason"])),
            permission: info.and_then(|it| text(&it["metadata"]["permission"])),
            wait: delay.and_then(duration),
            message: error.get("message").and_then(text),
        })
    }
}

/// The JSON of a good answer.
pub(crate) fn good(response: &Response) -> Result<Value> {
    let json: Option<Value> = serde_json::from_slice(response.body()).ok();
    json.filter(|it| it.is_object() && !response.is_html())
        .ok_or_else(|| foreign(response))
}

/// What comes from something else than Google's APIs.
pub(crate) fn foreign(response: &Response) -> Error {
    let status = response.status();
    if let Some(host) = response.location_host() {
        return Error::new(
            ErrorKind::Backend,
            format!("the address of Cloud KMS sends us to {host} (HTTP {status})"),
        )
        .with_hint("check endpoint=: a login page or a proxy may stand there");
    }
    // A load balancer before the service has no words of the API.
    let kind = match status {
        502..=504 => ErrorKind::Unavailable,
        429 => ErrorKind::Throttled,
        _ => ErrorKind::Backend,
    };
    let error = Error::new(
        kind,
        format!("what answered (HTTP {status}) is not the API of Cloud KMS"),
    )
    .with_hint("check endpoint=, and what stands between: a proxy, a login page or another service may have answered");
    error.with_retry_after(response.retry_after())
}

/// Every status but 200, 401, 403 and a failed precondition.
pub(crate) fn failure(
    code: u16,
    status: &Status,
    retry_after: Option<Duration>,
    ask: &Ask<'_>,
) -> Error {
    let about = ask.about;
    let name = &status.name;
    match (code, name.as_str()) {
        (404, _) => {
            Error::new(ErrorKind::NotFound, format!("Cloud KMS has no {about}")).with_hint(format!(
                "check project, location, key ring, key and version: {}",
                about.key().gcloud("list")
            ))
        }
        (400, "INVALID_ARGUMENT") if ask.body.is_some() => Error::new(
            ErrorKind::UnsupportedAlgorithm,
            format!("{about} does not sign what it was sent"),
        )
        .with_hint(format!(
            "the algorithm that was asked for is not the version's: {} tells it to who may see it",
            about.gcloud("describe")
        )),
        (429, _) => {
            let error = Error::new(
                ErrorKind::Throttled,
                "a quota of Cloud KMS is used up for now",
            )
            .with_hint("keep tokens, sign less often, or ask for more: the quotas of cloudkms.googleapis.com in the console");
            error.with_retry_after(retry_after.or(status.wait))
        }
        (409 | 500 | 502..=504, _) => {
            let error = Error::new(
                ErrorKind::Unavailable,
                format!("Cloud KMS cannot answer now (HTTP {code}, {name})"),
            );
            error.with_retry_after(retry_after.or(status.wait))
        }
        _ => Error::new(
            ErrorKind::Backend,
            format!("Cloud KMS refused what it was asked about {about} (HTTP {code}, {name})"),
        ),
    }
}

/// One line of a server's own words, not too long.
pub(crate) fn words(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control());
    printable.take(MAX_WORDS).collect()
}

/// A field of an answer as such words; empty where it is not there.
pub(crate) fn field(answer: &Value, name: &str) -> String {
    answer[name].as_str().map(words).unwrap_or_default()
}

/// `google.protobuf.Duration` in JSON: `3s`, `0.5s`.
fn duration(text: &str) -> Option<Duration> {
    let seconds = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_read_by_its_codes() {
        let body = json!({"error": {
            "code": 403, "status": "PERMISSION_DENIED", "message": "no\u{1b}[31m",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "IAM_PERMISSION_DENIED",
                 "metadata": {"permission": "a.b.c"}},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"},
            ],
        }});
        let status = Status::of(body.to_string().as_bytes()).unwrap();
        assert_eq!(status.name, "PERMISSION_DENIED");
        assert_eq!(status.reason.as_deref(), Some("IAM_PERMISSION_DENIED"));
        assert_eq!(status.permission.as_deref(), Some("a.b.c"));
        assert_eq!(status.wait, Some(Duration::from_millis(1500)));
        assert_eq!(status.message.as_deref(), Some("no[31m"));
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"error":"denied"}"#,
            r#"{"error":{}}"#,
            "<html>",
        ] {
            assert!(Status::of(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_seconds() {
        assert_eq!(duration("3s"), Some(Duration::from_secs(3)));
        for wrong in ["", "s", "3", "-1s", "NaNs", "1e300s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
