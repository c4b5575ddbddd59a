//! The parameters of a request, as a servlet container sees them.

use axum::{
    body::to_bytes,
    extract::Request,
    http::{
        HeaderMap,
        header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
    },
};
use url::form_urlencoded;

use crate::log::Draft;

/// The parameters of the URL, then those of a form-encoded body. What else stands in a body is not looked at.
#[derive(Default)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
    /// How many of them stand in the URL.
    in_url: usize,
}

/// A longer body is no request to any of these endpoints, and is read no further.
const LONGEST_BODY: usize = 256 * 1024;

impl Form {
    /// Reads the whole request. A body that cannot be read, or is too long, has no parameters.
    pub(crate) async fn read(request: Request, draft: &mut Draft) -> Self {
        let (parts, body) = request.into_parts();
        let mut form = Self::default();
        form.add(parts.uri.query().unwrap_or_default().as_bytes());
        form.in_url = form.fields.len();
        let is_chunked = parts.headers.contains_key(TRANSFER_ENCODING)
            && !parts.headers.contains_key(CONTENT_LENGTH);
        if is_chunked {
            draft.odd("the body is chunked, without a Content-Length");
        }
        match to_bytes(body, LONGEST_BODY).await {
            Ok(body) if is_form(&parts.headers) => form.add(&body),
            Ok(body) if body.is_empty() => {}
            Ok(_) => draft.odd("the body is not application/x-www-form-urlencoded: not read"),
            Err(_) => draft.odd("the body cannot be read, or is over 256 KiB"),
        }
        form
    }

    /// The first parameter of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let named = |(known, _): &&(String, String)| known == name;
        self.fields
            .iter()
            .find(named)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_in_url(&self, name: &str) -> bool {
        let mut in_url = self.fields.iter().take(self.in_url);
        in_url.any(|(known, _)| known == name)
    }

    pub(crate) fn is_repeated(&self, name: &str) -> bool {
        self.fields
            .iter()
            .filter(|(known, _)| known == name)
            .count()
            > 1
    }

    fn add(&mut self, encoded: &[u8]) {
        self.fields
            .extend(form_urlencoded::parse(encoded).into_owned());
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next();
    essence
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
