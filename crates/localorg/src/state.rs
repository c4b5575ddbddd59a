//! What the org knows.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::signature::ParsedPublicKey;

use crate::{
    access_token::Issuer,
    assertion::verification_key,
    clock::Clock,
    fault::Fault,
    grant::Granted,
    ids,
    log::{Draft, Log},
    model::{self, Policy, User},
    refusal::Refusal,
    sessions::{Logins, Seen, Session, Sessions},
};

/// The org, behind all of its endpoints.
pub(crate) struct State {
    /// The base URL, without a slash at its end.
    pub(crate) url: String,
    pub(crate) clock: Clock,
    pub(crate) log: Log,
    pub(crate) issuer: Issuer,
    pub(crate) users: Vec<User>,
    apps: Vec<App>,
    apps_by_id: HashMap<String, usize>,
    /// By the name in lower case: user names have none.
    users_by_name: HashMap<String, usize>,
    sessions: Mutex<Sessions>,
    logins: Mutex<Logins>,
    seen: Mutex<Seen>,
    faults: Mutex<VecDeque<Fault>>,
    token_posts: AtomicU64,
    api_calls: AtomicU64,
}

/// An app, ready to verify with.
pub(crate) struct App {
    pub(crate) model: model::App,
    pub(crate) client_id: String,
    pub(crate) policy: Policy,
    pub(crate) keys: Vec<ParsedPublicKey>,
    /// Why the other certificates verify nothing.
    pub(crate) unusable: Vec<String>,
}

impl State {
    pub(crate) fn new(
        url: String,
        apps: Vec<model::App>,
        users: Vec<User>,
        policy: Policy,
        issuer: Issuer,
        log: Log,
    ) -> Self {
        let apps: Vec<_> = apps.into_iter().map(|app| App::new(app, policy)).collect();
        let by_id = apps.iter().enumerate();
        let by_name = users.iter().enumerate();
        Self {
            url,
            clock: Clock::default(),
            log,
            issuer,
            apps_by_id: by_id.map(|(at, app)| (app.client_id.clone(), at)).collect(),
            users_by_name: by_name
                .map(|(at, user)| (user.name.to_ascii_lowercase(), at))
                .collect(),
            apps,
            users,
            sessions: Mutex::default(),
            logins: Mutex::default(),
            seen: Mutex::default(),
            faults: Mutex::default(),
            token_posts: AtomicU64::new(0),
            api_calls: AtomicU64::new(0),
        }
    }

    pub(crate) fn find_app(&self, client_id: &str) -> Option<usize> {
        self.apps_by_id.get(client_id).copied()
    }

    /// The app at a place that [`find_app`](Self::find_app) or a session gave.
    pub(crate) fn app(&self, at: usize) -> Result<&App, Refusal> {
        self.apps
            .get(at)
            .ok_or_else(|| Refusal::new("server_error", "server error", "the app is gone"))
    }

    pub(crate) fn find_user(&self, name: &str) -> Option<(usize, &User)> {
        let at = *self.users_by_name.get(&name.to_ascii_lowercase())?;
        Some((at, self.users.get(at)?))
    }

    /// Whether this `jti` of this client is new; it is remembered.
    pub(crate) fn is_new(&self, client_id: &str, jti: &str) -> bool {
        lock(&self.seen).is_new(format!("{client_id}\n{jti}"))
    }

    /// Counts a login; whether the user's limit allows it.
    pub(crate) fn count_login(&self, user: usize, limit: u32) -> bool {
        lock(&self.logins).count(user, limit, self.clock.now())
    }

    /// The access token of a login: of a new session, or of the one that lives.
    ///
    /// # Errors
    /// `server_error` where the system has no random numbers.
    pub(crate) async fn open_session(&self, granted: Granted) -> Result<String, Refusal> {
        let app = &self.app(granted.app)?.model;
        let token = self.issuer.issue(self, granted, app).await?;
        let now = self.clock.now();
        let is_opaque = app.token_format == model::TokenFormat::Opaque;
        let session = Session {
            app: granted.app,
            user: granted.user,
            began: now,
            ends: now + app.session,
            sliding: is_opaque.then_some(app.session),
        };
        Ok(lock(&self.sessions).open(token, session, app.reuse_session, now))
    }

    /// The live session of a token, left as it is.
    pub(crate) fn peek(&self, token: &str) -> Option<Session> {
        lock(&self.sessions).peek(token, self.clock.now())
    }

    /// The live session of a token that is being used.
    pub(crate) fn touch(&self, token: &str) -> Option<Session> {
        lock(&self.sessions).touch(token, self.clock.now())
    }

    /// Ends a live session; it is given back.
    pub(crate) fn revoke(&self, token: &str) -> Option<Session> {
        lock(&self.sessions).revoke(token, self.clock.now())
    }

    pub(crate) fn inject(&self, fault: Fault) {
        lock(&self.faults).push_back(fault);
    }

    pub(crate) fn next_fault(&self) -> Option<Fault> {
        lock(&self.faults).pop_front()
    }

    pub(crate) fn count_token_post(&self) {
        self.token_posts.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn token_posts(&self) -> u64 {
        self.token_posts.load(Ordering::Relaxed)
    }

    /// Counts a call of the API; how many there were.
    pub(crate) fn count_api_call(&self) -> u64 {
        self.api_calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn api_calls(&self) -> u64 {
        self.api_calls.load(Ordering::Relaxed)
    }

    /// Says in the log whose session it is.
    pub(crate) fn name(&self, session: Session, draft: &mut Draft) {
        draft.client = self.apps.get(session.app).map(|app| app.client_id.clone());
        draft.user = self.users.get(session.user).map(|user| user.name.clone());
    }

    /// The identity URL of a user.
    pub(crate) fn identity(&self, user: usize) -> String {
        let (org, user) = (ids::checked(ids::ORG_ID), ids::checked(&ids::user_id(user)));
        format!("{}/id/{org}/{user}", self.url)
    }
}

impl App {
    fn new(model: model::App, default_policy: Policy) -> Self {
        let mut keys = Vec::new();
        let mut unusable = Vec::new();
        for certificate in &model.certificates {
            match verification_key(certificate) {
                Ok(key) => keys.push(key),
                Err(why) => unusable.push(why),
            }
        }
        Self {
            client_id: model.client_id.clone(),
            policy: model.policy.unwrap_or(default_policy),
            model,
            keys,
            unusable,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
