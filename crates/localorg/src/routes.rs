//! What the org answers.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Form, Json, Router,
    extract::{Path, State as Shared, rejection::FormRejection},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::{
    grant,
    state::{ORG_ID, State},
};

type Fields = HashMap<String, String>;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const VERSION: &str = "67.0";

pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/services/oauth2/token", post(token))
        .route("/services/oauth2/revoke", post(revoke))
        .route("/services/oauth2/userinfo", get(userinfo).post(userinfo))
        .route("/id/{org}/{user}", get(identity))
        .route("/services/data", get(versions))
        .route("/services/data/", get(versions))
        .route("/services/data/{version}/limits", get(limits))
        .with_state(state)
}

/// A body that is no form leaves no grant type, as at Salesforce.
async fn token(
    Shared(state): Shared<Arc<State>>,
    form: Result<Form<Fields>, FormRejection>,
) -> Response {
    let Form(fields) = form.unwrap_or_else(|_| Form(Fields::new()));
    if fields.get("grant_type").map(String::as_str) != Some(GRANT) {
        return refusal(("unsupported_grant_type", "grant type not supported"));
    }
    let assertion = fields
        .get("assertion")
        .map(String::as_str)
        .unwrap_or_default();
    let user = match grant::verify(assertion, &state) {
        Ok(user) => user,
        Err(words) => return refusal(words),
    };
    let Some(token) = state.open_session(user) else {
        return refusal(("server_error", "no random numbers"));
    };
    let answer = json!({
        "access_token": token,
        "scope": "api refresh_token",
        "instance_url": state.url,
        "id": state.identity(user),
        "token_type": "Bearer",
    });
    ([("cache-control", "no-store")], Json(answer)).into_response()
}

async fn revoke(Shared(state): Shared<Arc<State>>, Form(fields): Form<Fields>) -> Response {
    if fields.get("token").is_some_and(|token| state.revoke(token)) {
        StatusCode::OK.into_response()
    } else {
        refusal(("invalid_token", "invalid token"))
    }
}

async fn userinfo(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    match user(&state, &headers) {
        Some(user) => Json(about(&state, user)).into_response(),
        None => (StatusCode::FORBIDDEN, "Bad_OAuth_Token").into_response(),
    }
}

async fn identity(
    Shared(state): Shared<Arc<State>>,
    Path((_, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match user(&state, &headers) {
        Some(user) if State::user_id(user) == id => Json(about(&state, user)).into_response(),
        _ => (StatusCode::FORBIDDEN, "Bad_OAuth_Token").into_response(),
    }
}

async fn versions() -> Json<Value> {
    Json(
        json!([{ "label": "Summer '26", "url": format!("/services/data/v{VERSION}"), "version": VERSION }]),
    )
}

async fn limits(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    match user(&state, &headers) {
        Some(_) => Json(json!({ "DailyApiRequests": { "Max": 15000, "Remaining": 14999 } }))
            .into_response(),
        None => {
            let body = json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }]);
            (StatusCode::UNAUTHORIZED, Json(body)).into_response()
        }
    }
}

fn about(state: &State, user: usize) -> Value {
    json!({
        "sub": state.identity(user),
        "user_id": State::user_id(user),
        "organization_id": ORG_ID,
        "preferred_username": state.users[user].name,
        "active": state.users[user].active,
    })
}

fn user(state: &State, headers: &HeaderMap) -> Option<usize> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    state.user_of(
        value
            .strip_prefix("Bearer ")
            .or_else(|| value.strip_prefix("OAuth "))?,
    )
}

fn refusal((error, description): grant::Refusal) -> Response {
    let body = json!({ "error": error, "error_description": description });
    (
        StatusCode::BAD_REQUEST,
        [("cache-control", "no-store")],
        Json(body),
    )
        .into_response()
}
