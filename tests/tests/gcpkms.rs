//! Google Cloud KMS: tokens by the program with each source of credentials, over the strict double; and the double as
//! Google's own client judges it.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "gcpkms/cloud.rs"]
mod cloud;
#[path = "gcpkms/credentials.rs"]
mod credentials;
#[path = "gcpkms/judge.rs"]
mod judge;
#[path = "gcpkms/token.rs"]
mod token;

use std::process::ExitCode;

use cloud::Cloud;
use keybearer_conformance::{Trial, run};

type Test = fn(&Cloud);

fn main() -> ExitCode {
    let tests: [(&str, Test); 6] = [
        ("a_certificate_and_a_token", token::token),
        ("a_blind_account", token::blind),
        ("a_service_account", credentials::service_account),
        ("a_user", credentials::user),
        ("an_impersonated_account", credentials::impersonated),
        ("a_machine", credentials::machine),
    ];
    let trial = |(name, test): (&str, Test)| {
        Trial::test(format!("gcpkms::{name}"), move || {
            test(&Cloud::new());
            Ok(())
        })
    };
    run(tests
        .into_iter()
        .map(trial)
        .chain(judge::google())
        .collect())
}
