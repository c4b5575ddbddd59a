//! Vault with its Transit engine: a refusal for whatever the real one refuses and for what it should refuse (a digest of
//! the wrong length, an algorithm that is not the key's, a choice left out). It can be told to lie.

mod access;
mod admin;
mod transit;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use access::{Role, Rules, Token};
use serde_json::{Value, json};
use transit::TransitKey;
pub use transit::key_type;

use crate::{Answer, Asked, Key, Kind, Service};

/// The token that may do all, in all namespaces.
pub const ROOT: &str = "hvs.root-token-of-the-fake";
/// An AppRole of the root namespace whose tokens may do all.
pub const ROLE: &str = "5f0c2b9e-role";
pub const SECRET_ID: &str = "8d1a77c0-secret-id";

/// The server's state. Keys and tokens outlive a stop.
#[derive(Debug)]
pub struct Vault {
    state: Mutex<State>,
    lies: Mutex<Vec<Lie>>,
    requests: AtomicU64,
    signatures: AtomicU64,
    logins: AtomicU64,
}

/// What the next request to sign is answered with.
#[derive(Clone, Debug)]
pub enum Lie {
    OtherVersion,
    OtherKey,
    WrongPrefix,
    Html,
    Truncated,
    /// A status, and seconds of `Retry-After`.
    Status(u16, Option<u64>),
    /// For every request until told otherwise: 503, and this status from sys/health (429: standby, 472: secondary for
    /// disaster recovery, 501: not initialised, 503: sealed).
    Node(u16),
    /// For every request until told otherwise: a standby that sends its callers to the active node there.
    Redirect(String),
}

#[derive(Debug, Default)]
struct State {
    /// By path, without slashes at its ends; the root namespace is empty.
    spaces: BTreeMap<String, Space>,
    tokens: HashMap<String, Token>,
}

/// A namespace.
#[derive(Debug, Default)]
struct Space {
    keys: BTreeMap<String, TransitKey>,
    policies: BTreeMap<String, Rules>,
    roles: BTreeMap<String, Role>,
}

impl Default for Vault {
    fn default() -> Self {
        let vault = Self {
            state: Mutex::default(),
            lies: Mutex::default(),
            requests: AtomicU64::new(0),
            signatures: AtomicU64::new(0),
            logins: AtomicU64::new(0),
        };
        vault.make_namespace("");
        vault.allow(ROOT, &["*"]);
        let role = Role::new(ROLE, SECRET_ID, "all");
        let mut state = vault.state();
        let space = state.spaces.entry(String::new()).or_default();
        space.policies.insert("all".into(), Rules::of(&["*"]));
        space.roles.insert("all".into(), role);
        drop(state);
        vault
    }
}

impl Vault {
    pub fn make_namespace(&self, path: &str) {
        self.state().spaces.entry(path.into()).or_default();
    }

    /// The next version of a key of the root namespace; its SubjectPublicKeyInfo.
    pub fn make(&self, name: &str, kind: Kind) -> Vec<u8> {
        self.make_in("", name, kind)
    }

    pub fn make_in(&self, namespace: &str, name: &str, kind: Kind) -> Vec<u8> {
        let key = Key::generate(kind);
        let der = key.spki_der();
        let mut state = self.state();
        let space = state.spaces.entry(namespace.into()).or_default();
        let keys = space.keys.entry(name.into()).or_default();
        keys.versions.push(key);
        der
    }

    /// Versions under this one sign no more.
    pub fn least_version(&self, name: &str, version: u64) {
        let mut state = self.state();
        let space = state.spaces.entry(String::new()).or_default();
        space.keys.entry(name.into()).or_default().least = version;
    }

    /// What a token may do: `update transit/sign/a`, or `*`.
    pub fn allow(&self, token: &str, rules: &[&str]) {
        self.allow_in("", token, rules);
    }

    /// The same for a token of a namespace, which is none elsewhere.
    pub fn allow_in(&self, namespace: &str, token: &str, rules: &[&str]) {
        let mut state = self.state();
        let space = state.spaces.entry(namespace.into()).or_default();
        space.policies.insert(token.into(), Rules::of(rules));
        let held = Token::new(namespace, vec![token.into()]);
        state.tokens.insert(token.into(), held);
    }

    pub fn revoke(&self, token: &str) {
        self.state().tokens.remove(token);
    }

    /// Every token that came of a login.
    pub fn revoke_logins(&self) {
        self.state().tokens.retain(|_, token| !token.is_of_login);
    }

    /// How many were made.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many were asked for.
    pub fn signatures(&self) -> u64 {
        self.signatures.load(Ordering::SeqCst)
    }

    /// How many succeeded.
    pub fn logins(&self) -> u64 {
        self.logins.load(Ordering::SeqCst)
    }

    pub fn lie(&self, lies: &[Lie]) {
        *self.lies.lock().unwrap() = lies.to_vec();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What it says to all, whoever asks for what.
    fn standing_lie(&self) -> Option<Lie> {
        let lies = self.lies.lock().unwrap();
        lies.first()
            .filter(|lie| matches!(lie, Lie::Node(_) | Lie::Redirect(_)))
            .cloned()
    }

    fn next_lie(&self) -> Option<Lie> {
        let mut lies = self.lies.lock().unwrap();
        (!lies.is_empty()).then(|| lies.remove(0))
    }
}

impl Service for Vault {
    fn answer(&self, asked: &Asked) -> Answer {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let Some(path) = asked.path().strip_prefix("/v1/") else {
            return refusal(404, "");
        };
        match (self.standing_lie(), path) {
            (Some(Lie::Node(status)), "sys/health") => return data(status, &json!({})),
            (Some(Lie::Node(_)), _) => return refusal(503, "told to"),
            (Some(Lie::Redirect(to)), _) => {
                return Answer::text(307, "").with("location", format!("{to}/v1/{path}"));
            }
            (_, "sys/health") if asked.header("x-vault-namespace").is_empty() => {
                return data(
                    200,
                    &json!({"initialized": true, "sealed": false, "standby": false}),
                );
            }
            (_, "sys/health") => return refusal(400, "operation unavailable in namespaces"),
            _ => {}
        }
        let namespace = asked.header("x-vault-namespace").trim_matches('/');
        if !self.state().spaces.contains_key(namespace) {
            return refusal(404, "no handler for route");
        }
        self.access(asked, namespace, path)
            .or_else(|| self.admin(asked, namespace, path))
            .unwrap_or_else(|| self.engine(asked, namespace, path))
    }
}

/// An answer with this JSON.
fn data(status: u16, body: &Value) -> Answer {
    Answer::json(status, body)
}

fn refusal(status: u16, why: &str) -> Answer {
    let errors: Vec<_> = Some(why)
        .filter(|why| !why.is_empty())
        .into_iter()
        .collect();
    Answer::json(status, &json!({ "errors": errors }))
}
