//! A real server that keeps its keys on disk: not initialised, sealed, unsealed, stopped and started between two signatures.

use std::net::SocketAddr;

use keybearer_conformance::verify;
use keybearer_core::{Algorithm, ErrorKind, Result};
use keybearer_tests::{Scratch, Server, post_json, try_get};
use serde_json::{Value, json};

use crate::place::{Place, Running, eventually, free_address, runtime, serve};

const A: Algorithm = Algorithm::Es256;
const ACTIVE: u16 = 200;
const NOT_INITIALISED: u16 = 501;
const SEALED: u16 = 503;

pub(crate) fn restarted(program: &str) {
    let mut server = Kept::start(program);
    let place = |root: &str| Place::at(server.url(), root.into(), Running::Elsewhere);
    let nobody = place("hvs.nobody");
    let open = || nobody.open(&nobody.root, &nobody.uri("job"));
    told(open(), "not initialised");
    let shares = json!({"secret_shares": 1, "secret_threshold": 1});
    let made = server.ask("sys/init", &shares);
    told(open(), "sealed");
    let share = json!({"key": made["keys_base64"][0]});
    server.unseal(&share);

    let place = place(made["root_token"].as_str().unwrap());
    place.mount("");
    let key = place.key("ecdsa-p256");
    let signer = place.open(&place.root, &place.uri(&key)).unwrap();
    let public = place.public_key(&key);
    let sign = || {
        let signature = runtime().block_on(signer.sign(A, b"message"))?;
        verify::aws_lc(&public, A, b"message", &signature).unwrap();
        Ok(())
    };
    sign().unwrap();
    server.stop();
    told(sign(), "refused");
    server.start_again();
    told(sign(), "sealed");
    server.unseal(&share);
    sign().unwrap();
}

/// It passes by itself, and says this.
#[track_caller]
fn told<T>(result: Result<T>, part: &str) {
    let error = result.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains(part), "{error:?}");
}

/// A server with a folder of its own and a port that stays.
struct Kept {
    program: String,
    folder: Scratch,
    address: SocketAddr,
    running: Option<Server>,
}

impl Kept {
    fn start(program: &str) -> Self {
        let mut server = Self {
            program: program.into(),
            folder: Scratch::new(),
            address: free_address(),
            running: None,
        };
        let listener = json!({"address": server.address.to_string(), "tls_disable": true});
        let configuration = json!({
            "storage": {"file": {"path": server.folder.text("data")}},
            "listener": {"tcp": listener},
            "disable_mlock": true,
            "api_addr": server.url(),
        });
        let file = server.folder.path("server.json");
        std::fs::write(file, configuration.to_string()).unwrap();
        server.run(NOT_INITIALISED);
        server
    }

    fn start_again(&mut self) {
        self.run(SEALED);
    }

    fn run(&mut self, state: u16) {
        let configuration = format!("-config={}", self.folder.text("server.json"));
        self.running = Some(serve(&self.program, &[&configuration]));
        self.expect(state);
    }

    fn stop(&mut self) {
        self.running = None;
    }

    fn unseal(&self, share: &Value) {
        self.ask("sys/unseal", share);
        self.expect(ACTIVE);
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Without a token.
    #[track_caller]
    fn ask(&self, path: &str, body: &Value) -> Value {
        let (status, body) = post_json(&format!("{}/v1/{path}", self.url()), &[], body);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Waits until its health is this.
    #[track_caller]
    fn expect(&self, state: u16) {
        let health = format!("{}/v1/sys/health", self.url());
        let is = || try_get(&health, &[]).is_ok_and(|it| it.0 == state);
        assert!(eventually(is), "{} is not at {state}", self.program);
    }
}
