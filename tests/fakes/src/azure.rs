//! Azure Key Vault (or a Managed HSM), Microsoft Entra's token endpoint and the endpoints of managed identities, as
//! Microsoft's REST reference has them.

mod entra;
mod identity;
mod served;
mod vault;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};

use crate::{Answer, Asked, Key, Kind, Service};
pub use entra::App;
pub use served::served;
pub use vault::Version;

pub const VAULT: &str = "jobs.vault.azure.net";
pub const HSM: &str = "jobs.managedhsm.azure.net";
/// Where callers of the public cloud log in.
pub const LOGIN: &str = "login.microsoftonline.com";
pub const TENANT: &str = "5b1f4c2a-6a3e-4d65-9a0b-3f0c6b1d7e11";
/// `IDENTITY_HEADER` of the App Service.
pub const IDENTITY_HEADER: &str = "identity-header-of-the-app-service";
/// Of each access token.
pub const TOKEN_PREFIX: &str = "eyJ0eXAi.fake.";
/// Permissions of an access policy.
pub const GET: &str = "get";
pub const SIGN: &str = "sign";

pub struct Azure {
    host: &'static str,
    /// The versions of each key, by its name in lower case.
    keys: Mutex<BTreeMap<String, Vec<Version>>>,
    apps: Mutex<HashMap<String, App>>,
    tokens: Mutex<HashMap<String, entra::Token>>,
    /// The client ids of the managed identities; the first is the one of the system.
    identities: Mutex<Vec<String>>,
    lies: Mutex<Vec<Lie>>,
    token_lies: Mutex<Vec<Lie>>,
    /// Who came last with a good token.
    last_client: Mutex<String>,
    /// The challenge, in place of the right one.
    challenge: Mutex<Option<String>>,
    /// By roles (RBAC) and not by access policies.
    pub is_by_roles: AtomicBool,
    /// Of access tokens, in seconds.
    pub lifetime: AtomicU64,
    /// To Key Vault.
    pub requests: AtomicU64,
    pub signatures: AtomicU64,
    /// That have arrived at Key Vault, good or not.
    pub tokens_seen: AtomicU64,
    pub tokens_made: AtomicU64,
}

/// What the next request with a token is answered with.
#[derive(Clone, Copy, Debug)]
pub enum Lie {
    /// The `kid` of another version.
    OtherVersion,
    /// The `kid` of another vault.
    OtherVault,
    /// A signature of another key.
    OtherKey,
    /// A signature with a byte too few.
    Short,
    /// A page, with status 200.
    Html,
    /// Half an answer.
    Truncated,
    /// A status, its `innererror.code`, and the seconds of its `Retry-After`.
    Status(u16, &'static str, Option<u64>),
}

impl Azure {
    /// The Key Vault [`VAULT`].
    pub fn vault() -> Self {
        Self::at(VAULT)
    }

    /// The Managed HSM [`HSM`].
    pub fn managed_hsm() -> Self {
        Self::at(HSM)
    }

    /// The vault or HSM of this name, in whatever cloud.
    pub fn at(host: &'static str) -> Self {
        Self {
            host,
            keys: Mutex::default(),
            apps: Mutex::default(),
            tokens: Mutex::default(),
            identities: Mutex::default(),
            lies: Mutex::default(),
            token_lies: Mutex::default(),
            last_client: Mutex::default(),
            challenge: Mutex::default(),
            is_by_roles: AtomicBool::default(),
            lifetime: AtomicU64::new(3599),
            requests: AtomicU64::default(),
            signatures: AtomicU64::default(),
            tokens_seen: AtomicU64::default(),
            tokens_made: AtomicU64::default(),
        }
    }

    /// A new version of the key of this name: its `kid`.
    pub fn make(&self, name: &str, kind: Kind) -> String {
        let mut keys = self.keys.lock().unwrap();
        let versions = keys.entry(name.to_lowercase()).or_default();
        let version = Version::new(kind, self.host.contains(".managedhsm."));
        let kid = format!("https://{}/keys/{name}/{}", self.host, version.id);
        versions.push(version);
        kid
    }

