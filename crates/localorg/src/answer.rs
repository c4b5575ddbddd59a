//! Answers, each with what the log is to say of it.

use axum::{
    Json,
    body::Body,
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{log::Draft, refusal::Refusal};

/// The answer carries the draft to whoever writes the log.
pub(crate) fn with(draft: Draft, answer: impl IntoResponse) -> Response {
    let mut answer = answer.into_response();
    answer.extensions_mut().insert(draft);
    answer
}

/// JSON as Salesforce's OAuth endpoints send it.
pub(crate) fn oauth(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json;charset=UTF-8"),
        (CACHE_CONTROL, "no-cache, no-store"),
    ];
    (status, headers, Body::from(body.to_string())).into_response()
}

/// A refusal (RFC 6749 section 5.2): 400 always, as Salesforce does.
pub(crate) fn refused(mut draft: Draft, refusal: &Refusal) -> Response {
    note(&mut draft, refusal);
    let body = json!({ "error": refusal.error, "error_description": refusal.description });
    with(draft, oauth(StatusCode::BAD_REQUEST, &body))
}

/// A refusal in the form that `/services/oauth2/revoke` has: URL-encoded, unless JSON is asked for.
pub(crate) fn refused_as_form(
    mut draft: Draft,
    refusal: &Refusal,
    headers: &HeaderMap,
) -> Response {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("application/json")) {
        return refused(draft, refusal);
    }
    note(&mut draft, refusal);
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("error", refusal.error);
    form.append_pair("error_description", refusal.description);
    // Salesforce writes a space as %20.
    let body = form.finish().replace('+', "%20");
    let kind = [(CONTENT_TYPE, "application/x-www-form-urlencoded")];
    with(draft, (StatusCode::BAD_REQUEST, kind, body))
}

/// An error of the REST API: a list of one.
pub(crate) fn api_error(
    mut draft: Draft,
    status: StatusCode,
    code: &'static str,
    message: &str,
) -> Response {
    draft.outcome = Some("refused");
    draft.reason = Some(format!("{code}: {}", message.trim().replace('\n', " ")));
    let body = Json(json!([{ "message": message, "errorCode": code }]));
    with(draft, (status, body))
}

/// A refusal in one word of plain text, as the identity service gives.
pub(crate) fn word(mut draft: Draft, status: StatusCode, word: &'static str) -> Response {
    draft.outcome = Some("refused");
    draft.reason = Some(word.into());
    let kind = [(CONTENT_TYPE, "text/plain;charset=UTF-8")];
    with(draft, (status, kind, word))
}

fn note(draft: &mut Draft, refusal: &Refusal) {
    draft.outcome = Some("refused");
    draft.reason = Some(refusal.reason());
}
