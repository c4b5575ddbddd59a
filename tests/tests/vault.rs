//! Vault's Transit: the double and, where `bao` or `vault` is on the path, a real server must do the same.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "vault/access.rs"]
mod access;
#[path = "vault/judge.rs"]
mod judge;
#[path = "vault/network.rs"]
mod network;
#[path = "vault/place.rs"]
mod place;
#[path = "vault/restart.rs"]
mod restart;
#[path = "vault/token.rs"]
mod token;

use std::{net::TcpListener, process::ExitCode, sync::Arc};

use keybearer_conformance::{TestEnv, Trial, UriSubject, program, require, run, trials};
use keybearer_core::Registry;
use keybearer_vault::Vault;
use place::Place;

type Test = fn(&Place);

/// Types of keys by the server's names.
const KINDS: [&str; 7] = [
    "rsa-2048",
    "rsa-3072",
    "rsa-4096",
    "ecdsa-p256",
    "ecdsa-p384",
    "ecdsa-p521",
    "ed25519",
];

fn main() -> ExitCode {
    let double: &'static Place = Box::leak(Box::new(Place::fake()));
    let mut all = cases("double", double);
    all.push(trial("double", double, SOFT_DELETION));
    all.extend(judge::hvac("double", double, &["namespaces", "strict"]));
    for name in ["bao", "vault"] {
        let probe = || program(name, &["version"]).map(drop);
        all.extend(require(name, probe).trials(name, |()| {
            let place: &'static Place = Box::leak(Box::new(Place::real(name)));
            let mut all = suites(name, place);
            all.extend(cases(name, place));
            // Vault has namespaces in its Enterprise edition alone, and no soft deletion.
            let is_bao = name == "bao";
            all.extend(is_bao.then(|| trial(name, place, SOFT_DELETION)));
            all.push(trial(name, place, ("a_rate_limit_quota", access::quota)));
            let namespaces: &[&str] = if is_bao { &["namespaces"] } else { &[] };
            all.extend(judge::hvac(name, place, namespaces));
            all.push(Trial::test(
                format!("{name}::stopped_and_started_between_two_signatures"),
                move || {
                    restart::restarted(name);
                    Ok(())
                },
            ));
            all
        }));
    }
    run(all)
}

/// What the double and the real server must do alike.
fn cases(name: &str, place: &'static Place) -> Vec<Trial> {
    let tests: [(&str, Test); 7] = [
        ("a_certificate_and_a_token", token::token),
        ("a_role_that_may_sign_but_not_read", access::blind_role),
        ("tokens_that_are_none", access::unknown_tokens),
        ("app_role", access::app_role),
        ("versions", access::versions),
        ("names", access::names),
        ("the_network_that_was_given", network::network),
    ];
    tests.map(|test| trial(name, place, test)).into()
}

/// OpenBao has it, and Vault not.
const SOFT_DELETION: (&str, Test) = ("a_key_that_can_be_restored", access::soft_deleted);

fn trial(name: &str, place: &'static Place, (test, run): (&str, Test)) -> Trial {
    Trial::test(format!("{name}::{test}"), move || {
        run(place);
        Ok(())
    })
}

/// The double has had the suite in its crate's tests.
fn suites(name: &str, place: &Place) -> Vec<Trial> {
    let nobody_listens = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let of = |kind: &str| {
        let key = place.key(kind);
        // One for each: five wrong secrets lock a role for a while.
        let (role_id, _) = access::make_role(place, &[("read", "transit/keys/*")]);
        let by_token =
            |uri: keybearer_core::KeyUri| uri.with_attribute("token-source", "env:TOKEN");
        let wrong = place
            .uri(&key)
            .with_attribute("role-id", &role_id)
            .with_attribute("secret-id-source", "env:WRONG");
        let away = by_token(place.uri(&key).with_attribute("address", &nobody_listens));
        let env = TestEnv::new()
            .var("TOKEN", place.root.as_str())
            .var("WRONG", "battery-staple");
        let registry = Registry::new().with(Vault);
        let subject = UriSubject::new(registry, by_token(place.uri(&key)), place.public_key(&key))
            .env(env)
            .secret(place.root.as_str())
            .secret("battery-staple")
            .wrong_secret(wrong)
            .missing_key(by_token(place.uri("missing")))
            .service_down(away);
        trials(&format!("{name}_{kind}"), Arc::new(subject))
    };
    KINDS.iter().flat_map(|kind| of(kind)).collect()
}
