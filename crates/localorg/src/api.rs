//! The REST API, as far as a client goes that tries its connection.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State as Shared},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    about::{Named, bearer},
    answer, ids,
    log::Draft,
    sessions::Session,
    soql::{self, Table},
    state::State,
};

/// The versions that the org has: Summer '14 to Summer '26.
const OLDEST: u32 = 31;
const NEWEST: u32 = 67;
/// Calls a day, as a Developer Edition has. They are told, not enforced.
const DAILY_CALLS: u64 = 15_000;

#[derive(Deserialize)]
pub(crate) struct Asked {
    q: Option<String>,
    columns: Option<String>,
}

/// `/services/data/`: without a token, as at Salesforce.
pub(crate) async fn versions() -> Json<Value> {
    let version = |number: u32| {
        json!({
            "label": season(number),
            "url": format!("/services/data/v{number}.0"),
            "version": format!("{number}.0"),
        })
    };
    Json((OLDEST..=NEWEST).map(version).collect())
}

/// `/services/data/vNN.N/`.
pub(crate) async fn resources(
    Shared(state): Shared<Arc<State>>,
    Path(version): Path<String>,
    headers: HeaderMap,
) -> Response {
    call(&state, &version, &headers, |prefix, session| {
        let identity = state.identity(session.user);
        Ok(json!({
            "identity": identity,
            "limits": format!("{prefix}/limits"),
            "query": format!("{prefix}/query"),
        }))
    })
}

/// `/services/data/vNN.N/limits`.
pub(crate) async fn limits(
    Shared(state): Shared<Arc<State>>,
    Path(version): Path<String>,
    headers: HeaderMap,
) -> Response {
    call(&state, &version, &headers, |_, _| {
        let remaining = DAILY_CALLS.saturating_sub(state.api_calls());
        Ok(json!({ "DailyApiRequests": { "Max": DAILY_CALLS, "Remaining": remaining } }))
    })
}

/// `/services/data/vNN.N/query?q=`.
pub(crate) async fn query(
    Shared(state): Shared<Arc<State>>,
    Path(version): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    call(&state, &version, &headers, |prefix, _| {
        let text = asked.q.as_deref().unwrap_or_default();
        if asked.columns.as_deref() == Some("true") {
            return soql::columns(text, &tables(&state));
        }
        soql::answer(text, &tables(&state), prefix)
    })
}

/// What is not there.
pub(crate) async fn nothing() -> Response {
    not_found(Draft::default())
}

/// A call of the API, within a session and of a version that there is.
fn call(
    state: &State,
    version: &str,
    headers: &HeaderMap,
    work: impl FnOnce(&str, Session) -> Result<Value, soql::Refused>,
) -> Response {
    let mut draft = Draft::default();
    let session = bearer(headers).and_then(|token| state.touch(token));
    let Some(session) = session else {
        let (code, message) = ("INVALID_SESSION_ID", "Session expired or invalid");
        return answer::api_error(draft, StatusCode::UNAUTHORIZED, code, message);
    };
    state.name(session, &mut draft);
    if !is_version(version) {
        return not_found(draft);
    }
    let calls = state.count_api_call();
    let mut answer = match work(&format!("/services/data/{version}"), session) {
        Ok(body) => answer::with(draft, Json(body)),
        Err(refused) => {
            let status = StatusCode::BAD_REQUEST;
            answer::api_error(draft, status, refused.code, &refused.message)
        }
    };
    let usage = format!("api-usage={calls}/{DAILY_CALLS}");
    if let Ok(usage) = HeaderValue::from_str(&usage) {
        let name = HeaderName::from_static("sforce-limit-info");
        answer.headers_mut().insert(name, usage);
    }
    answer.into_response()
}

fn not_found(draft: Draft) -> Response {
    let message = "The requested resource does not exist";
    answer::api_error(draft, StatusCode::NOT_FOUND, "NOT_FOUND", message)
}

/// `v67.0`.
fn is_version(version: &str) -> bool {
    let number = version
        .strip_prefix('v')
        .and_then(|version| version.strip_suffix(".0"));
    number
        .and_then(|number| number.parse().ok())
        .is_some_and(|number: u32| (OLDEST..=NEWEST).contains(&number))
}

/// Three releases a year; version 60 was Spring '24.
fn season(version: u32) -> String {
    let since = i64::from(version) - 60;
    let year = 24 + since.div_euclid(3);
    match since.rem_euclid(3) {
        0 => format!("Spring '{year}"),
        1 => format!("Summer '{year}"),
        _ => format!("Winter '{}", year + 1),
    }
}

fn tables(state: &State) -> Vec<Table> {
    let user = |at: usize| {
        let user = Named::new(state, at);
        vec![
            json!(user.id),
            json!(user.name),
            json!(user.nick),
            Value::Null,
            json!(user.nick),
            json!(user.email),
            json!(user.active),
            json!("Standard"),
        ]
    };
    let organization = vec![
        json!(ids::checked(ids::ORG_ID)),
        json!("keybearer local org"),
        json!("LOCAL"),
        json!(false),
        json!("Developer Edition"),
        Value::Null,
        Value::Null,
    ];
    vec![
        Table {
            name: "User",
            fields: &[
                "Id",
                "Username",
                "Name",
                "FirstName",
                "LastName",
                "Email",
                "IsActive",
                "UserType",
            ],
            rows: (0..state.users.len()).map(user).collect(),
        },
        Table {
            name: "Organization",
            fields: &[
                "Id",
                "Name",
                "InstanceName",
                "IsSandbox",
                "OrganizationType",
                "NamespacePrefix",
                "TrialExpirationDate",
            ],
            rows: vec![organization],
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_their_season() {
        for (version, expected) in [
            (31, "Summer '14"),
            (60, "Spring '24"),
            (62, "Winter '25"),
            (67, "Summer '26"),
        ] {
            assert_eq!(season(version), expected);
        }
    }

    #[test]
    fn only_versions_are_versions() {
        for (text, expected) in [
            ("v67.0", true),
            ("v31.0", true),
            ("v30.0", false),
            ("v68.0", false),
            ("67.0", false),
            ("v67", false),
        ] {
            assert_eq!(is_version(text), expected, "{text}");
        }
    }
}
