//! `keybearer-fake NAME`: serves a double to other programs. The first line on standard output is JSON and says where; the
//! double ends when standard input closes.
#![allow(clippy::unwrap_used, reason = "this is test code")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::{
    io::{Read, Write},
    process::ExitCode,
};

use keybearer_fakes::{Kind, Server, Tls, azure, gcp, vault};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    match name.as_str() {
        "azure" => serve_azure(azure::VAULT),
        "azure-hsm" => serve_azure(azure::HSM),
        "gcp" => serve_gcp(),
        "vault" => serve_vault(),
        _ => {
            eprintln!("usage: keybearer-fake azure|azure-hsm|gcp|vault");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Says where a double is, and waits until nobody needs it any more.
fn until_eof(ready: &Value) {
    println!("{ready}");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Cloud KMS with one key of each algorithm, and with accounts who may do this and that.
fn serve_gcp() {
    let server = Server::start(gcp::Gcp::new());
    let (fake, url) = (&server.service, server.url());
    let keys: serde_json::Map<String, Value> = gcp::ALGORITHMS
        .iter()
        .map(|&algorithm| {
            let key = algorithm.to_lowercase().replace('_', "-");
            (algorithm.to_owned(), fake.make(&key, algorithm).into())
        })
        .collect();
    let disabled = fake.make("disabled", "EC_SIGN_P256_SHA256");
    fake.set_state(&disabled, "DISABLED");
    let accounts: serde_json::Map<String, Value> = [
        ("signer", &[gcp::SIGN, gcp::READ, gcp::GET, gcp::LIST][..]),
        ("reader", &[gcp::READ]),
        ("blind", &[gcp::SIGN]),
        ("nobody", &[]),
    ]
    .into_iter()
    .map(|(name, permissions)| {
        let email = format!("{name}@p-1.iam.gserviceaccount.com");
        fake.account(&email, permissions);
        (name.to_owned(), fake.service_account_file(&email, &url))
    })
    .collect();
    until_eof(&json!({
        "url": url,
        "keys": keys,
        "disabled": disabled,
        "encrypts": fake.make("encrypts", "GOOGLE_SYMMETRIC_ENCRYPTION"),
        "accounts": accounts,
    }));
}

/// Key Vault or a Managed HSM with a key of each type, Entra and the identities of a machine, by their real names too: who sends those names
/// to this port meets no other difference. The certificate and public key of an application may follow, as files in PEM.
fn serve_azure(host: &'static str) {
    use azure::{App, GET, SIGN};
    let tls = Tls::new(&[host, azure::LOGIN]);
    let fake = azure::Azure::at(host);
    let secret = "judge~secret-of-the-fake".to_owned();
    let app = |name: &str, permissions: &[&'static str]| {
        let permissions = permissions.to_vec();
        let app = App {
            permissions,
            secret: Some(secret.clone()),
            ..App::default()
        };
        fake.register(name, app);
    };
    app("signer", &[GET, SIGN]);
    app("reader", &[GET]);
    app("blind", &[SIGN]);
    app("nobody", &[]);
    app("machine", &[GET, SIGN]);
    fake.identities(&["machine"]);
    let pod = App {
        permissions: vec![GET, SIGN],
        federated: Some("eyJ.federated.token".into()),
        ..App::default()
    };
    fake.register("pod", pod);
    let files: Vec<_> = std::env::args().skip(2).map(der).collect();
    if let [certificate, public] = files.as_slice() {
        let certified = App {
            permissions: vec![GET, SIGN],
            certificate: Some((certificate.clone(), public.clone())),
            ..App::default()
        };
        let named = App {
            is_by_name: true,
            ..certified.clone()
        };
        fake.register("certified", certified);
        fake.register("named", named);
    }
    let kinds = Kind::ALL.iter().filter(|kind| **kind != Kind::Ed25519);
    let keys: serde_json::Map<String, Value> = kinds
        .map(|&kind| {
            let name = format!("{kind:?}");
            (name.clone(), fake.make(&name, kind).into())
        })
        .collect();
    let changed = |name: &str, change: fn(&mut azure::Version)| {
        let kid = fake.make(name, Kind::P256);
        fake.change(&kid, change);
        kid
    };
    let unfit = json!({
        "KeyDisabled": changed("disabled", |it| it.is_enabled = false),
        "KeyNotYetValid": changed("early", |it| it.not_before = Some(4_102_444_800)),
        "KeyExpired": changed("late", |it| it.expires = Some(1_000_000_000)),
        "KeyOperationForbidden": changed("verifies", |it| it.operations = vec!["verify"]),
    });
    let server = Server::start_tls(fake, tls.config);
    until_eof(&json!({
        "url": server.url(),
        "port": server.address().port(),
        "names": [host, azure::LOGIN],
        "ca_pem": tls.ca_pem,
        "tenant": azure::TENANT,
        "secret": secret,
        "federated": "eyJ.federated.token",
        "identity_header": azure::IDENTITY_HEADER,
        "keys": keys,
        "unfit": unfit,
    }));
}

/// The first block of a file in PEM.
fn der(path: String) -> Vec<u8> {
    let text = std::fs::read(path).unwrap();
    pem::parse(text).unwrap().into_contents()
}

/// Vault with one key of each type, a token that may do all, and an AppRole that may too.
fn serve_vault() {
    let server = Server::start(vault::Vault::default());
    let keys = Kind::ALL.map(|kind| {
        let name = vault::key_type(kind);
        server.service.make(name, kind);
        name
    });
    until_eof(&json!({
        "url": server.url(),
        "keys": keys,
        "token": vault::ROOT,
        "role_id": vault::ROLE,
        "secret_id": vault::SECRET_ID,
    }));
}
