//! The whole path by the program: a certificate over the key, an org that knows it, a token, and what `check` says.

use std::process::Command;

use keybearer_tests::{Org, Scratch, keybearer, ran, tool};
use serde_json::Value;

use crate::kms::{Kms, REGION};

pub(crate) fn token(kms: &Kms) {
    let scratch = Scratch::new();
    let uri = kms.uri(kms.said("alias")).to_string();
    let mut made = keybearer(&["cert", "new", "--key", &uri, "--subject", "CN=jwt"]);
    let certificate = ran(by(kms, "signer", &mut made)).ok();
    let certificate = scratch.write("jwt.crt", certificate);
    // The certificate is one, by openssl's judgement: signed by its own key.
    let trusted = ["verify", "-CAfile", &certificate, &certificate];
    tool("openssl", &trusted);

    let org = Org::with_certificate(certificate.as_ref());
    let mut command = org.keybearer(&["token", "--json", "--key", &uri]);
    let told = ran(by(kms, "signer", &mut command));
    assert!(!told.stderr.contains(kms.user("signer").1));
    assert!(told.json()["access_token"].as_str().unwrap().contains('!'));
    let entry = &org.log()[0];
    assert_eq!(entry["outcome"], "granted", "{entry}");

    let with_certificate = kms
        .uri(kms.said("alias"))
        .with_attribute("certificate", &certificate)
        .to_string();
    let report = |user: &str| {
        let mut command = org.keybearer(&["check", "--json", "--key", &with_certificate]);
        let told = ran(by(kms, user, &mut command)).stdout;
        serde_json::from_str::<Value>(&told).unwrap()
    };
    assert_eq!(report("signer")["ok"], true);
    failed(&report("reader"), "exchange", "kms:Sign");
    failed(&report("nobody"), "key", "kms:GetPublicKey");
}

/// This step has failed, and both the reason and the cure name the permission.
#[track_caller]
fn failed(report: &Value, name: &str, permission: &str) {
    let steps = report["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["name"] == name).unwrap();
    assert_eq!(step["status"], "failed", "{report}");
    for part in ["detail", "cure"] {
        assert!(step[part].as_str().unwrap().contains(permission), "{step}");
    }
}

/// With the credentials of this user in the environment, and nothing else of AWS there.
fn by<'a>(kms: &Kms, user: &str, command: &'a mut Command) -> &'a mut Command {
    let (id, secret) = kms.user(user);
    without_aws(command)
        .env("AWS_ACCESS_KEY_ID", id)
        .env("AWS_SECRET_ACCESS_KEY", secret)
}

/// In a region, with nothing of what a developer's own use of AWS may have set.
pub(crate) fn without_aws(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command
        .env("AWS_REGION", REGION)
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
}
