//! Why no answer came.

use std::{error::Error as StdError, fmt};

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
    /// The host's name has no address.
    Resolve,
    /// No connection could be made.
    Connect,
    /// The server's certificate is not trusted, or TLS failed in another way.
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

    /// Sorts what reqwest says. Only its innermost words are kept: the outer ones repeat the URL.
    pub(crate) fn from_reqwest(host: &str, error: &reqwest::Error) -> Self {
        let chain: Vec<String> = std::iter::successors(error.source(), |cause| (*cause).source())
            .map(ToString::to_string)
            .collect();
        let says = |words: &str| chain.iter().any(|text| text.contains(words));
        let (kind, message, hint) = if error.is_timeout() {
            (
                HttpErrorKind::Timeout,
                format!("{host} did not answer in time"),
                "check the host and the proxy, or allow more time",
            )
        } else if says("dns error") {
            (
                HttpErrorKind::Resolve,
                format!("{host} has no address"),
                "check the host's name; a new My Domain takes minutes to appear",
            )
        } else if says("certificate") || says("tls") || says("TLS") || says("HandshakeFailure") {
            let hint = "name the CA that issued the server's certificate, if that is your own or your proxy's";
            (
                HttpErrorKind::Tls,
                format!("no TLS connection to {host} could be made"),
                hint,
            )
        } else if error.is_connect() {
            (
                HttpErrorKind::Connect,
                format!("no connection to {host} could be made"),
                "check the host, its port and the proxy",
            )
        } else {
            (
                HttpErrorKind::Broken,
                format!("the answer of {host} broke off or is not HTTP"),
                "try again; if it stays, look at what stands between",
            )
        };
        let error = Self::new(kind, host, message).with_hint(hint);
        match chain.last() {
            Some(cause) => error.with_source(cause.clone()),
            None => error,
        }
    }

    /// What kept the answer from arriving.
    pub fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    /// The host that was asked, with its port where one was named.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the same request may succeed later, unchanged.
    pub fn is_transient(&self) -> bool {
        self.kind != HttpErrorKind::Config
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
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
