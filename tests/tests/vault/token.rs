//! The whole path by the program: a certificate over the key, an org that knows it, a token, and what `check` says.

use std::process::Command;

use keybearer_tests::{Org, Scratch, keybearer, ran, tool};
use serde_json::Value;

use crate::place::Place;

pub(crate) fn token(place: &Place) {
    let scratch = Scratch::new();
    let key = place.key("rsa-2048");
    let (sign, read) = (format!("transit/sign/{key}"), format!("transit/keys/{key}"));
    let signer = place.token("", &[("update", &sign), ("read", &read)]);
    let uri = place.uri(&key).to_string();
    let mut made = keybearer(&["cert", "new", "--key", &uri, "--subject", "CN=jwt"]);
    let certificate = ran(by(&signer, &mut made)).ok();
    let certificate = scratch.write("jwt.crt", certificate);
    // The certificate is one, by openssl's judgement: signed by its own key.
    tool(
        "openssl",
        &["verify", "-CAfile", &certificate, &certificate],
    );

    let org = Org::with_certificate(certificate.as_ref());
    let mut command = org.keybearer(&["token", "--json", "--key", &uri]);
    let told = ran(by(&signer, &mut command));
    assert!(!told.stderr.contains(&signer));
    assert!(told.json()["access_token"].as_str().unwrap().contains('!'));
    let entry = &org.log()[0];
    assert_eq!(entry["outcome"], "granted", "{entry}");

    let with_certificate = place.uri(&key).with_attribute("certificate", &certificate);
    let with_certificate = with_certificate.to_string();
    let report = |token: &str| {
        let mut command = org.keybearer(&["check", "--json", "--key", &with_certificate]);
        let told = ran(by(token, &mut command)).stdout;
        assert!(!told.contains(token));
        serde_json::from_str::<Value>(&told).unwrap()
    };
    assert_eq!(report(&signer)["ok"], true);
    failed(
        &report(&place.token("", &[("read", &read)])),
        "exchange",
        &sign,
    );
    failed(&report(&place.token("", &[])), "key", &read);
}

/// This step has failed, and both the reason and the cure name the path.
#[track_caller]
fn failed(report: &Value, name: &str, path: &str) {
    let steps = report["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["name"] == name).unwrap();
    assert_eq!(step["status"], "failed", "{report}");
    for part in ["detail", "cure"] {
        assert!(step[part].as_str().unwrap().contains(path), "{step}");
    }
}

/// With this token in the environment, and nothing else of a developer's own use of Vault there.
fn by<'a>(token: &str, command: &'a mut Command) -> &'a mut Command {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("VAULT_") || name.starts_with("BAO_") {
            command.env_remove(name);
        }
    }
    command.env("VAULT_TOKEN", token)
}
