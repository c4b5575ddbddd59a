//! The whole path by the program: a certificate over the key, an org that knows it, a token, and what `check` says.

use std::process::Command;

use keybearer_tests::{WholePath, assert_step_failed};

use crate::place::Place;

pub(crate) fn token(place: &Place) {
    let key = place.key("rsa-2048");
    let (sign, read) = (format!("transit/sign/{key}"), format!("transit/keys/{key}"));
    let signer = place.token("", &[("update", &sign), ("read", &read)]);
    let uri = place.uri(&key);
    let path = WholePath::walk(&uri.to_string(), &signer, by(&signer));
    let with_certificate = uri
        .with_attribute("certificate", &path.certificate)
        .to_string();
    let report = |token: &str| path.check(&with_certificate, &[token], by(token));
    assert_eq!(report(&signer)["ok"], true);
    let reader = place.token("", &[("read", &read)]);
    assert_step_failed(&report(&reader), "exchange", &sign, &sign);
    let nobody = place.token("", &[]);
    assert_step_failed(&report(&nobody), "key", &read, &read);
}

/// With this token in the environment, and nothing else of a developer's own use of Vault there.
fn by(token: &str) -> impl Fn(&mut Command) {
    move |command| {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("VAULT_") || name.starts_with("BAO_") {
                command.env_remove(name);
            }
        }
        command.env("VAULT_TOKEN", token);
    }
}
