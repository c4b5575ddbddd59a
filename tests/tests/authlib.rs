//! Authlib judges the assertions: its `JWTBearerGrant` issues the tokens, its `JWTBearerClientAssertion` knows the client.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{path::PathBuf, process::ExitCode};

use keybearer_conformance::{Trial, require, run};
use keybearer_tests::{CLIENT_ID, Scratch, Server, USER, get, keybearer, post_form, python, ran};
use serde_json::{Value, json};

/// Read by the program under test, so that it stands in no list of processes.
const SECRET: &str = "a secret that is told by the environment";

fn main() -> ExitCode {
    let trials = require("authlib", python).trials("authlib", |python| {
        let trial = |name: &str, test: fn(&Judge)| {
            let python = python.clone();
            Trial::test(format!("authlib::{name}"), move || {
                test(&Judge::new(python));
                Ok(())
            })
        };
        vec![
            trial("a token for our assertion", token_for_our_assertion),
            trial("an elliptic curve", elliptic_curve),
            trial("a replay is refused", replay_is_refused),
            trial("another key is refused, once", another_key),
            trial("an unknown user is refused", unknown_user),
            trial("client_secret_basic", |judge| by_secret(judge, "basic")),
            trial("client_secret_post", |judge| by_secret(judge, "post")),
            trial("a wrong client secret is refused", wrong_secret),
            trial("private_key_jwt", private_key_jwt),
        ]
    });
    run(trials)
}

struct Judge {
    python: PathBuf,
    scratch: Scratch,
}

/// A running server and the key of its one client.
struct Started<'a> {
    server: Server,
    scratch: &'a Scratch,
    key: String,
}

impl Judge {
    fn new(python: PathBuf) -> Self {
        let scratch = Scratch::new();
        Self { python, scratch }
    }

    /// A server with one client, which has the certificate of a new key of this kind.
    fn start(&self, kind: &str, auth: &str) -> Started<'_> {
        let (key, certificate) = self.scratch.openssl_key("client", kind);
        let client = json!({"id": CLIENT_ID, "key": certificate, "auth": auth, "secret": SECRET, "users": [USER]});
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/authlib_server.py");
        let mut command = std::process::Command::new(&self.python);
        command.args([script, &json!({"clients": [client]}).to_string()]);
        Started {
            server: Server::start(command),
            scratch: &self.scratch,
            key,
        }
    }
}

impl Started<'_> {
    fn url(&self) -> &str {
        self.server.said("token_url")
    }

    fn keybearer(&self, command: &str, more: &[&str]) -> std::process::Command {
        let mut command = keybearer(&[command, "--json", "--client-id", CLIENT_ID]);
        command.args(["--token-url", self.url(), "--audience", self.url()]);
        command.args(more).env("CLIENT_SECRET", SECRET);
        command
    }

    fn token(&self, more: &[&str]) -> std::process::Command {
        let mut command = self.keybearer("token", more);
        command.args(["--key", &self.key, "--username", USER]);
        command
    }

    /// What the server says it has answered: status, error, and the fields of the form.
    fn answered(&self) -> Vec<Value> {
        let (status, body) = get(&self.url().replace("/token", "/requests"), &[]);
        assert_eq!(status, 200);
        serde_json::from_str(&body).unwrap()
    }
}

#[track_caller]
fn assert_issued(token: &Value) {
    assert_eq!(token["token_type"], "Bearer", "{token}");
    assert_eq!(token["expires_in"], 600);
    assert!(token["access_token"].as_str().unwrap().len() > 20);
    assert!(token["obtained_at"].is_string());
}

/// The refusal of a token request, which must have been the only one.
#[track_caller]
fn assert_refused(judge: &Started<'_>, mut command: std::process::Command, error: &str) {
    let told = ran(&mut command).error(3);
    assert_eq!(told["kind"], "oauth", "{told}");
    assert_eq!(told["oauth"]["error"], error);
    assert_eq!(judge.answered().len(), 1, "a refusal costs one request");
}

fn token_for_our_assertion(judge: &Judge) {
    let judge = judge.start("rsa:2048", "none");
    let token = ran(&mut judge.token(&["--scope", "read write"])).json();
    assert_issued(&token);
    assert_eq!(token["scope"], "read write");
    let answered = judge.answered();
    assert_eq!(
        answered,
        [json!({"status": 200, "error": null, "fields": ["assertion", "grant_type", "scope"]})]
    );
}

fn elliptic_curve(judge: &Judge) {
    let judge = judge.start("ec", "none");
    assert_issued(&ran(&mut judge.token(&["--alg", "ES256"])).json());
}

fn replay_is_refused(judge: &Judge) {
    let judge = judge.start("rsa:2048", "none");
    let mut command = judge.keybearer("assertion", &["--key", &judge.key, "--username", USER]);
    let signed = ran(&mut command).json();
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", signed["assertion"].as_str().unwrap()),
    ];
    let (status, body) = post_form(judge.url(), &form);
    assert_eq!(status, 200, "{body}");
    let (status, body) = post_form(judge.url(), &form);
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("jti was used before"), "{body}");
    // Ours is never a replay: each login signs a new assertion.
    for _ in 0..2 {
        assert_issued(&ran(&mut judge.token(&[])).json());
    }
}

fn another_key(judge: &Judge) {
    let judge = judge.start("rsa:2048", "none");
    let (other, _) = judge.scratch.openssl_key("other", "rsa:2048");
    let command = judge.keybearer("token", &["--key", &other, "--username", USER]);
    assert_refused(&judge, command, "invalid_grant");
}

fn unknown_user(judge: &Judge) {
    let judge = judge.start("rsa:2048", "none");
    let command = judge.keybearer("token", &["--key", &judge.key, "--username", "nobody"]);
    assert_refused(&judge, command, "invalid_grant");
}

fn by_secret(judge: &Judge, method: &str) {
    let judge = judge.start("rsa:2048", &format!("client_secret_{method}"));
    let method = format!("secret-{method}");
    let more = [
        "--client-auth",
        &method,
        "--client-secret-source",
        "env:CLIENT_SECRET",
    ];
    let token = ran(&mut judge.token(&more));
    assert!(!token.stderr.contains(SECRET));
    assert_issued(&token.json());
}

fn wrong_secret(judge: &Judge) {
    let judge = judge.start("rsa:2048", "client_secret_basic");
    let more = [
        "--client-auth",
        "secret-basic",
        "--client-secret-source",
        "env:CLIENT_SECRET",
    ];
    let mut command = judge.token(&more);
    command.env("CLIENT_SECRET", "another");
    assert_refused(&judge, command, "invalid_client");
}

fn private_key_jwt(judge: &Judge) {
    let judge = judge.start("rsa:2048", "private_key_jwt");
    let token = ran(&mut judge.token(&["--client-auth", "private-key-jwt"])).json();
    assert_issued(&token);
    let fields = &judge.answered()[0]["fields"];
    assert_eq!(
        *fields,
        json!([
            "assertion",
            "client_assertion",
            "client_assertion_type",
            "grant_type"
        ])
    );
    // Without it the same client is refused.
    ran(&mut judge.token(&[])).error(3);
}
