//! azure-keyvault-keys and azure-identity, Microsoft's own clients in Python, judge the double as `keybearer-fake azure`
//! serves it.

use std::{path::Path, process::Command};

use keybearer_conformance::{Trial, require};
use keybearer_tests::{Scratch, Server, heavy_python, ran, tool};

const JUDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/azure_kv.py");

pub(crate) fn microsoft() -> Vec<Trial> {
    let python = || {
        heavy_python("azure.identity")?;
        heavy_python("azure.keyvault.keys")
    };
    let name = "azurekv::judged_by_microsofts_clients";
    require("azure-keyvault-keys", python).trials(name, |python| {
        ["azure", "azure-hsm"]
            .map(|double| {
                let python = python.clone();
                Trial::test(format!("{name}::{double}"), move || {
                    judge(double, &python);
                    Ok(())
                })
            })
            .into()
    })
}

fn judge(double: &str, python: &Path) {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("client", "rsa:2048");
    #[rustfmt::skip]
    let public = tool("openssl", &["x509", "-in", &certificate, "-noout", "-pubkey"]);
    let public = scratch.write("public.pem", public);
    let both = [&certificate, &key].map(|file| std::fs::read(file).unwrap());
    let both = scratch.write("both.pem", both.concat());
    let mut command = fake();
    command.args([double, &certificate, &public]);
    let server = Server::start(command);
    let mut command = Command::new(python);
    command.args([JUDGE, &server.ready.to_string(), &both]);
    // A developer's own certificates, proxies and logins are of no matter here.
    command.env_clear();
    let checks = &ran(&mut command).json()["checks"];
    assert!(
        checks.as_u64().is_some_and(|checks| checks > 150),
        "{checks}"
    );
}

/// The program that serves the double, built where it is not there yet.
fn fake() -> Command {
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    folder.pop();
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--package", "keybearer-fakes", "--bins"]);
    cargo.arg("--target-dir").arg(folder.parent().unwrap());
    ran(&mut cargo).ok();
    Command::new(folder.join("keybearer-fake"))
}
