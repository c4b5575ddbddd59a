//! The OAuth endpoints: token, revoke, introspect and the org's keys.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Json,
    extract::{Request, State as Shared},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    access_token::SCOPE,
    answer,
    client::Credentials,
    form::Form,
    grant,
    log::{Draft, clipped},
    refusal::Refusal,
    state::State,
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// What clients send beside the assertion, and Salesforce does not need.
const NOT_NEEDED: &[&str] = &["client_id", "format", "client_assertion", "scope"];

/// `/services/oauth2/token`.
pub(crate) async fn token(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let mut draft = Draft::default();
    if request.method() != Method::POST {
        let refusal = Refusal::new(
            "invalid_request",
            "must use HTTP POST",
            "the method is not POST",
        );
        return answer::refused(draft, &refusal);
    }
    let headers = request.headers().clone();
    let form = Form::read(request, &mut draft).await;
    note_parameters(&form, &mut draft);
    let granted = match Credentials::read(&headers, &form) {
        Ok(credentials) => grant(&state, &form, credentials, &mut draft).await,
        Err(refusal) => Err(refusal),
    };
    match granted {
        Ok(body) => {
            draft.outcome = Some("granted");
            answer::with(draft, answer::oauth(StatusCode::OK, &body))
        }
        Err(refusal) => answer::refused(draft, &refusal),
    }
}

async fn grant(
    state: &State,
    form: &Form,
    credentials: Option<Credentials>,
    draft: &mut Draft,
) -> Result<Value, Refusal> {
    match form.get("grant_type") {
        Some(GRANT) => {}
        other => {
            let is_name = |text: &&str| {
                text.len() <= 64
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte))
            };
            let why = match other {
                None => "grant_type is not among the form's parameters".into(),
                // What was put here by mistake may be a secret.
                Some(other) => format!(
                    "grant_type is {}; here it is {GRANT}",
                    Some(other).filter(is_name).unwrap_or("something else")
                ),
            };
            return Err(Refusal::new(
                "unsupported_grant_type",
                "grant type not supported",
                why,
            ));
        }
    }
    if let Some(credentials) = credentials.filter(Credentials::has_secret) {
        draft.set_client(&credentials.client_id);
        credentials.app(state)?;
    }
    let assertion = form.get("assertion").unwrap_or_default();
    let granted = grant::verify(assertion, state, draft)?;
    check_scope(form)?;
    let token = state.open_session(granted).await?;
    Ok(json!({
        "access_token": token,
        "scope": SCOPE,
        "instance_url": state.url,
        "id": state.identity(granted.user),
        "token_type": "Bearer",
    }))
}

/// The scopes are the app's: a request may name some of them.
fn check_scope(form: &Form) -> Result<(), Refusal> {
    let mut asked = form.get("scope").unwrap_or_default().split_whitespace();
    match asked.find(|scope| !SCOPE.split(' ').any(|known| known == *scope)) {
        None => Ok(()),
        Some(other) => Err(Refusal::new(
            "invalid_scope",
            "the requested scope is invalid, unknown, or malformed",
            format!("scope \"{}\" is not the app's: {SCOPE}", clipped(other)),
        )),
    }
}

fn note_parameters(form: &Form, draft: &mut Draft) {
    for name in ["grant_type", "assertion"] {
        if form.is_in_url(name) {
            draft.odd(format!("{name} stands in the URL, where logs keep it"));
        }
        if form.is_repeated(name) {
            draft.odd(format!("{name} is there twice: the first counts"));
        }
    }
    let beside: Vec<_> = NOT_NEEDED
        .iter()
        .filter(|name| form.get(name).is_some())
        .copied()
        .collect();
    if !beside.is_empty() {
        draft.odd(format!(
            "not needed beside the assertion: {}",
            beside.join(", ")
        ));
    }
}

/// `/services/oauth2/revoke`: the token is all that is needed, in a form or in the URL.
pub(crate) async fn revoke(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let mut draft = Draft::default();
    let headers = request.headers().clone();
    let form = Form::read(request, &mut draft).await;
    let refusal = match form.get("token") {
        None => Refusal::new(
            "unsupported_token_type",
            "this token type is not supported",
            "there is no token",
        ),
        Some(token) => match state.revoke(token) {
            Some(session) => {
                state.name(session, &mut draft);
                return answer::with(draft, StatusCode::OK);
            }
            None => Refusal::new(
                "invalid_token",
                "invalid token",
                "no session has this token",
            ),
        },
    };
    answer::refused_as_form(draft, &refusal, &headers)
}

/// `/services/oauth2/introspect` (RFC 7662): for an app that has a secret, and its own tokens.
pub(crate) async fn introspect(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let mut draft = Draft::default();
    let headers = request.headers().clone();
    let form = Form::read(request, &mut draft).await;
    let app = Credentials::read(&headers, &form).and_then(|credentials| {
        let credentials = credentials.ok_or_else(|| {
            let why = "introspection takes the app's consumer key and secret";
            Refusal::new("invalid_client", "invalid client credentials", why)
        })?;
        draft.set_client(&credentials.client_id);
        credentials.app(&state)
    });
    let app = match app {
        Ok(app) => app,
        Err(refusal) => return answer::refused(draft, &refusal),
    };
    let session = form.get("token").and_then(|token| state.peek(token));
    let body = match session.filter(|session| session.app == app) {
        None => json!({ "active": false }),
        Some(session) => {
            state.name(session, &mut draft);
            json!({
                "active": true,
                "scope": SCOPE,
                "client_id": draft.client,
                "username": draft.user,
                "sub": state.identity(session.user),
                "token_type": "access_token",
                "exp": unix(session.ends),
                "iat": unix(session.began),
                "nbf": unix(session.began),
            })
        }
    };
    answer::with(draft, answer::oauth(StatusCode::OK, &body))
}

/// `/id/keys`: the keys that verify JWT access tokens (RFC 7517).
pub(crate) async fn keys(Shared(state): Shared<Arc<State>>) -> Response {
    Json(state.issuer.keys()).into_response()
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
