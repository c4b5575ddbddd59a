//! The Salesforce CLI, the client that most people use, logs in to the local org. It runs with `cargo xtask test --all` alone: it
//! weighs 490 MB.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use keybearer_conformance::{Trial, require, run};
use keybearer_tests::{CLIENT_ID, Local, Ran, Scratch, USER, heavy, ran};
use serde_json::Value;

fn main() -> ExitCode {
    let trials = require("sf", || heavy("SF")).trials("sf", |home| {
        let trial = |name: &str, test: fn(&Sf)| {
            let home = home.clone();
            Trial::test(format!("sf::{name}"), move || {
                test(&Sf::new(home));
                Ok(())
            })
        };
        vec![
            trial("org login jwt", logs_in),
            trial("org login jwt with another key is refused", another_key),
        ]
    });
    run(trials)
}

struct Sf {
    home: PathBuf,
    scratch: Scratch,
}

impl Sf {
    fn new(home: PathBuf) -> Self {
        let scratch = Scratch::new();
        Self { home, scratch }
    }

    /// Runs `sf` with nothing of the developer's own, and nothing that it would ask or tell anybody else.
    fn run(&self, arguments: &[&str]) -> Ran {
        let bin = self.home.join("node_modules/.bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(node(&self.home));
        command
            .arg(bin.join("sf"))
            .args(arguments)
            .arg("--json")
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", self.scratch.folder())
            .env("SF_DISABLE_TELEMETRY", "true")
            .env("SF_SKIP_NEW_VERSION_CHECK", "true")
            .env("SF_AUTOUPDATE_DISABLE", "true")
            .env("SF_DISABLE_DNS_CHECK", "true")
            .env("SF_USE_GENERIC_UNIX_KEYCHAIN", "true");
        ran(&mut command)
    }

    fn login(&self, org: &Local, key: &str) -> Ran {
        let url = org.org.url();
        let who = ["--client-id", CLIENT_ID, "--username", USER];
        let arguments = [
            "org",
            "login",
            "jwt",
            "--jwt-key-file",
            key,
            "--instance-url",
            &url,
        ];
        self.run(&[&arguments[..], &who].concat())
    }
}

/// npm's own package of Node, which is newer than the system's.
fn node(home: &Path) -> PathBuf {
    let system = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "x64",
    };
    home.join(format!("node_modules/node-linux-{system}/bin/node"))
}

fn logs_in(sf: &Sf) {
    let (key, certificate) = sf.scratch.openssl_key("key", "rsa:2048");
    let org = Local::with_certificate(&certificate);
    let told = sf.login(&org, &key).json();
    let result = &told["result"];
    assert_eq!(result["username"], USER, "{told}");
    assert_eq!(result["instanceUrl"], org.org.url());
    // What it logged in for works: it calls the API with the token.
    let limits = sf
        .run(&["limits", "api", "display", "--target-org", USER])
        .json();
    let names: Vec<_> = limits["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|limit| &limit["name"])
        .collect();
    assert!(
        names.contains(&&Value::from("DailyApiRequests")),
        "{limits}"
    );
}

fn another_key(sf: &Sf) {
    let (_, certificate) = sf.scratch.openssl_key("key", "rsa:2048");
    let (other, _) = sf.scratch.openssl_key("other", "rsa:2048");
    let org = Local::with_certificate(&certificate);
    let told = sf.login(&org, &other);
    assert_ne!(told.status, 0, "{}", told.stdout);
    assert!((told.stdout + &told.stderr).contains("invalid assertion"));
}
