//! The whole path by the program: a certificate over the key, an org that knows it, a token, and what `check` says.

use std::process::Command;

use keybearer_tests::{WholePath, assert_step_failed};

use crate::cloud::{BLIND, Cloud, NOBODY, READER, SIGNER, with};

const SIGN: &str = "cloudkms.cryptoKeyVersions.useToSign";
const READ: &str = "cloudkms.cryptoKeyVersions.viewPublicKey";

pub(crate) fn token(cloud: &Cloud) {
    let (path, secret) = walked(cloud);
    let uri = cloud.uri.clone();
    let uri = uri
        .with_attribute("certificate", &path.certificate)
        .to_string();
    let report = |email: &str| path.check(&uri, &[&secret], by(cloud, email));
    assert_eq!(report(SIGNER)["ok"], true);
    assert_step_failed(&report(READER), "exchange", SIGN, "roles/cloudkms.signer");
    let role = "roles/cloudkms.publicKeyViewer";
    assert_step_failed(&report(NOBODY), "key", READ, role);
}

/// May sign, and is told what the key is.
pub(crate) fn blind(cloud: &Cloud) {
    let (path, secret) = walked(cloud);
    let uri = cloud.uri.clone().with_attribute("alg", "RS256");
    let uri = uri.with_attribute("certificate", &path.certificate);
    let report = path.check(&uri.to_string(), &[&secret], by(cloud, BLIND));
    assert_eq!(report["ok"], true, "{report}");
}

fn walked(cloud: &Cloud) -> (WholePath, String) {
    let key = cloud.key_of(SIGNER);
    let pem = key["private_key"].as_str().unwrap();
    let secret = pem.lines().nth(5).unwrap().to_owned();
    let path = WholePath::walk(&cloud.uri.to_string(), &secret, by(cloud, SIGNER));
    (path, secret)
}

/// As this service account, by the file of its key.
fn by(cloud: &Cloud, email: &str) -> impl Fn(&mut Command) {
    let file = cloud.file_of(email);
    move |command| with(command, &[("GOOGLE_APPLICATION_CREDENTIALS", &file)])
}
