//! One error for every key source: what failed, on which key, and what to do next.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a key could not be opened or used.
///
/// One pointer wide and cheap to clone, so that all who wait for one login can receive the same failure. `Display` is
/// the message alone: causes are reached by [`source`](StdError::source), and the cure by [`hint`](Error::hint), so that
/// whoever prints the chain says nothing twice. None of them ever holds a secret.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    key: Option<String>,
    hint: Option<String>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What a caller can act on. Only [`Throttled`](ErrorKind::Throttled) and [`Unavailable`](ErrorKind::Unavailable) are
/// worth another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Several keys match: name one. The hint lists them.
    Ambiguous,
    /// The key source failed in a way of its own; the message and the causes have its words.
    Backend,
    /// A password, PIN or token is wrong, or could not be read from where it was said to be.
    BadSecret,
    /// The key URI is not one: its syntax, an attribute or a value.
    InvalidUri,
    /// Another key was found than the one that was asked for.
    KeyMismatch,
    /// The file, key or certificate is damaged or not of the format it is said to be.
    Malformed,
    /// The scheme is known but this build leaves it out; the hint names the feature that brings it.
    NotCompiled,
    /// There is no such key, alias, file, token or module.
    NotFound,
    /// The caller is known and may not do this.
    PermissionDenied,
    /// The service asks for slower requests. Transient.
    Throttled,
    /// The service does not know the caller.
    Unauthenticated,
    /// The service cannot be reached or cannot answer now. Transient.
    Unavailable,
    /// No provider has this scheme.
    UnknownScheme,
    /// What was asked for is understood and not offered.
    Unsupported,
    /// The key does not do this algorithm.
    UnsupportedAlgorithm,
}

impl Error {
    /// An error of `kind` that says `message`: one sentence without a full stop, without secrets.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            key: None,
            hint: None,
            retry_after: None,
            source: None,
        }))
    }

    /// Names the key (or the key URI, free of secrets) that this is about; the first name given stays.
    #[must_use]
    pub fn with_key(mut self, key: impl fmt::Display) -> Self {
        let inner = self.inner_mut();
        if inner.key.is_none() {
            inner.key = Some(key.to_string());
        }
        self
    }

    /// Says what to do next; the last hint given stays.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.inner_mut().hint = Some(hint.into());
        self
    }

    /// How long the service asked us to wait, where it did.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: impl Into<Option<Duration>>) -> Self {
        if let Some(retry_after) = retry_after.into() {
            self.inner_mut().retry_after = Some(retry_after);
        }
        self
    }

    /// What caused this. A vendor's error belongs in here as text: its `Debug` may hold a request's body or headers.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner_mut().source = Some(Arc::from(source.into()));
        self
    }

    /// The kind that fits what the system says of a file: not found, permission denied, malformed (too large, a
    /// directory), or else [`ErrorKind::Backend`].
    pub fn kind_of_io(error: &std::io::Error) -> ErrorKind {
        use std::io::ErrorKind as Io;
        match error.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::PermissionDenied => ErrorKind::PermissionDenied,
            Io::FileTooLarge | Io::IsADirectory | Io::NotADirectory => ErrorKind::Malformed,
            _ => ErrorKind::Backend,
        }
    }

    /// What a caller can act on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The key this is about, as a key URI without secrets.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// How long the service asked us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may succeed later, unchanged.
    pub fn is_transient(&self) -> bool {
        self.0.kind.is_transient()
    }

    fn inner_mut(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }
}

impl ErrorKind {
    /// The name in `snake_case`, as machines read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::Backend => "backend",
            Self::BadSecret => "bad_secret",
            Self::InvalidUri => "invalid_uri",
            Self::KeyMismatch => "key_mismatch",
            Self::Malformed => "malformed",
            Self::NotCompiled => "not_compiled",
            Self::NotFound => "not_found",
            Self::PermissionDenied => "permission_denied",
            Self::Throttled => "throttled",
            Self::Unauthenticated => "unauthenticated",
            Self::Unavailable => "unavailable",
            Self::UnknownScheme => "unknown_scheme",
            Self::Unsupported => "unsupported",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
        }
    }

    /// Whether another try, unchanged, may succeed.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("key", &self.0.key)
            .field("hint", &self.0.hint)
            .field("retry_after", &self.0.retry_after)
            .field("source", &self.0.source.as_ref().map(ToString::to_string))
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_pointer_wide_and_shareable() {
        fn shareable<T: Clone + Send + Sync + 'static>() {}
        shareable::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn display_does_not_repeat_the_source() {
        let error = Error::new(ErrorKind::BadSecret, "the store password is wrong")
            .with_key("jks:/a.jks")
            .with_key("later")
            .with_hint("check it")
            .with_source("digest differs");
        assert_eq!(error.to_string(), "the store password is wrong");
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("digest differs")
        );
        assert_eq!(
            (error.key(), error.hint()),
            (Some("jks:/a.jks"), Some("check it"))
        );
        assert!(!error.is_transient());
    }

    #[test]
    fn a_clone_changed_leaves_the_first_alone() {
        let first = Error::new(ErrorKind::Throttled, "slow down");
        let second = first.clone().with_retry_after(Duration::from_secs(3));
        assert_eq!(first.retry_after(), None);
        assert_eq!(second.retry_after(), Some(Duration::from_secs(3)));
    }
}
