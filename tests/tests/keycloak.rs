//! Keycloak judges the assertions of confidential clients. It runs with `cargo xtask test --all` alone: it weighs 177 MB and
//! takes half a minute to start.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    path::Path,
    process::{Command, ExitCode},
    sync::LazyLock,
};

use keybearer_conformance::{Trial, require, run};
use keybearer_tests::{Scratch, Server, USER, heavy, keybearer, post_form, python, ran};
use serde_json::{Value, json};

/// Keycloak wants an issuer to be a URL, and the issuer is the client. A name with colons also shows whether the user name
/// of `Authorization: Basic` is encoded as RFC 6749, section 2.3.1, has it.
const BY_SECRET: &str = "https://app.example/by-secret";
const BY_KEY: &str = "https://app.example/by-key";
const SECRET: &str = "a secret: told by the environment";
const KID: &str = "2026-11";

fn main() -> ExitCode {
    let probe = || Ok((heavy("KEYCLOAK")?, python()?));
    let trials = require("keycloak", probe).trials("keycloak", |(home, python)| {
        // One server for all: it ends with this program, which holds its standard input.
        let judge: &'static LazyLock<Judge, _> = Box::leak(Box::new(LazyLock::new(move || {
            Judge::start(&home, &python)
        })));
        let trial = |name: &str, test: fn(&Judge)| {
            Trial::test(format!("keycloak::{name}"), move || {
                test(judge);
                Ok(())
            })
        };
        vec![
            trial("client_secret_basic", |judge| {
                by_secret(judge, "secret-basic")
            }),
            trial("client_secret_post", |judge| {
                by_secret(judge, "secret-post")
            }),
            trial("private_key_jwt", private_key_jwt),
            trial("a replay is refused", replay_is_refused),
            trial("another key is refused", another_key),
            trial("an unknown user is refused", unknown_user),
        ]
    });
    run(trials)
}

struct Judge {
    server: Server,
    scratch: Scratch,
    key: String,
}

impl Judge {
    fn start(home: &Path, python: &Path) -> Self {
        let scratch = Scratch::new();
        let (key, certificate) = scratch.openssl_key("client", "rsa:2048");
        let clients = json!([
            {"id": BY_SECRET, "key": certificate, "auth": "client_secret", "secret": SECRET, "user": USER},
            {"id": BY_KEY, "key": certificate, "auth": "private_key_jwt", "user": USER},
        ]);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/keycloak_server.py");
        let said = json!({"home": home, "kid": KID, "clients": clients});
        let mut command = Command::new(python);
        command.args([script, &said.to_string()]);
        Self {
            server: Server::start(command),
            scratch,
            key,
        }
    }

    fn keybearer(&self, command: &str, client: &str, key: &str, user: &str) -> Command {
        let url = self.server.said("token_url");
        let mut command = keybearer(&[command, "--json", "--key", key]);
        command.args(["--client-id", client, "--username", user]);
        command.args(["--token-url", url, "--audience", url]);
        command.args(["--header", &format!("kid=\"{KID}\"")]);
        command.env("CLIENT_SECRET", SECRET);
        command
    }

    fn token(&self, client: &str, auth: &str, key: &str, user: &str) -> Command {
        let mut command = self.keybearer("token", client, key, user);
        command.args(["--client-auth", auth]);
        if auth != "private-key-jwt" {
            command.args(["--client-secret-source", "env:CLIENT_SECRET"]);
        }
        command
    }
}

#[track_caller]
fn assert_issued(token: &Value) {
    assert_eq!(token["token_type"], "Bearer", "{token}");
    assert_eq!(token["expires_in"], 300);
    assert_eq!(
        token["access_token"].as_str().unwrap().split('.').count(),
        3
    );
}

#[track_caller]
fn assert_refused(mut command: Command, errors: &[&str]) {
    let told = ran(&mut command).error(3);
    let error = told["oauth"]["error"].as_str().unwrap();
    assert!(errors.contains(&error), "{told}");
}

fn by_secret(judge: &Judge, auth: &str) {
    let token = ran(&mut judge.token(BY_SECRET, auth, &judge.key, USER));
    assert!(!token.stderr.contains(SECRET));
    assert_issued(&token.json());
    let mut wrong = judge.token(BY_SECRET, auth, &judge.key, USER);
    wrong.env("CLIENT_SECRET", "another");
    assert_refused(wrong, &["unauthorized_client", "invalid_client"]);
}

fn private_key_jwt(judge: &Judge) {
    let mut command = judge.token(BY_KEY, "private-key-jwt", &judge.key, USER);
    assert_issued(&ran(&mut command).json());
}

fn replay_is_refused(judge: &Judge) {
    let mut command = judge.keybearer("assertion", BY_SECRET, &judge.key, USER);
    let signed = ran(&mut command).json();
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", signed["assertion"].as_str().unwrap()),
        ("client_id", BY_SECRET),
        ("client_secret", SECRET),
    ];
    let url = judge.server.said("token_url");
    let (status, body) = post_form(url, &form);
    assert_eq!(status, 200, "{body}");
    let (status, body) = post_form(url, &form);
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("invalid_grant"), "{body}");
}

fn another_key(judge: &Judge) {
    let (other, _) = judge.scratch.openssl_key("other", "rsa:2048");
    let command = judge.token(BY_SECRET, "secret-basic", &other, USER);
    assert_refused(command, &["invalid_grant"]);
    let command = judge.token(BY_KEY, "private-key-jwt", &other, USER);
    assert_refused(command, &["invalid_client"]);
}

fn unknown_user(judge: &Judge) {
    let command = judge.token(BY_SECRET, "secret-basic", &judge.key, "nobody");
    assert_refused(command, &["invalid_grant"]);
}
