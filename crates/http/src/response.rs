//! An answer.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};

use crate::{HttpError, HttpErrorKind};

/// An answer that has arrived whole. Its `Debug` gives the status and the length alone.
pub struct Response {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Response {
    pub(crate) async fn read(
        mut answer: reqwest::Response,
        host: &str,
        limit: usize,
    ) -> Result<Self, HttpError> {
        let status = answer.status().as_u16();
        let headers = std::mem::take(answer.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| HttpError::from_reqwest(host, &error))?
        {
            if body.len() + chunk.len() > limit {
                let message = format!("the answer of {host} has more than {limit} bytes");
                return Err(HttpError::new(HttpErrorKind::TooLarge, host, message));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self {
            status,
            headers,
            body,
        })
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The media type, in lower case, without its parameters.
    pub fn media_type(&self) -> Option<String> {
        let value = self.text(&CONTENT_TYPE)?;
        Some(
            value
                .split(';')
                .next()
                .unwrap_or(value)
                .trim()
                .to_ascii_lowercase(),
        )
    }

    /// Whether the body is a page for people: what proxies, portals and maintenance answer with.
    pub fn is_html(&self) -> bool {
        let start = self.body.trim_ascii_start();
        let begins = |tag: &str| {
            start
                .get(..tag.len())
                .is_some_and(|bytes| bytes.eq_ignore_ascii_case(tag.as_bytes()))
        };
        self.media_type().is_some_and(|media| media == "text/html")
            || begins("<!doctype html")
            || begins("<html")
    }

    /// The value of `Retry-After` in seconds (RFC 9110 section 10.2.3); the form with a date is not read.
    pub fn retry_after(&self) -> Option<Duration> {
        self.text(&RETRY_AFTER)?
            .trim()
            .parse()
            .ok()
            .map(Duration::from_secs)
    }

    /// The value of `Date`, as sent.
    pub fn date(&self) -> Option<&str> {
        self.text(&DATE)
    }

    /// Where a redirect points, as sent.
    pub fn location(&self) -> Option<&str> {
        self.text(&LOCATION)
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}
