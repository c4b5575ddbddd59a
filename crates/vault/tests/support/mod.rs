//! A strict Vault: real keys, and a refusal for whatever the real one refuses and for what it should refuse (a digest of
//! the wrong length, an algorithm that is not the key's, a choice left out). It can be told to lie.

mod keys;

use std::{
    collections::{BTreeMap, HashMap},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
pub(crate) use keys::{Key, Kind};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// The server. Its keys and tokens outlive a stop.
pub(crate) struct FakeVault {
    pub(crate) state: Arc<Inner>,
    address: SocketAddr,
    running: Option<oneshot::Sender<()>>,
    ended: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
pub(crate) struct Inner {
    keys: Mutex<BTreeMap<String, Vec<Key>>>,
    /// What each token may do, as `capability path`; `*` for all.
    tokens: Mutex<HashMap<String, Vec<String>>>,
    lies: Mutex<Vec<Lie>>,
    pub(crate) requests: AtomicU64,
    pub(crate) signatures: AtomicU64,
    pub(crate) logins: AtomicU64,
}

/// What the next request to sign is answered with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lie {
    OtherVersion,
    OtherKey,
    WrongPrefix,
    Html,
    Truncated,
    /// A status, and seconds of `Retry-After`.
    Status(u16, Option<u64>),
    /// For every request until told otherwise: sealed.
    Sealed,
}

pub(crate) const ROOT: &str = "hvs.root-token-of-the-fake";
pub(crate) const ROLE: &str = "5f0c2b9e-role";
pub(crate) const SECRET_ID: &str = "8d1a77c0-secret-id";

impl FakeVault {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Inner::default());
        state.allow(ROOT, &["*"]);
        let mut fake = Self {
            state,
            address: ([127, 0, 0, 1], 0).into(),
            running: None,
            ended: None,
        };
        fake.restart();
        fake
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every connection ends, as when the process does.
    pub(crate) fn stop(&mut self) {
        drop(self.running.take());
        if let Some(ended) = self.ended.take() {
            ended.join().unwrap();
        }
    }

    /// Again on the same port.
    pub(crate) fn restart(&mut self) {
        self.stop();
        let (ready, bound) = mpsc::channel();
        let (running, stop) = oneshot::channel::<()>();
        let (state, address) = (self.state.clone(), self.address);
        self.ended = Some(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind(address).await.unwrap();
                ready.send(listener.local_addr().unwrap()).unwrap();
                let app = Router::new().fallback(handle).with_state(state);
                tokio::select! {
                    served = axum::serve(listener, app) => served.unwrap(),
                    _ = stop => {}
                }
            });
            runtime.shutdown_background();
        }));
        self.address = bound.recv().unwrap();
        self.running = Some(running);
    }

    pub(crate) fn make(&self, name: &str, kind: Kind) -> Vec<u8> {
        let key = Key::generate(kind);
        let der = key.spki_der();
        let mut keys = self.state.keys.lock().unwrap();
        keys.entry(name.into()).or_default().push(key);
        der
    }

    pub(crate) fn lie(&self, lies: &[Lie]) {
        *self.state.lies.lock().unwrap() = lies.to_vec();
    }
}

impl Drop for FakeVault {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port on which nothing listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

impl Inner {
    /// What a token may do: `update transit/sign/a`, or `*`.
    pub(crate) fn allow(&self, token: &str, rules: &[&str]) {
        let rules = rules.iter().map(|&rule| rule.to_owned()).collect();
        self.tokens.lock().unwrap().insert(token.into(), rules);
    }

    pub(crate) fn revoke(&self, token: &str) {
        self.tokens.lock().unwrap().remove(token);
    }

    pub(crate) fn revoke_logins(&self) {
        self.tokens
            .lock()
            .unwrap()
            .retain(|token, _| !token.starts_with("hvs.login"));
    }

    fn next_lie(&self) -> Option<Lie> {
        let mut lies = self.lies.lock().unwrap();
        match lies.first()? {
            Lie::Sealed => Some(Lie::Sealed),
            _ => Some(lies.remove(0)),
        }
    }

    fn is_sealed(&self) -> bool {
        matches!(self.lies.lock().unwrap().first(), Some(Lie::Sealed))
    }

    fn may(&self, token: &str, capability: &str, path: &str) -> bool {
        let tokens = self.tokens.lock().unwrap();
        let wanted = format!("{capability} {path}");
        tokens
            .get(token)
            .is_some_and(|rules| rules.iter().any(|rule| rule == "*" || *rule == wanted))
    }

