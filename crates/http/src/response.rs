//! An answer.

use std::time::{Duration, SystemTime};

use reqwest::header::{
    CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};

use crate::{HttpError, diagnosis::Attempt, request::host_of};

/// An answer that has arrived whole. Its `Debug` gives the status and the length alone.
pub struct Response {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Response {
    pub(crate) async fn read(
        mut answer: reqwest::Response,
        attempt: &Attempt<'_>,
        limit: usize,
    ) -> Result<Self, HttpError> {
        let status = answer.status().as_u16();
        let headers = std::mem::take(answer.headers_mut());
        // A length is only a promise: it saves reading what is too large, and is not relied on.
        if answer
            .content_length()
            .is_some_and(|length| length > limit as u64)
        {
            return Err(attempt.too_large(limit));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| attempt.diagnose(&error))?
        {
            if body.len() + chunk.len() > limit {
                return Err(attempt.too_large(limit));
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

    /// How long `Retry-After` asks to wait (RFC 9110 section 10.2.3): seconds as they are, a date from the answer's own
    /// `Date`, or from this machine's time where there is none. A date that is past asks for no wait.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.text(&RETRY_AFTER)?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = httpdate::parse_http_date(text).ok()?;
        let sent = self
            .date()
            .and_then(|date| httpdate::parse_http_date(date).ok());
        let from = sent.unwrap_or_else(SystemTime::now);
        Some(until.duration_since(from).unwrap_or_default())
    }

    /// The value of `Date`, as sent.
    pub fn date(&self) -> Option<&str> {
        self.text(&DATE)
    }

    /// The first value of a header by its name in lower case; `None` where it is not there or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The host that a redirect points to; `None` where there is none, or where it stays on the same host.
    pub fn location_host(&self) -> Option<String> {
        let url = reqwest::Url::parse(self.text(&LOCATION)?).ok()?;
        url.has_host().then(|| host_of(&url))
    }

    /// The values of `WWW-Authenticate` (RFC 9110 section 11.6.1), as sent.
    pub fn challenges(&self) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(WWW_AUTHENTICATE).iter();
        values.filter_map(|value| value.to_str().ok())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(fields: &[(HeaderName, &str)], body: &str) -> Response {
        let headers = fields
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()));
        Response {
            status: 200,
            headers: headers.collect(),
            body: body.into(),
        }
    }

    #[test]
    fn retry_after_is_seconds_or_any_of_the_three_dates() {
        let at = |value, date: Option<&str>| {
            let mut fields = vec![(RETRY_AFTER, value)];
            fields.extend(date.map(|date| (DATE, date)));
            answer(&fields, "").retry_after()
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(at("120", None), seconds(120));
        let date = Some("Sun, 06 Nov 1994 08:49:07 GMT");
        assert_eq!(at("Sun, 06 Nov 1994 08:49:37 GMT", date), seconds(30));
        assert_eq!(at("Sunday, 06-Nov-94 08:49:37 GMT", date), seconds(30));
        assert_eq!(at("Sun Nov  6 08:49:37 1994", date), seconds(30));
        assert_eq!(at("Sun, 06 Nov 1994 08:49:00 GMT", date), seconds(0));
        assert_eq!(at("Sun, 06 Nov 1994 08:49:00 GMT", None), seconds(0));
        for not in ["-1", "1.5", "soon", ""] {
            assert_eq!(at(not, date), None, "{not}");
        }
        let soon = SystemTime::now() + Duration::from_secs(90);
        let wait = at(&httpdate::fmt_http_date(soon), None).unwrap();
        assert!((85..=90).contains(&wait.as_secs()), "{wait:?}");
    }

    #[test]
    fn pages_are_told_by_their_type_or_their_first_bytes() {
        assert!(answer(&[(CONTENT_TYPE, "Text/HTML; charset=UTF-8")], "x").is_html());
        assert!(answer(&[], " \r\n<!DOCTYPE HTML><p>").is_html());
        assert!(answer(&[(CONTENT_TYPE, "application/json")], "<html lang=en>").is_html());
        assert!(!answer(&[(CONTENT_TYPE, "application/json")], "{\"a\":\"<html>\"}").is_html());
        assert!(!answer(&[], "").is_html());
    }

    #[test]
    fn a_redirects_host_is_told_and_nothing_more() {
        let to = |place| answer(&[(LOCATION, place)], "").location_host();
        assert_eq!(
            to("https://me:pw@b.example:8443/x?secret=1").as_deref(),
            Some("b.example:8443")
        );
        assert_eq!(to("/elsewhere"), None);
    }

    #[test]
    fn a_header_is_read_by_its_name() {
        let answer = answer(&[(DATE, "now")], "");
        assert_eq!(answer.header("date"), Some("now"));
        assert_eq!(answer.header("metadata-flavor"), None);
    }
}
