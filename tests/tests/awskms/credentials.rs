//! Where the SDK's default chain finds credentials, and what is said where it finds none.

use std::process::Command;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_tests::{
    Ran, Scratch,
    gate::Gate,
    keybearer,
    kms::{Kms, REGION},
    ran,
};
use serde_json::json;

use crate::token::without_aws;

pub(crate) fn all(kms: &Kms) {
    none(kms);
    profiles(kms);
    web_identity(kms);
    container(kms);
}

fn none(kms: &Kms) {
    let error = unauthenticated(&shown(kms, "", &[]));
    for source in [
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "ECS",
        "EC2",
    ] {
        assert!(error.contains(source), "{source}: {error}");
    }
}

fn profiles(kms: &Kms) {
    let scratch = Scratch::new();
    let keys = |user: &str| {
        let (id, secret) = kms.user(user);
        format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
    };
    let (id, secret) = kms.user("signer");
    let answer = json!({"Version": 1, "AccessKeyId": id, "SecretAccessKey": secret});
    let answer = scratch.write("answer.json", answer.to_string());
    let config = format!(
        "[profile team]\n{signer}[profile assumer]\n{assumer}\
        [profile role]\nrole_arn = {role}\nsource_profile = assumer\n\
        [profile process]\ncredential_process = cat {answer}\n\
        [profile broken]\ncredential_process = false\n",
        signer = keys("signer"),
        assumer = keys("assumer"),
        role = kms.said("role"),
    );
    let config = scratch.write("config", config);
    let (id, secret) = kms.user("nobody");
    let mut set = vec![
        ("AWS_CONFIG_FILE", config.as_str()),
        ("AWS_ENDPOINT_URL_STS", kms.said("endpoint")),
    ];
    set.push(("AWS_PROFILE", "team"));
    ran_well(&shown(kms, "", &set));
    set.pop();
    // The profile of the URI is meant, whatever the environment has.
    set.extend([("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)]);
    for profile in ["team", "role", "process"] {
        ran_well(&shown(kms, profile, &set));
    }
    for profile in ["missing", "broken"] {
        let error = unauthenticated(&shown(kms, profile, &set));
        assert!(error.contains(&format!("profile {profile}")), "{error}");
    }
}

fn web_identity(kms: &Kms) {
    let scratch = Scratch::new();
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "https://token.example", "sub": "job", "aud": "sts.amazonaws.com"});
    let token = format!("{}.{}.c2ln", part(json!({"alg": "RS256"})), part(claims));
    let file = scratch.write("token", &token);
    let set = |file, role| {
        [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", file),
            ("AWS_ROLE_ARN", role),
            ("AWS_ENDPOINT_URL_STS", kms.said("endpoint")),
        ]
    };
    ran_well(&shown(kms, "", &set(&file, kms.said("web_role"))));
    for (file, role) in [
        ("/nonexistent/token", kms.said("web_role")),
        (&file, kms.said("role")),
    ] {
        let error = unauthenticated(&shown(kms, "", &set(file, role)));
        assert!(!error.contains(&token), "{error}");
    }
}

fn container(kms: &Kms) {
    let gate = Gate::before(kms.address());
    let (id, secret) = kms.user("signer");
    let url = format!("{}/credentials", gate.url());
    let set = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str())];
    unauthenticated(&shown(kms, "", &set));
    let answer = json!({"AccessKeyId": id, "SecretAccessKey": secret, "Token": "", "Expiration": "2099-01-01T00:00:00Z"});
    gate.answer_with("application/json", answer.to_string());
    ran_well(&shown(kms, "", &set));
}

/// The key is looked at with these variables, and with this profile in its URI.
fn shown(kms: &Kms, profile: &str, set: &[(&str, &str)]) -> Ran {
    let mut uri = kms.uri(kms.said("alias")).with_attribute("region", REGION);
    if !profile.is_empty() {
        uri = uri.with_attribute("profile", profile);
    }
    let mut command = keybearer(&["key", "show", &uri.to_string(), "--json"]);
    let command: &mut Command = without_aws(&mut command);
    ran(command.envs(set.iter().copied()))
}

#[track_caller]
fn ran_well(ran: &Ran) {
    assert_eq!(ran.status, 0, "{}", ran.stderr);
}

/// The error, which is one of credentials.
#[track_caller]
fn unauthenticated(ran: &Ran) -> String {
    let error = ran.error(ran.status);
    assert_eq!(error["kind"], "unauthenticated", "{error}");
    error.to_string()
}