    fn answer(&self, method: &Method, path: &str, token: &str, body: &Value) -> Answer {
        let denied = || refusal(403, "1 error occurred:\n\t* permission denied\n\n");
        match (method.as_str(), path) {
            ("GET", "sys/health") => {
                return answer(if self.is_sealed() { 503 } else { 200 }, json!({}));
            }
            _ if self.is_sealed() => return refusal(503, "Vault is sealed"),
            ("GET", "auth/token/lookup-self") => {
                let known = self.tokens.lock().unwrap().contains_key(token);
                return if known {
                    answer(200, json!({"data": {}}))
                } else {
                    denied()
                };
            }
            ("POST", "auth/approle/login") => return self.log_in(body),
            _ => {}
        }
        let capability = if method == Method::GET {
            "read"
        } else {
            "update"
        };
        if !self.may(token, capability, path) {
            return denied();
        }
        if let ("GET", Some(name)) = (method.as_str(), path.strip_prefix("transit/keys/")) {
            return match self.keys.lock().unwrap().get(name) {
                Some(versions) => answer(200, json!({"data": keys::described(versions)})),
                None => answer(404, json!({"errors": []})),
            };
        }
        match (method.as_str(), path.strip_prefix("transit/sign/")) {
            ("POST", Some(name)) => self.sign(name, body),
            _ => refusal(404, "no handler for route"),
        }
    }

    fn sign(&self, name: &str, body: &Value) -> Answer {
        self.signatures.fetch_add(1, Ordering::SeqCst);
        let lie = self.next_lie();
        match lie {
            Some(Lie::Html) => return Answer::Html,
            Some(Lie::Truncated) => return Answer::Text("{\"data\":{\"signature\":\"vault:v1:"),
            Some(Lie::Status(status, wait)) => {
                return Answer::Json(status, json!({"errors": ["told to"]}), wait);
            }
            _ => {}
        }
        let keys = self.keys.lock().unwrap();
        let Some(versions) = keys.get(name) else {
            return refusal(400, "signing key not found");
        };
        let version = match body["key_version"].as_u64() {
            None => return refusal(500, "strict: key_version is left out"),
            Some(0) => versions.len(),
            Some(version) => version as usize,
        };
        let Some(key) = version.checked_sub(1).and_then(|index| versions.get(index)) else {
            return refusal(500, "cannot sign: version does not exist");
        };
        let other;
        let signer = match lie {
            Some(Lie::OtherKey) => {
                other = Key::generate(key.kind);
                &other
            }
            _ => key,
        };
        match signer.sign(body) {
            Err(why) => refusal(500, why),
            Ok(signature) => {
                let shown = version + usize::from(matches!(lie, Some(Lie::OtherVersion)));
                let prefix = if matches!(lie, Some(Lie::WrongPrefix)) {
                    "bao"
                } else {
                    "vault"
                };
                answer(
                    200,
                    json!({"data": {
                        "signature": format!("{prefix}:v{shown}:{signature}"),
                        "key_version": shown,
                    }}),
                )
            }
        }
    }

    fn log_in(&self, body: &Value) -> Answer {
        if body["role_id"] != ROLE || body["secret_id"] != SECRET_ID {
            return refusal(400, "invalid role or secret ID");
        }
        let number = self.logins.fetch_add(1, Ordering::SeqCst);
        let token = format!("hvs.login-{number}-of-the-fake");
        self.allow(&token, &["*"]);
        answer(
            200,
            json!({"auth": {"client_token": token, "lease_duration": 3600}}),
        )
    }
}

enum Answer {
    Json(u16, Value, Option<u64>),
    Html,
    Text(&'static str),
}

fn answer(status: u16, body: Value) -> Answer {
    Answer::Json(status, body, None)
}

fn refusal(status: u16, why: &str) -> Answer {
    answer(status, json!({ "errors": [why] }))
}

async fn handle(State(state): State<Arc<Inner>>, request: Request) -> Response {
    state.requests.fetch_add(1, Ordering::SeqCst);
    let (parts, body) = request.into_parts();
    let bytes: Bytes = to_bytes(body, 1 << 20).await.unwrap();
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let token = parts.headers.get("x-vault-token");
    let token = token
        .and_then(|token| token.to_str().ok())
        .unwrap_or_default();
    let path = parts.uri.path().strip_prefix("/v1/").unwrap_or_default();
    match state.answer(&parts.method, path, token, &json) {
        Answer::Html => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "text/html")],
            "<!doctype html><p>Log in",
        )
            .into_response(),
        Answer::Text(text) => text.into_response(),
        Answer::Json(status, body, wait) => {
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = (status, axum::Json(body)).into_response();
            if let Some(seconds) = wait {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
    }
}
