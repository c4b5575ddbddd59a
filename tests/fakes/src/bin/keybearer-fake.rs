//! `keybearer-fake NAME`: serves a double to other programs. The first line on standard output is JSON and says where; the
//! double ends when standard input closes.
#![allow(clippy::unwrap_used, reason = "this is test code")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::{
    io::{Read, Write},
    process::ExitCode,
};

use keybearer_fakes::{Kind, Server, azure, gcp, vault};
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
    let (_server, ready) = gcp::served();
    until_eof(&ready);
}

/// The certificate and public key of an application may follow, as files in PEM.
fn serve_azure(host: &'static str) {
    let files: Vec<_> = std::env::args()
        .skip(2)
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let certificate = files.first().zip(files.get(1));
    let (_server, ready) = azure::served(host, certificate.map(|(a, b)| (&**a, &**b)));
    until_eof(&ready);
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
