//! The suite, over the strict fake: one key of each algorithm, and an account that may not read the public key.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
};

use keybearer_conformance::{TestEnv, UriSubject, run, trials};
use keybearer_core::{Algorithm, KeyUri, PublicKey, Registry};
use keybearer_fakes::{
    Server,
    gcp::{ALGORITHMS, Gcp, LIST, READ, RING, SIGN},
    nobody,
};
use keybearer_gcpkms::GcpKms;
use serde_json::Value;

const SIGNER: &str = "signer@p-1.iam.gserviceaccount.com";
const BLIND: &str = "blind@p-1.iam.gserviceaccount.com";
const USER: &str = "someone@example.com";

fn main() -> ExitCode {
    let blind = ("blind", "RSA_SIGN_PKCS1_2048_SHA256", BLIND);
    let subjects = ALGORITHMS.map(|algorithm| (algorithm, algorithm, SIGNER));
    // Run again for one check, the program makes no keys for the others.
    let only = std::env::args().skip_while(|it| it != "--exact").nth(1);
    // Each counts what its own fake is asked.
    let mut fakes = Vec::new();
    let mut all = Vec::new();
    for (name, algorithm, email) in subjects.into_iter().chain([blind]) {
        let name = name.to_lowercase();
        let is_of = |check: &str| check.starts_with(&format!("{name}::"));
        if !only.as_deref().is_none_or(is_of) {
            continue;
        }
        let fake = Server::start(Gcp::new());
        let subject = subject(&fake, algorithm, email);
        all.extend(trials(&name, Arc::new(subject)));
        fakes.push(fake);
    }
    run(all)
}

/// What such a key version does, written down once more: the product's own table is what is tested.
fn does(algorithm: &str) -> Algorithm {
    match algorithm {
        "RSA_SIGN_PKCS1_2048_SHA256" | "RSA_SIGN_PKCS1_3072_SHA256" => Algorithm::Rs256,
        "RSA_SIGN_PKCS1_4096_SHA512" => Algorithm::Rs512,
        "RSA_SIGN_PSS_2048_SHA256" | "RSA_SIGN_PSS_3072_SHA256" => Algorithm::Ps256,
        "RSA_SIGN_PSS_4096_SHA512" => Algorithm::Ps512,
        "EC_SIGN_P256_SHA256" => Algorithm::Es256,
        "EC_SIGN_P384_SHA384" => Algorithm::Es384,
        _ => Algorithm::Ed25519,
    }
}

fn subject(fake: &Server<Gcp>, algorithm: &'static str, email: &str) -> UriSubject {
    for (email, permissions) in [
        (SIGNER, &[SIGN, READ, LIST][..]),
        (BLIND, &[SIGN]),
        (USER, &[SIGN, READ]),
    ] {
        fake.service.account(email, permissions);
    }
    for _ in 0..2 {
        fake.service.make("twins", "EC_SIGN_P256_SHA256");
    }
    let version = fake.service.make("jwt", algorithm);
    let public = PublicKey::from_spki_der(&fake.service.spki_der(&version)).unwrap();
    let uri = |version: &str, endpoint: &str, source: &str| {
        let uri = KeyUri::literal("gcpkms", version)
            .with_attribute("endpoint", endpoint)
            .with_attribute("credentials-source", source);
        match email {
            BLIND => uri.with_attribute("alg", does(algorithm).name()),
            _ => uri,
        }
    };
    let url = fake.url();
    let file = fake.service.service_account_file(email, &url);
    let mut wrong = fake.service.user_file(USER, &url);
    wrong["refresh_token"] = "1//battery-staple".into();
    let (state, tokens) = (fake.service.clone(), fake.service.clone());
    let uri_of = |version: &str| uri(version, &url, "env:CREDENTIALS");
    let subject = UriSubject::new(Registry::new().with(GcpKms), uri_of(&version), public)
        .env(
            TestEnv::new()
                .var("CREDENTIALS", file.to_string())
                .var("WRONG", wrong.to_string()),
        )
        .algorithms(vec![does(algorithm)])
        .secret(private_part(&file))
        .secret("battery-staple")
        .attempts(move || tokens.token_requests.load(Ordering::SeqCst))
        .wrong_secret(uri(&version, &url, "env:WRONG"))
        .missing_key(uri_of(&format!("{}99", version)))
        .service_down(uri(&version, &nobody(), "env:CREDENTIALS"))
        .requests(move || state.requests.load(Ordering::SeqCst));
    let twins = uri_of(&format!("{RING}/twins"));
    match (email, algorithm) {
        // It may not list versions.
        (BLIND, _) => subject.tells_public_key(false),
        (_, "EC_SIGN_ED25519") => subject.twin_keys(twins).max_message(64 << 10),
        _ => subject.twin_keys(twins),
    }
}

/// A line from the middle of the key, which no other text has.
fn private_part(file: &Value) -> String {
    let pem = file["private_key"].as_str().unwrap();
    pem.lines().nth(5).unwrap().into()
}
