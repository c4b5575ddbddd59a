//! How a command ends: its exit status, and what is said when it fails.

use std::{error::Error as StdError, io, process::ExitCode};

use keybearer_core::{Error, ErrorKind};
use serde::Serialize;

/// What a command that did not fail with a [`Failure`] ends with.
pub(crate) type Outcome = Result<Status, Failure>;

/// The exit status of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u8);

/// Why a command failed, ready to be told to people and to machines. Never holds a secret.
#[derive(Debug)]
pub(crate) struct Failure(Box<Details>);

#[derive(Debug, Serialize)]
struct Details {
    kind: &'static str,
    message: String,
    key: Option<String>,
    hint: Option<String>,
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth: Option<OauthRefusal>,
    #[serde(skip)]
    status: Status,
    #[serde(skip)]
    silent: bool,
}

/// What an authorization server said (RFC 6749 section 5.2).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OauthRefusal {
    /// The code; `None` where a 4xx came without one.
    pub(crate) error: Option<String>,
    /// The server's own words.
    pub(crate) error_description: Option<String>,
    /// The HTTP status.
    pub(crate) status: u16,
}

impl Status {
    /// Done.
    pub(crate) const DONE: Self = Self(0);
    /// The key, store, certificate or signature could not be used.
    pub(crate) const FAILED: Self = Self(1);
    /// Usage or configuration.
    pub(crate) const USAGE: Self = Self(2);
    /// The authorization server refused.
    pub(crate) const REFUSED: Self = Self(3);
    /// Another try is worth it.
    pub(crate) const TRANSIENT: Self = Self(4);
    /// Interrupted: 128 and the number of SIGINT.
    pub(crate) const INTERRUPTED: Self = Self(130);
    /// Terminated: 128 and the number of SIGTERM.
    pub(crate) const TERMINATED: Self = Self(143);
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.0)
    }
}

impl Failure {
    /// A failure of this kind (its `snake_case` name), message (one sentence without a full stop) and exit status.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>, status: Status) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            key: None,
            hint: None,
            causes: Vec::new(),
            oauth: None,
            status,
            silent: false,
        }))
    }

    /// The command line asks for what cannot be asked for.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new("usage", message, Status::USAGE)
    }

    /// `keybearer.toml` or an environment variable is at fault.
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new("config", message, Status::USAGE)
    }

    /// Ends with this status and says nothing: what had to be said was said.
    pub(crate) fn silent(status: Status) -> Self {
        let mut failure = Self::new("", "", status);
        failure.0.silent = true;
        failure
    }

    #[must_use]
    pub(crate) fn with_key(mut self, key: impl ToString) -> Self {
        self.0.key.get_or_insert_with(|| key.to_string());
        self
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds what caused this, outermost first, with all that caused it in turn.
    #[must_use]
    pub(crate) fn with_cause(mut self, cause: &dyn StdError) -> Self {
        self.0.causes.push(cause.to_string());
        self.with_sources_of(cause)
    }

    /// Adds the sources of `error`, whose own words are the message.
    #[must_use]
    pub(crate) fn with_sources_of(mut self, error: &dyn StdError) -> Self {
        let mut next = error.source();
        while let Some(cause) = next {
            self.0.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    #[must_use]
    pub(crate) fn with_oauth(mut self, refusal: OauthRefusal) -> Self {
        self.0.oauth = Some(refusal);
        self
    }

    /// Both at once, under the kind and status of this one: people want to hear of all that is missing.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let join = |a: &str, b: &str| format!("{a}; {b}");
        let mut both = Self::new(
            self.0.kind,
            join(self.message(), other.message()),
            self.status(),
        );
        both.0.key.clone_from(&self.0.key);
        both.0.causes = [self.causes(), other.causes()].concat();
        both.0.hint = match (self.hint(), other.hint()) {
            (Some(a), Some(b)) => Some(join(a, b)),
            (one, other) => one.or(other).map(str::to_owned),
        };
        both
    }

    pub(crate) fn status(&self) -> Status {
        self.0.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    pub(crate) fn causes(&self) -> &[String] {
        &self.0.causes
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.0.silent
    }

    /// The object that stands under `error` for machines.
    pub(crate) fn details(&self) -> &impl Serialize {
        &*self.0
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = status_of(error.kind());
        let mut failure = Self::new(error.kind().as_str(), error.to_string(), status);
        failure.0.key = error.key().map(Into::into);
        failure.0.hint = error.hint().map(Into::into);
        failure.with_sources_of(&error)
    }
}

/// A failure to write to stdout: a reader that has gone is none of ours.
pub(crate) fn of_stdout(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::silent(Status::DONE);
    }
    Failure::new(
        ErrorKind::Backend.as_str(),
        "the standard output cannot be written",
        Status::FAILED,
    )
    .with_cause(error)
}

/// The exit status of a failure to use a key.
pub(crate) fn status_of(kind: ErrorKind) -> Status {
    match kind {
        ErrorKind::InvalidUri | ErrorKind::UnknownScheme | ErrorKind::NotCompiled => Status::USAGE,
        kind if kind.is_transient() => Status::TRANSIENT,
        _ => Status::FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_status() {
        for (kind, status) in [
            (ErrorKind::BadSecret, 1),
            (ErrorKind::Malformed, 1),
            (ErrorKind::InvalidUri, 2),
            (ErrorKind::UnknownScheme, 2),
            (ErrorKind::NotCompiled, 2),
            (ErrorKind::Throttled, 4),
            (ErrorKind::Unavailable, 4),
        ] {
            assert_eq!(
                Failure::from(Error::new(kind, "x")).status(),
                Status(status)
            );
        }
    }

    #[test]
    fn machines_get_the_whole_story() {
        let inner = Error::new(ErrorKind::Backend, "inner").with_source("innermost");
        let error = Error::new(ErrorKind::NotFound, "there is no entry \"a\"")
            .with_key("jks:/a.jks")
            .with_source(inner);
        let json = serde_json::to_value(Failure::from(error).details()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "kind": "not_found", "message": "there is no entry \"a\"", "key": "jks:/a.jks",
                "hint": null, "causes": ["inner", "innermost"],
            })
        );
    }
}
