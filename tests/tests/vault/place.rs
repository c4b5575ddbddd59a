//! A Vault that is set up by its own API: the double, or a real server in development mode.

use std::{
    net::{SocketAddr, TcpListener},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use keybearer_conformance::TestEnv;
use keybearer_core::{KeyUri, OpenContext, PublicKey, Registry, Result, Signer};
use keybearer_fakes::{
    Server,
    vault::{ROOT, Vault as Fake},
};
use keybearer_tests::{Server as Program, delete, get, post_json, try_get};
use keybearer_vault::Vault;
use serde_json::{Value, json};

/// Ends the server when standard input is closed: it does not by itself.
const SERVE: &str = r#"echo '{}'; "$0" "$@" >/dev/null 2>&1 & cat >/dev/null; kill $!; wait"#;

pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) root: String,
    _server: Running,
    names: AtomicUsize,
}

pub(crate) enum Running {
    Fake {
        _server: Server<Fake>,
    },
    Real {
        _server: Program,
    },
    /// Somebody else sees to it.
    Elsewhere,
}

impl Place {
    pub(crate) fn fake() -> Self {
        let server = Server::start(Fake::default());
        Self::set_up(server.url(), ROOT.into(), Running::Fake { _server: server })
    }

    /// A real one, which keeps all in memory and ends with the test.
    pub(crate) fn real(program: &str) -> Self {
        for _ in 0..3 {
            let address = free_address();
            let url = format!("http://{address}");
            // Of this server alone: somebody else may have taken the port meanwhile, and then another is tried.
            let root = format!("root-of-{}-at-{}", std::process::id(), address.port());
            let (token, listen) = (
                format!("-dev-root-token-id={root}"),
                format!("-dev-listen-address={address}"),
            );
            let server = serve(program, &["-dev", "-dev-no-store-token", &token, &listen]);
            let lookup = format!("{url}/v1/auth/token/lookup-self");
            let knows_us =
                || try_get(&lookup, &[("X-Vault-Token", &root)]).is_ok_and(|it| it.0 == 200);
            if eventually(knows_us) {
                return Self::set_up(url, root, Running::Real { _server: server });
            }
        }
        panic!("{program} does not start");
    }

    fn set_up(url: String, root: String, server: Running) -> Self {
        let place = Self::at(url, root, server);
        place.mount("");
        place
    }

    /// Of a server with nothing mounted.
    pub(crate) fn at(url: String, root: String, server: Running) -> Self {
        Self {
            url,
            root,
            _server: server,
            names: AtomicUsize::new(0),
        }
    }

    /// Transit and AppRole in a namespace.
    pub(crate) fn mount(&self, namespace: &str) {
        self.post(namespace, "sys/mounts/transit", &json!({"type": "transit"}));
        self.post(namespace, "sys/auth/approle", &json!({"type": "approle"}));
    }

    /// What the administrator asks must succeed.
    #[track_caller]
    pub(crate) fn post(&self, namespace: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/v1/{path}", self.url);
        let headers = [
            ("X-Vault-Token", self.root.as_str()),
            ("X-Vault-Namespace", namespace),
        ];
        let headers = &headers[..1 + usize::from(!namespace.is_empty())];
        let (status, body) = post_json(&url, headers, body);
        assert!(status == 200 || status == 204, "{path}: {status} {body}");
        serde_json::from_str(&body).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn delete(&self, path: &str) {
        let url = format!("{}/v1/{path}", self.url);
        let (status, body) = delete(&url, &[("X-Vault-Token", self.root.as_str())]);
        assert!(status == 200 || status == 204, "{path}: {status} {body}");
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let url = format!("{}/v1/{path}", self.url);
        let (status, body) = get(&url, &[("X-Vault-Token", self.root.as_str())]);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// A name that no other test has.
    pub(crate) fn name(&self, what: &str) -> String {
        format!("{what}-{}", self.names.fetch_add(1, Ordering::SeqCst))
    }

    /// A new key of this type; its name.
    pub(crate) fn key(&self, kind: &str) -> String {
        let name = self.name(kind);
        self.post("", &format!("transit/keys/{name}"), &json!({"type": kind}));
        name
    }

    /// A token of a namespace with these capabilities on these paths.
    pub(crate) fn token(&self, namespace: &str, rules: &[(&str, &str)]) -> String {
        let policies = [self.policy(namespace, rules)];
        let asked = json!({"policies": policies, "ttl": "1h"});
        let made = self.post(namespace, "auth/token/create", &asked);
        made["auth"]["client_token"].as_str().unwrap().into()
    }

    pub(crate) fn policy(&self, namespace: &str, rules: &[(&str, &str)]) -> String {
        let name = self.name("policy");
        let paths: serde_json::Map<_, _> = rules
            .iter()
            .map(|&(capability, path)| (path.into(), json!({"capabilities": [capability]})))
            .collect();
        let policy = json!({ "path": paths }).to_string();
        let path = format!("sys/policies/acl/{name}");
        self.post(namespace, &path, &json!({ "policy": policy }));
        name
    }

    pub(crate) fn uri(&self, key: &str) -> KeyUri {
        KeyUri::literal("vault", &format!("transit/keys/{key}"))
            .with_attribute("address", &self.url)
    }

    /// Opens a key with this token.
    pub(crate) fn open(&self, token: &str, uri: &KeyUri) -> Result<Arc<dyn Signer>> {
        let env = TestEnv::new().var("VAULT_TOKEN", token);
        open_in(uri, &env.context())
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// As the server shows it.
    pub(crate) fn public_key(&self, key: &str) -> PublicKey {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let shown = self.get(&format!("transit/keys/{key}"));
        let version = shown["data"]["latest_version"].to_string();
        let text = shown["data"]["keys"][version]["public_key"]
            .as_str()
            .unwrap();
        match shown["data"]["type"].as_str() {
            Some("ed25519") => PublicKey::from_ed25519(&STANDARD.decode(text).unwrap()).unwrap(),
            _ => PublicKey::from_file(text.as_bytes()).unwrap(),
        }
    }
}

/// A real server, which ends with what is given back.
pub(crate) fn serve(program: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new("sh");
    command.args(["-c", SERVE, program, "server"]);
    command.args(arguments);
    Program::start(command)
}

pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Whether it is so within half a minute.
pub(crate) fn eventually(is_so: impl Fn() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn open_in(uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
    runtime().block_on(Registry::new().with(Vault).open(uri, cx))
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}
