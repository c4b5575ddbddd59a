//! The suite, over a JKS store that keytool made.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    path::Path,
    process::{Command, ExitCode},
    sync::Arc,
};

use keybearer_conformance::{TestEnv, Trial, UriSubject, program, require, run, trials};
use keybearer_core::{KeyUri, PublicKey, Registry};
use keybearer_jks::Jks;

fn main() -> ExitCode {
    let keytool = require("keytool", || program("keytool", &["-help"]));
    let folder = tempfile::tempdir().unwrap();
    run(keytool.trials("jks", |_| all(folder.path())))
}

fn all(folder: &Path) -> Vec<Trial> {
    let store = folder.join("store.jks").to_str().unwrap().to_owned();
    let keytool = |arguments: &str| {
        let made = Command::new("keytool")
            .args(arguments.split(' '))
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stdout)
        );
        made.stdout
    };
    let common = format!("-keystore {store} -storetype JKS -storepass correct-horse");
    for (alias, password) in [("job", "correct-horse"), ("other", "other-password")] {
        keytool(&format!(
            "-genkeypair -keyalg RSA -keysize 2048 -alias {alias} -dname CN={alias} -keypass {password} {common}"
        ));
    }
    let certificate = keytool(&format!("-exportcert -rfc -alias job {common}"));
    let public = PublicKey::from_file(&certificate).unwrap();
    let base = KeyUri::literal("jks", &store);
    let uri = |alias: &str, source: &str| {
        base.clone()
            .with_attribute("alias", alias)
            .with_attribute("password-source", source)
    };
    let env = TestEnv::new()
        .var("PASSWORD", "correct-horse")
        .var("WRONG", "battery-staple");
    let subject = UriSubject::new(
        Registry::new().with(Jks),
        uri("JOB", "env:PASSWORD"),
        public,
    )
    .env(env.clone())
    .secret("correct-horse")
    .secret("battery-staple")
    .certificates(1)
    .wrong_secret(uri("job", "env:WRONG"))
    .missing_key(uri("missing", "env:PASSWORD"))
    .twin_keys(
        base.clone()
            .with_attribute("password-source", "env:PASSWORD"),
    );
    trials("jks", Arc::new(subject))
}
