//! Who a token is for: `userinfo` and the identity URL.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::Response,
};
use serde_json::{Value, json};

use crate::{
    answer,
    ids::{self, ORG_ID},
    log::Draft,
    model::User,
    sessions::Session,
    state::State,
};

/// `/services/oauth2/userinfo` (OpenID Connect Core section 5.3).
pub(crate) async fn userinfo(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    let mut draft = Draft::default();
    match caller(&state, &headers, &mut draft) {
        Ok(session) => answer::with(draft, Json(user_claims(&state, session.user))),
        Err(refused) => answer::word(draft, StatusCode::FORBIDDEN, refused),
    }
}

/// `/id/{org}/{user}`.
pub(crate) async fn identity(
    Shared(state): Shared<Arc<State>>,
    Path((org, user)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let mut draft = Draft::default();
    let session = match caller(&state, &headers, &mut draft) {
        Ok(session) => session,
        Err(refused) => return answer::word(draft, StatusCode::FORBIDDEN, refused),
    };
    if !is_id(&org, ORG_ID) {
        return answer::word(draft, StatusCode::FORBIDDEN, "Wrong_Org");
    }
    if !is_id(&user, &ids::user_id(session.user)) {
        return answer::word(draft, StatusCode::NOT_FOUND, "Bad_Id");
    }
    answer::with(draft, Json(identity_of(&state, session.user)))
}

/// The session that a request is made in.
///
/// # Errors
/// In one word, as the identity service says it.
fn caller(state: &State, headers: &HeaderMap, draft: &mut Draft) -> Result<Session, &'static str> {
    let token = bearer(headers).ok_or("Missing_OAuth_Token")?;
    let session = state.touch(token).ok_or("Bad_OAuth_Token")?;
    state.name(session, draft);
    Ok(session)
}

/// The token of a request: `Bearer` (RFC 6750), or `OAuth`, which Salesforce takes too.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let is_known = ["bearer", "oauth"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    is_known.then(|| token.trim())
}

/// With the check characters or without.
fn is_id(given: &str, id: &str) -> bool {
    given == id || given == ids::checked(id)
}

fn user_claims(state: &State, at: usize) -> Value {
    let user = Named::new(state, at);
    json!({
        "sub": state.identity(at),
        "user_id": user.id,
        "organization_id": ids::checked(ORG_ID),
        "preferred_username": user.name,
        "nickname": user.nick,
        "name": user.nick,
        "email": user.email,
        "email_verified": true,
        "given_name": null,
        "family_name": user.nick,
        "zoneinfo": "GMT",
        "profile": format!("{}/{}", state.url, user.id),
        "urls": urls(&state.url),
        "active": user.active,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": 0,
    })
}

fn identity_of(state: &State, at: usize) -> Value {
    let user = Named::new(state, at);
    json!({
        "id": state.identity(at),
        "asserted_user": true,
        "user_id": user.id,
        "organization_id": ids::checked(ORG_ID),
        "username": user.name,
        "nick_name": user.nick,
        "display_name": user.nick,
        "email": user.email,
        "email_verified": true,
        "first_name": null,
        "last_name": user.nick,
        "timezone": "GMT",
        "urls": urls(&state.url),
        "active": user.active,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": 0,
        "is_app_installed": true,
    })
}

/// The endpoints that this org has, `{version}` to be filled in.
fn urls(base: &str) -> Value {
    json!({
        "rest": format!("{base}/services/data/v{{version}}/"),
        "query": format!("{base}/services/data/v{{version}}/query/"),
    })
}

/// A user as Salesforce would describe one that has nothing but a user name.
pub(crate) struct Named<'a> {
    pub(crate) id: String,
    pub(crate) name: &'a str,
    pub(crate) nick: &'a str,
    pub(crate) email: &'a str,
    pub(crate) active: bool,
}

impl<'a> Named<'a> {
    pub(crate) fn new(state: &'a State, at: usize) -> Self {
        let user = state.users.get(at);
        let name = user.map_or("", User::name);
        Self {
            id: ids::checked(&ids::user_id(at)),
            name,
            nick: name.split('@').next().unwrap_or(name),
            email: name,
            active: user.is_some_and(|user| user.active),
        }
    }
}
