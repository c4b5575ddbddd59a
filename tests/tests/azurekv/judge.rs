//! azure-keyvault-keys and azure-identity, Microsoft's own clients in Python, judge the double.

use std::{path::Path, process::Command};

use keybearer_conformance::{Trial, require};
use keybearer_fakes::azure::{HSM, VAULT, served};
use keybearer_tests::{Scratch, heavy_python, ran, tool};

const JUDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/azure_kv.py");

pub(crate) fn microsoft() -> Vec<Trial> {
    let python = || {
        heavy_python("azure.identity")?;
        heavy_python("azure.keyvault.keys")
    };
    let name = "azurekv::judged_by_microsofts_clients";
    require("azure-keyvault-keys", python).trials(name, |python| {
        [("vault", VAULT), ("managed_hsm", HSM)]
            .map(|(what, host)| {
                let python = python.clone();
                Trial::test(format!("{name}::{what}"), move || {
                    judge(host, &python);
                    Ok(())
                })
            })
            .into()
    })
}

fn judge(host: &'static str, python: &Path) {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("client", "rsa:2048");
    #[rustfmt::skip]
    let public = tool("openssl", &["x509", "-in", &certificate, "-noout", "-pubkey"]);
    let [key, certificate] = [key, certificate].map(|file| std::fs::read_to_string(file).unwrap());
    let both = scratch.write("both.pem", format!("{certificate}{key}"));
    let (_server, ready) = served(host, Some((&certificate, &public)));
    let mut command = Command::new(python);
    command.args([JUDGE, &ready.to_string(), &both]);
    // A developer's own certificates, proxies and logins are of no matter here.
    command.env_clear();
    let checks = &ran(&mut command).json()["checks"];
    assert!(
        checks.as_u64().is_some_and(|checks| checks > 150),
        "{checks}"
    );
}
