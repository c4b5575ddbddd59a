//! The suite, over stores that openssl and keytool made.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod common;

use std::{process::ExitCode, sync::Arc};

use common::{Folder, PASSWORD};
use keybearer_conformance::{TestEnv, Trial, UriSubject, program, require, run, trials};
use keybearer_core::{KeyUri, PublicKey, Registry};
use keybearer_pkcs12::Pkcs12;

fn main() -> ExitCode {
    let folder = Folder::new();
    let openssl = require("openssl", || program("openssl", &["version"]));
    let keytool = require("keytool", || program("keytool", &["-help"]));
    let mut all = openssl.trials("pkcs12_by_openssl", |_| by_openssl(&folder));
    all.extend(keytool.trials("pkcs12_by_keytool", |_| by_keytool(&folder)));
    run(all)
}

fn by_openssl(folder: &Folder) -> Vec<Trial> {
    folder.key("only", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    folder.run(
        "openssl",
        "pkcs12 -export -inkey only.pem -in only.crt -passout pass:correct-horse -out only.p12",
    );
    let subject = subject(folder.uri("only.p12"), folder.public("only"))
        .missing_key(folder.uri("missing.p12"));
    trials("pkcs12_by_openssl", Arc::new(subject))
}

fn by_keytool(folder: &Folder) -> Vec<Trial> {
    for alias in ["Job", "other"] {
        folder.run(
            "keytool",
            &format!(
                "-genkeypair -keyalg EC -groupname secp256r1 -alias {alias} -dname CN={alias} -keystore twins.p12 -storepass {PASSWORD}"
            ),
        );
    }
    let certificate = folder.run(
        "keytool",
        &format!("-exportcert -rfc -alias job -keystore twins.p12 -storepass {PASSWORD}"),
    );
    let public = PublicKey::from_file(&certificate).unwrap();
    let base = folder
        .uri("twins.p12")
        .with_attribute("password-source", "env:PASSWORD");
    let job = folder.uri("twins.p12").with_attribute("alias", "JOB");
    let subject = subject(job, public)
        .missing_key(base.clone().with_attribute("alias", "missing"))
        .twin_keys(base);
    trials("pkcs12_by_keytool", Arc::new(subject))
}

fn subject(uri: KeyUri, public: PublicKey) -> UriSubject {
    let with = |source: &str| uri.clone().with_attribute("password-source", source);
    UriSubject::new(Registry::new().with(Pkcs12), with("env:PASSWORD"), public)
        .env(
            TestEnv::new()
                .var("PASSWORD", PASSWORD)
                .var("WRONG", "battery-staple"),
        )
        .secret(PASSWORD)
        .secret("battery-staple")
        .certificates(1)
        .wrong_secret(with("env:WRONG"))
}
