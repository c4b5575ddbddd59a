//! Why there is no token.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use keybearer_core::Error;
use keybearer_http::{HttpError, HttpErrorKind};

/// Why there is no token. Cheap to clone: all who wait for one login receive the same failure.
#[derive(Clone, Debug)]
pub struct ExchangeError(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ExchangeErrorKind,
    message: String,
    hint: Option<String>,
    retry_after: Option<Duration>,
    is_final: bool,
    oauth: Option<OAuthError>,
    source: Option<Source>,
}

#[derive(Clone, Debug)]
enum Source {
    Key(Error),
    Http(HttpError),
}

/// What a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeErrorKind {
    /// The key could not sign: see [`ExchangeError::key_error`].
    Key,
    /// What the caller said cannot be.
    Config,
    /// The authorization server refused: see [`ExchangeError::oauth`].
    OAuth,
    /// No answer that can be read came. Transient, but for what a person must change first: a certificate that is not
    /// trusted, a redirect, an answer that is no token.
    Network,
    /// The server asks for slower requests. Transient.
    Throttled,
    /// The user has logged in too often: another try is worth it within the hour, and none is made by itself.
    LoginRate,
    /// The server's answer points to an API host that is not trusted.
    RefusedInstance,
}

/// The words of a refusal (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthError {
    /// `error`; `None` for an answer of 4xx without one.
    pub error: Option<String>,
    /// `error_description`.
    pub error_description: Option<String>,
    /// The HTTP status.
    pub status: u16,
}

/// Refusals that another try may lift: those of RFC 6749 section 4.1.2.1 and those of Salesforce's server that say so.
const TRANSIENT: [&str; 6] = [
    "unknown_error",
    "server_error",
    "service_unavailable",
    "temporarily_unavailable",
    "system_down",
    "slow_down",
];

impl OAuthError {
    /// `error: error_description`, as far as they were sent.
    pub(crate) fn said(&self) -> Option<String> {
        let said = match (self.error.as_ref()?, &self.error_description) {
            (error, Some(description)) => format!("{error}: {description}"),
            (error, None) => error.clone(),
        };
        // What a server says is text from outside: it must not drive the terminal.
        Some(said.replace(char::is_control, " "))
    }
}

impl ExchangeError {
    /// An error of `kind` that says `message`, without secrets.
    pub fn new(kind: ExchangeErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            retry_after: None,
            is_final: false,
            oauth: None,
            source: None,
        }))
    }

    /// A refusal in the server's words.
    pub fn from_oauth(oauth: OAuthError, host: &str) -> Self {
        let said = oauth
            .said()
            .unwrap_or_else(|| format!("status {}", oauth.status));
        let error = Self::new(
            ExchangeErrorKind::OAuth,
            format!("{host} refused the assertion ({said})"),
        );
        error.change(|inner| inner.oauth = Some(oauth))
    }

    /// Says what to do next; the last hint given stays.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        self.change(|inner| inner.hint = Some(hint.into()))
    }

    /// How long the server asked us to wait.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        self.change(|inner| inner.retry_after = retry_after)
    }

    /// This error under another kind: for what one server's words mean.
    #[must_use]
    pub fn with_kind(self, kind: ExchangeErrorKind) -> Self {
        self.change(|inner| inner.kind = kind)
    }

    /// Says that the same request would fail again: it is not [transient](Self::is_transient).
    #[must_use]
    pub fn without_retry(self) -> Self {
        self.change(|inner| inner.is_final = true)
    }

    /// Names the host that it is about.
    pub(crate) fn at(self, host: &str) -> Self {
        self.change(|inner| inner.message = format!("{host}: {}", inner.message))
    }

    /// What a caller can act on.
    pub fn kind(&self) -> ExchangeErrorKind {
        self.0.kind
    }

    /// The server's words, where it refused.
    pub fn oauth(&self) -> Option<&OAuthError> {
        self.0.oauth.as_ref()
    }

    /// The key's error, where the key could not sign.
    pub fn key_error(&self) -> Option<&Error> {
        match &self.0.source {
            Some(Source::Key(error)) => Some(error),
            _ => None,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// How long the server asked us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether another try, with a new assertion, is worth it.
    pub fn is_transient(&self) -> bool {
        if self.0.is_final {
            return false;
        }
        match self.0.kind {
            ExchangeErrorKind::Network | ExchangeErrorKind::Throttled => true,
            ExchangeErrorKind::Key => self.key_error().is_some_and(Error::is_transient),
            ExchangeErrorKind::OAuth => self
                .oauth()
                .and_then(|oauth| oauth.error.as_deref())
                .is_some_and(|error| TRANSIENT.contains(&error)),
            ExchangeErrorKind::Config
            | ExchangeErrorKind::LoginRate
            | ExchangeErrorKind::RefusedInstance => false,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl From<Error> for ExchangeError {
    fn from(error: Error) -> Self {
        let (hint, retry_after) = (error.hint().map(str::to_owned), error.retry_after());
        Self::new(ExchangeErrorKind::Key, "the assertion could not be signed").change(|inner| {
            (inner.hint, inner.retry_after, inner.source) =
                (hint, retry_after, Some(Source::Key(error)));
        })
    }
}

impl From<HttpError> for ExchangeError {
    fn from(error: HttpError) -> Self {
        let config = error.kind() == HttpErrorKind::Config;
        let kind = if config {
            ExchangeErrorKind::Config
        } else {
            ExchangeErrorKind::Network
        };
        Self::new(kind, "the token endpoint could not be asked").change(|inner| {
            inner.is_final = !error.is_transient();
            inner.hint = error.hint().map(str::to_owned);
            inner.source = Some(Source::Http(error));
        })
    }
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for ExchangeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.0.source.as_ref()? {
            Source::Key(error) => Some(error),
            Source::Http(error) => Some(error),
        }
    }
}
