//! What an answer of Key Vault's means, by its status and its codes: the words differ between versions.

use keybearer_core::{Algorithm, Error, ErrorKind, Result};
use keybearer_http::Response;
use serde_json::Value;

use crate::locator::Locator;

/// More of the server's words than this tells nothing more.
const MAX_WORDS: usize = 300;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    Get,
    Sign(Algorithm),
}

impl Asked {
    /// The key permission of an access policy.
    pub(crate) fn permission(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Sign(_) => "sign",
        }
    }

    fn data_action(self) -> &'static str {
        match self {
            Self::Get => "Microsoft.KeyVault/vaults/keys/read",
            Self::Sign(_) => "Microsoft.KeyVault/vaults/keys/sign/action",
        }
    }
}

/// The JSON of a good answer.
pub(crate) fn json(response: &Response) -> Result<Value> {
    let json: Option<Value> = serde_json::from_slice(response.body()).ok();
    json.filter(Value::is_object)
        .ok_or_else(|| foreign(response))
}

/// Every status but 200 and 401.
pub(crate) fn failure(response: &Response, key: &Locator, asked: Asked) -> Error {
    let Some(told) = Told::read(response) else {
        return unexplained(response);
    };
    let (status, host, name) = (response.status(), &key.host, &key.name);
    let unusable = |why: &str, hint: &str| {
        Error::new(
            ErrorKind::Unsupported,
            format!("the key {name} in {host} {why}"),
        )
        .with_hint(hint)
    };
    let error = match (status, told.code()) {
        (404, _) => {
            let version = key.version.as_ref().map(|version| format!(" in version {version}"));
            let version = version.unwrap_or_default();
            Error::new(ErrorKind::NotFound, format!("{host} has no key {name}{version}"))
                .with_hint("check the vault, the name and the version: az keyvault key list-versions; a deleted key may be recovered: az keyvault key list-deleted")
        }
        (403, "KeyDisabled") => unusable("is disabled", "enable it: az keyvault key set-attributes --enabled true"),
        (403, "KeyNotYetValid") => unusable("is not valid yet", "see its activation date (nbf): az keyvault key show"),
        (403, "KeyExpired") => unusable("has expired", "see its expiry (exp): az keyvault key show; make a new version, and register its certificate"),
        (403, "KeyOperationForbidden") => {
            Error::new(ErrorKind::UnsupportedAlgorithm, format!("the key {name} in {host} is not made for signing"))
                .with_hint("its key_ops must have sign: az keyvault key set-attributes --ops sign verify")
        }
        (403, code) => denied(key, asked, code),
        (409, _) => unusable("is being deleted or recovered", "see az keyvault key list-deleted, and try again later"),
        (400, _) => match asked {
            Asked::Sign(algorithm) => Error::new(
                ErrorKind::UnsupportedAlgorithm,
                format!("the key {name} in {host} does not sign with {algorithm}"),
            )
            .with_hint("see its type and curve: az keyvault key show; alg= must name what they allow"),
            Asked::Get => Error::new(ErrorKind::Backend, format!("{host} refuses to be asked for the key {name}")),
        },
        (429, _) => Error::new(ErrorKind::Throttled, format!("{host} asks for slower requests"))
            .with_hint("the limit is the vault's, of all its callers: keep tokens, or spread keys over several vaults"),
        (408 | 500 | 502..=504, _) => {
            Error::new(ErrorKind::Unavailable, format!("{host} cannot answer now (status {status})"))
        }
        _ => Error::new(ErrorKind::Backend, format!("{host} refuses {} (status {status})", asked.permission())),
    };
    let error = error.with_source(told.words());
    let wait = response.retry_after().filter(|_| error.is_transient());
    error.with_retry_after(wait)
}

/// 403 for who calls, or from where.
fn denied(key: &Locator, asked: Asked, code: &str) -> Error {
    let (host, name, permission, action) = (
        &key.host,
        &key.name,
        asked.permission(),
        asked.data_action(),
    );
    if matches!(code, "ForbiddenByFirewall" | "ForbiddenByConnection") {
        return Error::new(
            ErrorKind::PermissionDenied,
            format!("the firewall of {host} lets nobody in from here ({code})"),
        )
        .with_hint(
            "allow this network in the vault's settings, or go through its private endpoint",
        );
    }
    let vault = host.split('.').next().unwrap_or(host);
    let policy =
        format!("az keyvault set-policy --name {vault} --key-permissions get sign --spn CLIENT_ID");
    let role = match key.is_managed_hsm() {
        true => "give the caller the role Managed HSM Crypto User on the key (az keyvault role assignment create)".to_owned(),
        false => format!("give the caller the role Key Vault Crypto User, or another with {action} (az role assignment create)"),
    };
    let hint = match code {
        "ForbiddenByPolicy" => format!(
            "the {permission} key permission is missing in the vault's access policy: {policy}"
        ),
        "ForbiddenByRbac" => role,
        _ if key.is_managed_hsm() => role,
        _ => format!(
            "{role}; or, where the vault has access policies, the {permission} key permission: {policy}"
        ),
    };
    Error::new(
        ErrorKind::PermissionDenied,
        format!("the caller has no {permission} permission on the key {name} in {host}"),
    )
    .with_hint(hint)
}

/// An answer without Key Vault's way of telling errors.
fn unexplained(response: &Response) -> Error {
    let status = response.status();
    if matches!(status, 429 | 502..=504) {
        let kind = if status == 429 {
            ErrorKind::Throttled
        } else {
            ErrorKind::Unavailable
        };
        let error = Error::new(
            kind,
            format!("the vault, or what stands before it, cannot answer now (status {status})"),
        );
        return error.with_retry_after(response.retry_after());
    }
    foreign(response)
}

pub(crate) fn foreign(response: &Response) -> Error {
    let status = response.status();
    Error::new(ErrorKind::Backend, format!("what answered (status {status}) is not Azure Key Vault"))
        .with_hint("check the vault's name and endpoint=: a proxy, a login page or another service may stand there")
}

/// `{"error": {"code", "message", "innererror": {"code"}}}`.
pub(crate) struct Told {
    code: String,
    inner: Option<String>,
    message: String,
}

impl Told {
    pub(crate) fn read(response: &Response) -> Option<Self> {
        let json: Value = serde_json::from_slice(response.body()).ok()?;
        let error = json.get("error")?;
        let text = |value: &Value| value.as_str().map(clean);
        Some(Self {
            code: text(&error["code"])?,
            inner: text(&error["innererror"]["code"]),
            message: text(&error["message"]).unwrap_or_default(),
        })
    }

    fn code(&self) -> &str {
        self.inner.as_deref().unwrap_or(&self.code)
    }

    pub(crate) fn words(&self) -> String {
        format!("{}: {}", self.code(), self.message)
    }
}

fn clean(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    spaced.take(MAX_WORDS).collect()
}
