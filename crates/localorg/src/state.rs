//! What the org knows.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{App, User};

/// The id of the org, in the shape of Salesforce's.
pub(crate) const ORG_ID: &str = "00DKB0000000001";
/// How long a token lives: the default of an org.
const SESSION: Duration = Duration::from_secs(7200);
/// Assertions whose `jti` is remembered; then the oldest memory is given up.
const REMEMBERED: usize = 100_000;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) url: String,
    pub(crate) apps: Vec<App>,
    pub(crate) users: Vec<User>,
    sessions: Mutex<HashMap<String, Session>>,
    seen: Mutex<HashSet<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user: usize,
    ends: Instant,
}

impl State {
    pub(crate) fn new(url: String, apps: Vec<App>, users: Vec<User>) -> Self {
        Self {
            url,
            apps,
            users,
            sessions: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// Whether this `jti` of this client is new.
    pub(crate) fn is_new(&self, client_id: &str, jti: &str) -> bool {
        let mut seen = self
            .seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        seen.insert(format!("{client_id}\n{jti}"))
    }

    /// A new session's token; `None` where the system has no random numbers.
    pub(crate) fn open_session(&self, user: usize) -> Option<String> {
        let mut random = [0; 48];
        getrandom::fill(&mut random).ok()?;
        let token = format!("{ORG_ID}!{}", URL_SAFE_NO_PAD.encode(random));
        let session = Session {
            user,
            ends: Instant::now() + SESSION,
        };
        let mut sessions = self
            .sessions
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        sessions.retain(|_, session| session.ends > Instant::now());
        sessions.insert(token.clone(), session);
        Some(token)
    }

    /// The user of a token that lives.
    pub(crate) fn user_of(&self, token: &str) -> Option<usize> {
        let sessions = self
            .sessions
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        sessions
            .get(token)
            .filter(|session| session.ends > Instant::now())
            .map(|session| session.user)
    }

    /// Ends a session; whether there was one.
    pub(crate) fn revoke(&self, token: &str) -> bool {
        self.sessions
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .remove(token)
            .is_some()
    }

    /// The id of a user, in the shape of Salesforce's.
    pub(crate) fn user_id(user: usize) -> String {
        format!("005KB{user:010}")
    }

    /// The identity URL of a user.
    pub(crate) fn identity(&self, user: usize) -> String {
        format!("{}/id/{ORG_ID}/{}", self.url, Self::user_id(user))
    }
}
