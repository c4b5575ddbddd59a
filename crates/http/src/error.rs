//! Why no answer came.

use std::{error::Error as StdError, fmt};

use keybearer_core::{Error, ErrorKind};

/// Why no answer came, or none that could be read whole.
#[derive(Clone, Debug)]
pub struct HttpError {
    kind: HttpErrorKind,
    host: String,
    message: String,
    hint: Option<String>,
    source: Option<Text>,
}

/// What kept an answer from arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// What the caller said cannot be: a URL, a proxy, a file of certificates.
    Config,
    /// The name of the host, or of the proxy, has no address.
    Resolve,
    /// No connection could be made.
    Connect,
    /// The proxy makes no connection to the host, or wants a password.
    Proxy,
    /// The server's certificate is not trusted, or TLS could not be agreed on.
    Tls,
    /// The time was up.
    Timeout,
    /// The answer is larger than allowed.
    TooLarge,
    /// The connection broke, or what came was not HTTP.
    Broken,
}

impl HttpError {
    pub(crate) fn new(kind: HttpErrorKind, host: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            host: host.into(),
            message: message.into(),
            hint: None,
            source: None,
        }
    }

    pub(crate) fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_source(mut self, source: String) -> Self {
        self.source = Some(Text(source));
        self
    }

    pub(crate) fn at(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    /// What kept the answer from arriving.
    pub fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    /// The host that was asked, with its port where one was named; empty where no host was.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the same request may succeed in a moment, with nothing changed. What a person must change first (a
    /// certificate, a proxy's rule, a URL) is not.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            HttpErrorKind::Resolve
            | HttpErrorKind::Connect
            | HttpErrorKind::Timeout
            | HttpErrorKind::Broken => true,
            HttpErrorKind::Config
            | HttpErrorKind::Proxy
            | HttpErrorKind::Tls
            | HttpErrorKind::TooLarge => false,
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What a key source says where its service did not answer.
impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        let kind = match error.is_transient() {
            true => ErrorKind::Unavailable,
            false => ErrorKind::Backend,
        };
        let made = Self::new(kind, error.message);
        let made = match error.hint {
            Some(hint) => made.with_hint(hint),
            None => made,
        };
        match error.source {
            Some(Text(source)) => made.with_source(source),
            None => made,
        }
    }
}

impl StdError for HttpError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// Another library's error as text: its own `Debug` may hold a URL with a password.
#[derive(Clone, Debug)]
struct Text(String);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Text {}
