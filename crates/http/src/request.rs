//! A request to be sent.

use std::fmt;

use keybearer_core::Secret;
use reqwest::{Method, Url};

use crate::{HttpError, HttpErrorKind};

/// A request. Its `Debug` names the method and the host alone.
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'static str, Secret)>,
    pub(crate) body: Option<(&'static str, Secret)>,
}

impl Request {
    /// `GET url`.
    ///
    /// # Errors
    /// [`HttpErrorKind::Config`] where this is no `http` or `https` URL, or one with a user or a password in it.
    pub fn get(url: &str) -> Result<Self, HttpError> {
        Self::new(Method::GET, url)
    }

    /// `POST url` with a form (`application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn post_form<'a>(
        url: &str,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, HttpError> {
        let mut request = Self::new(Method::POST, url)?;
        let mut form = request.url.clone();
        form.set_query(None);
        form.query_pairs_mut().extend_pairs(fields);
        request.body = Some((
            "application/x-www-form-urlencoded",
            Secret::new(form.query().unwrap_or_default()),
        ));
        Ok(request)
    }

    /// `POST url` with a JSON text (RFC 8259).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn post_json(url: &str, json: Secret) -> Result<Self, HttpError> {
        let mut request = Self::new(Method::POST, url)?;
        request.body = Some(("application/json", json));
        Ok(request)
    }

    /// This request with one more header, whose value is never printed.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: Secret) -> Self {
        self.headers.push((name, value));
        self
    }

    fn new(method: Method, url: &str) -> Result<Self, HttpError> {
        let parsed = Url::parse(url).map_err(|error| not_a_url(url, error))?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
            return Err(not_a_url(url, "it is neither http: nor https:"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            let message = "a URL with a user or a password in it is not used";
            return Err(HttpError::new(HttpErrorKind::Config, "", message)
                .with_hint("leave the user and the password out of the URL"));
        }
        Ok(Self {
            method,
            url: parsed,
            headers: Vec::new(),
            body: None,
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {})", self.method, host_of(&self.url))
    }
}

/// The host, with its port where that is not the scheme's own.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn not_a_url(url: &str, why: impl ToString) -> HttpError {
    // What has an @ may have a password before it.
    let shown = if url.contains('@') { "…" } else { url };
    HttpError::new(
        HttpErrorKind::Config,
        "",
        format!("\"{}\" is not the URL of a server", shown.escape_debug()),
    )
    .with_source(why.to_string())
    .with_hint("a URL begins with https:// and a host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded() {
        let fields = [("grant_type", "urn:a:b"), ("x", "a b&c=d/é+")];
        let request = Request::post_form("https://a.example/t?q=1", fields).unwrap();
        let (_, body) = request.body.unwrap();
        assert_eq!(
            body.expose_str(),
            Some("grant_type=urn%3Aa%3Ab&x=a+b%26c%3Dd%2F%C3%A9%2B")
        );
        assert_eq!(request.url.as_str(), "https://a.example/t?q=1");
    }

    #[test]
    fn what_is_no_url_of_a_server_is_refused_without_its_password() {
        for wrong in [
            "login.example",
            "ftp://me:hunter2@a.example",
            "https://me:hunter2@a.example/",
            "https://",
            "file:///etc/passwd",
        ] {
            let error = Request::get(wrong).unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::Config, "{wrong}");
            assert!(error.hint().is_some());
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{wrong}");
        }
    }

    #[test]
    fn debug_names_the_host_alone() {
        let request = Request::get("https://a.example:8443/path?token=hunter2")
            .unwrap()
            .header("authorization", "hunter2".into());
        assert_eq!(format!("{request:?}"), "Request(GET a.example:8443)");
    }
}
