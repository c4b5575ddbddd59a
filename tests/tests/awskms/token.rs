//! The whole path by the program: a certificate over the key, an org that knows it, a token, and what `check` says.

use std::process::Command;

use keybearer_tests::{
    WholePath, assert_step_failed,
    kms::{Kms, REGION},
};

pub(crate) fn token(kms: &Kms) {
    let uri = kms.uri(kms.said("alias"));
    let secret = kms.user("signer").1;
    let path = WholePath::walk(&uri.to_string(), secret, by(kms, "signer"));
    let with_certificate = uri
        .with_attribute("certificate", &path.certificate)
        .to_string();
    let report = |user: &str| {
        let secret = kms.user(user).1;
        path.check(&with_certificate, &[secret], by(kms, user))
    };
    assert_eq!(report("signer")["ok"], true);
    for (user, step, permission) in [
        ("reader", "exchange", "kms:Sign"),
        ("nobody", "key", "kms:GetPublicKey"),
    ] {
        assert_step_failed(&report(user), step, permission, permission);
    }
}

/// With the credentials of this user in the environment, and nothing else of AWS there.
fn by(kms: &Kms, user: &str) -> impl Fn(&mut Command) {
    let (id, secret) = kms.user(user);
    move |command| {
        without_aws(command)
            .env("AWS_ACCESS_KEY_ID", id)
            .env("AWS_SECRET_ACCESS_KEY", secret);
    }
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
