//! Azure Key Vault by the program: from a key to a token with each way to log in that a test can have, and Microsoft's own
//! clients as judges of the double.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "azurekv/cloud.rs"]
mod cloud;
#[path = "azurekv/judge.rs"]
mod judge;
#[path = "azurekv/login.rs"]
mod login;
#[path = "azurekv/token.rs"]
mod token;

use std::process::ExitCode;

use keybearer_conformance::{Trial, program, require, run};

fn main() -> ExitCode {
    let trial = |name: &str, test: fn()| {
        Trial::test(format!("azurekv::{name}"), move || {
            test();
            Ok(())
        })
    };
    let openssl = || program("openssl", &["version"]).map(drop);
    let mut all = require("openssl", openssl).trials("azurekv", |()| {
        vec![
            trial("a_certificate_and_a_token", token::token),
            trial("a_role_that_may_sign_but_not_read", token::blind_role),
            trial("by_a_client_certificate", login::certificate),
        ]
    });
    all.extend([
        trial("by_the_azure_cli", login::azure_cli),
        trial("without_credentials", login::nobody),
        trial("the_ca_of_the_connection", login::ca_certificate),
        trial("sources_tell_of_it", login::sources),
    ]);
    all.extend(judge::microsoft());
    run(all)
}