    /// Changes the version that this `kid` names.
    pub fn change<T>(&self, kid: &str, change: impl FnOnce(&mut Version) -> T) -> T {
        let (_, id) = kid.rsplit_once('/').unwrap();
        let mut keys = self.keys.lock().unwrap();
        let mut all = keys.values_mut().flatten();
        change(all.find(|version| version.id == id).unwrap())
    }

    pub fn spki_der(&self, kid: &str) -> Vec<u8> {
        self.change(kid, |version| version.key.spki_der())
    }

    /// Another key in place of a version's own, as no real service does.
    pub fn replace(&self, kid: &str) {
        self.change(kid, |version| version.key = Key::generate(version.key.kind));
    }

    /// An app registration or an identity, by its client id.
    pub fn register(&self, client_id: &str, app: App) {
        self.apps.lock().unwrap().insert(client_id.into(), app);
    }

    /// The managed identities of the machine; the first is the one of the system.
    pub fn identities(&self, client_ids: &[&str]) {
        *self.identities.lock().unwrap() = client_ids.iter().map(|id| (*id).into()).collect();
    }

    /// An access token of an app's, as whoever logs in elsewhere would get it.
    pub fn issue(&self, client_id: &str) -> String {
        self.access_token(client_id, &self.resource()).0
    }

    /// The client id of whose good token came last.
    pub fn last_client(&self) -> String {
        self.last_client.lock().unwrap().clone()
    }

    /// Takes back every access token.
    pub fn revoke_tokens(&self) {
        self.tokens.lock().unwrap().clear();
    }

    pub fn lie(&self, lies: &[Lie]) {
        *self.lies.lock().unwrap() = lies.to_vec();
    }

    /// Of the token endpoints.
    pub fn lie_about_tokens(&self, lies: &[Lie]) {
        *self.token_lies.lock().unwrap() = lies.to_vec();
    }

    /// Another value of `WWW-Authenticate`.
    pub fn challenge_with(&self, challenge: &str) {
        *self.challenge.lock().unwrap() = Some(challenge.into());
    }

    /// What tokens for this service are for.
    pub fn resource(&self) -> String {
        let (_, domain) = self.host.split_once('.').unwrap();
        format!("https://{domain}")
    }
}

impl Service for Azure {
    fn answer(&self, asked: &Asked) -> Answer {
        let answered = match asked.path() {
            path if path.ends_with("/oauth2/v2.0/token") => self.token(asked),
            path if path.contains("/.well-known/") || path.contains("/discovery/") => {
                self.discovery(asked)
            }
            "/metadata/identity/oauth2/token" => self.imds(asked),
            "/msi/token" => self.app_service(asked),
            _ => {
                self.requests.fetch_add(1, Ordering::SeqCst);
                self.key_vault(asked)
            }
        };
        answered.unwrap_or_else(|refused| refused)
    }
}

fn next(lies: &Mutex<Vec<Lie>>) -> Option<Lie> {
    let mut lies = lies.lock().unwrap();
    (!lies.is_empty()).then(|| lies.remove(0))
}

/// An error as Key Vault tells it.
fn refused(status: u16, code: &str, inner: &str, message: &str) -> Answer {
    let mut error = json!({"code": code, "message": message});
    if !inner.is_empty() {
        error["innererror"] = json!({"code": inner});
    }
    Answer::json(status, &json!({ "error": error }))
}

/// A value of a query or of a form.
fn field(encoded: &str, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(encoded.as_bytes());
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn now() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.unwrap().as_secs()
}

/// Hexadecimal digits that nobody guesses.
fn random_hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    aws_lc_rs::rand::fill(&mut random).unwrap();
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn part<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

impl std::fmt::Debug for Azure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Azure")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
