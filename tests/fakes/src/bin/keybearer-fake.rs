//! `keybearer-fake NAME`: serves a double to other programs. The first line on standard output is JSON and says where; the
//! double ends when standard input closes.
#![allow(clippy::unwrap_used, reason = "this is test code")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::{
    io::{Read, Write},
    process::ExitCode,
};

use keybearer_fakes::{Kind, Server, gcp, vault};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    match name.as_str() {
        "gcp" => serve_gcp(),
        "vault" => serve_vault(),
        _ => {
            eprintln!("usage: keybearer-fake gcp|vault");
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
