//! The endpoints, and the log around them.

use std::{sync::Arc, time::SystemTime};

use axum::{
    Json, Router,
    extract::{Request, State as Shared},
    http::{HeaderValue, Method, header::DATE},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use time::{
    OffsetDateTime,
    format_description::well_known::{Rfc2822, Rfc3339},
};

use crate::{
    about, api,
    log::{Draft, Entry},
    oauth,
    state::State,
};

const TOKEN: &str = "/services/oauth2/token";
const LOG: &str = "/__log";

pub(crate) fn router(state: Arc<State>) -> Router {
    let version = "/services/data/{version}";
    Router::new()
        .route(TOKEN, any(oauth::token))
        .route(
            "/services/oauth2/revoke",
            get(oauth::revoke).post(oauth::revoke),
        )
        .route("/services/oauth2/introspect", post(oauth::introspect))
        .route(
            "/services/oauth2/userinfo",
            get(about::userinfo).post(about::userinfo),
        )
        .route("/id/keys", get(oauth::keys))
        .route("/id/{org}/{user}", get(about::identity))
        .route("/services/data", get(api::versions))
        .route("/services/data/", get(api::versions))
        .route(version, get(api::resources))
        .route(&format!("{version}/"), get(api::resources))
        .route(&format!("{version}/limits"), get(api::limits))
        .route(&format!("{version}/limits/"), get(api::limits))
        .route(&format!("{version}/query"), get(api::query))
        .route(&format!("{version}/query/"), get(api::query))
        .fallback(api::nothing)
        .layer(from_fn_with_state(state.clone(), observed))
        .route(LOG, get(log))
        .with_state(state)
}

async fn log(Shared(state): Shared<Arc<State>>) -> Json<Vec<Entry>> {
    Json(state.log.entries())
}

/// Writes the log, and lets faults happen.
async fn observed(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let is_login = request.uri().path() == TOKEN && request.method() == Method::POST;
    let mut fault = None;
    if is_login {
        state.count_token_post();
        if let Some(next) = state.next_fault() {
            fault = next.happen().await;
        }
    }
    let is_fault = fault.is_some();
    let mut answer = match fault {
        Some(answer) => answer,
        None => next.run(request).await,
    };
    let draft = answer.extensions_mut().remove::<Draft>();
    let draft = draft.unwrap_or_default();
    let now = state.clock.now();
    state.log.push(Entry {
        time: rfc3339(now),
        request: asked,
        client: draft.client,
        user: draft.user,
        outcome: match draft.outcome {
            Some(outcome) => outcome,
            None if is_fault => "fault",
            None => "answered",
        },
        status: answer.status().as_u16(),
        reason: draft.reason,
        oddities: draft.oddities,
    });
    if state.clock.is_moved()
        && let Some(date) = http_date(now)
    {
        answer.headers_mut().insert(DATE, date);
    }
    answer.into_response()
}

fn rfc3339(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at).truncate_to_millisecond();
    // Only years over 9999 have no such text.
    at.format(&Rfc3339).unwrap_or_default()
}

/// RFC 9110 section 5.6.7: RFC 2822's, with GMT for the zone.
fn http_date(at: SystemTime) -> Option<HeaderValue> {
    let text = OffsetDateTime::from(at).format(&Rfc2822).ok()?;
    HeaderValue::from_str(&text.replace("+0000", "GMT")).ok()
}
