//! What an answer of Vault's means, by its status alone: the words differ between versions.

use keybearer_core::{Error, ErrorKind, Result};
use keybearer_http::Response;
use serde_json::Value;

/// More of the server's words than this tells nothing more.
const MAX_WORDS: usize = 300;

/// The `data` or `auth` of a good answer.
pub(crate) fn part(response: &Response, name: &str) -> Result<Value> {
    let foreign = || {
        Error::new(ErrorKind::Backend, "what answered is not Vault's API").with_hint(
            "check the address: a proxy, a login page or another service may stand there",
        )
    };
    if response.status() != 200 || response.is_html() {
        return Err(foreign());
    }
    let json: Value = serde_json::from_slice(response.body()).map_err(|_| foreign())?;
    json.get(name)
        .filter(|it| it.is_object())
        .cloned()
        .ok_or_else(foreign)
}

/// Every status but 200 and 403. `path` is what was asked for.
pub(crate) fn failure(response: &Response, path: &str) -> Error {
    let status = response.status();
    let error = match status {
        301 | 302 | 307 | 308 => {
            let whither = response.location_host();
            let message = match &whither {
                Some(host) => format!("this node of Vault is a standby and sends us to {host}"),
                None => "this node of Vault redirects, and says not where to".into(),
            };
            Error::new(ErrorKind::Unavailable, message).with_hint(
                "set address= or VAULT_ADDR to the active node, or to the cluster's load balancer",
            )
        }
        400 if words(response).is_none() => {
            Error::new(ErrorKind::Backend, "what answered 400 is not Vault's API")
                .with_hint("check the address: plain http: to a TLS port looks like this")
        }
        404 if path.contains("/keys/") => {
            Error::new(ErrorKind::NotFound, format!("Vault has no key at {path}"))
                .with_hint("check the mount, the name and the namespace: vault list MOUNT/keys")
        }
        400 | 404 => Error::new(
            ErrorKind::NotFound,
            format!("Vault finds nothing that can sign at {path}"),
        )
        .with_hint(
            "check the mount, the name and the namespace, and that the key is of a type that signs",
        ),
        412 => Error::new(
            ErrorKind::Unavailable,
            "this node of Vault has not caught up with the active one",
        ),
        429 => {
            let error = Error::new(
                ErrorKind::Throttled,
                "a rate limit quota of Vault is used up",
            )
            .with_hint(
                "ask for a higher quota on this path (sys/quotas/rate-limit), or sign less often",
            );
            error.with_retry_after(response.retry_after())
        }
        502..=504 => Error::new(
            ErrorKind::Unavailable,
            format!("Vault cannot answer now (HTTP {status})"),
        ),
        // Often a permanent mistake of the request, so another try is not worth it.
        _ => Error::new(
            ErrorKind::Backend,
            format!("Vault failed at {path} (HTTP {status})"),
        )
        .with_hint("the server's log has the reason"),
    };
    match words(response) {
        Some(words) if !words.is_empty() => error.with_source(words),
        _ => error,
    }
}

/// What sys/health says of a node that answers 503.
pub(crate) fn state(status: u16) -> Option<(&'static str, &'static str)> {
    match status {
        429 | 473 => Some((
            "this node of Vault is a standby and does not answer by itself",
            "set address= or VAULT_ADDR to the active node, or to the cluster's load balancer",
        )),
        472 => Some((
            "this Vault is a secondary for disaster recovery",
            "set address= or VAULT_ADDR to the primary cluster",
        )),
        501 => Some((
            "this Vault is not initialised",
            "somebody must run vault operator init, or the address is of the wrong server",
        )),
        503 => Some((
            "this Vault is sealed",
            "somebody must unseal it: vault operator unseal",
        )),
        _ => None,
    }
}

/// `{"errors": […]}`, which is how Vault's API fails.
fn words(response: &Response) -> Option<String> {
    let json: Value = serde_json::from_slice(response.body()).ok()?;
    let errors = json.get("errors")?.as_array()?;
    let all: Vec<_> = errors
        .iter()
        .filter_map(Value::as_str)
        .map(str::trim)
        .collect();
    Some(
        all.join("; ")
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_WORDS)
            .collect(),
    )
}
