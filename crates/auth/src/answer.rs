//! What a token endpoint's answer means.

use std::time::SystemTime;

use keybearer_http::Response;
use serde_json::{Map, Value};

use crate::{ExchangeError, ExchangeErrorKind, OAuthError, Token};

/// A longer text is cut: an `error_description` is a sentence.
const MAX_TEXT: usize = 500;

/// Reads the answer to a token request. `sent` are the secrets of that request: a server that repeats one of them in
/// its refusal does not bring it into our errors.
pub(crate) fn read(
    response: &Response,
    host: &str,
    sent: &[&str],
    now: SystemTime,
) -> Result<Token, ExchangeError> {
    let status = response.status();
    let oauth = oauth_error(response, sent);
    let network = |message: String| ExchangeError::new(ExchangeErrorKind::Network, message);
    let error = match status {
        429 => ExchangeError::new(
            ExchangeErrorKind::Throttled,
            format!("{host} asks for slower requests"),
        )
        .with_hint("make fewer logins: keep a token while it lives, and share it"),
        300..400 => {
            let to = response.location_host();
            let to = to.map_or_else(|| "another place".into(), |to| format!("the host {to}"));
            network(format!(
                "{host} redirects to {to} (status {status}), and an assertion follows no redirect"
            ))
            .with_hint("if that is the right host, give its token endpoint")
            .without_retry()
        }
        _ if response.is_html() => page(status, host),
        408 => network(format!(
            "{host} did not wait for the whole request (status 408)"
        )),
        400..500 => ExchangeError::from_oauth(oauth, host),
        200..300 if oauth.error.is_some() => ExchangeError::from_oauth(oauth, host),
        200..300 => return Token::from_json(response.body(), now).map_err(|error| error.at(host)),
        _ => {
            let said = oauth.said().map(|said| format!(" ({said})"));
            let said = said.unwrap_or_default();
            network(format!("{host} failed with status {status}{said}"))
                .with_hint("the server is in trouble: try again in a while")
        }
    };
    Err(error.with_retry_after(response.retry_after()))
}

/// A page for people. Where a status says that the fault is ours, the same request will not do better.
fn page(status: u16, host: &str) -> ExchangeError {
    let error = ExchangeError::new(
        ExchangeErrorKind::Network,
        format!("{host} answered with a web page (status {status}) and not with a token"),
    );
    let error = error.with_hint(
        "is this the host for logins, and not the one for browsers? Maintenance, proxies and portals answer so too: look at the page with a browser",
    );
    if (400..500).contains(&status) {
        error.without_retry()
    } else {
        error
    }
}

fn oauth_error(response: &Response, sent: &[&str]) -> OAuthError {
    let body: Map<String, Value> = serde_json::from_slice(response.body()).unwrap_or_default();
    let text = |name: &str| {
        let text = body.get(name).and_then(Value::as_str)?;
        let mut text = text.to_owned();
        for secret in sent.iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "***");
        }
        Some(text.chars().take(MAX_TEXT).collect())
    };
    OAuthError {
        error: text("error"),
        error_description: text("error_description"),
        status: response.status(),
    }
}
