//! AWS KMS, judged by ministack: the suite over its keys, its refusals, and tokens by the program with every source of
//! credentials.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "awskms/credentials.rs"]
mod credentials;
#[path = "awskms/network.rs"]
mod network;
#[path = "awskms/refusals.rs"]
mod refusals;
#[path = "awskms/service.rs"]
mod service;
#[path = "awskms/token.rs"]
mod token;

use std::{net::TcpListener, process::ExitCode, sync::Arc};

use keybearer_conformance::{Trial, UriSubject, require, run, trials, verify};
use keybearer_core::Algorithm;
use keybearer_tests::{
    gate::Gate,
    kms::{Kms, at, sign},
    python_with,
};

type Test = fn(&Kms);

fn main() -> ExitCode {
    let probe = || python_with("ministack");
    let trials = require("ministack", probe).trials("awskms", |_| {
        // One server for all: it ends with this program, which holds its standard input.
        let kms: &'static Kms = Box::leak(Box::new(Kms::start()));
        let trial = |(name, test): (&str, Test)| {
            Trial::test(format!("awskms::{name}"), move || {
                test(kms);
                Ok(())
            })
        };
        let tests: [(&str, Test); 16] = [
            ("every_kind_of_key", every_kind_of_key),
            ("states_and_names", refusals::states_and_names),
            ("callers", refusals::callers),
            ("a_role_that_may_sign_but_not_read", refusals::blind_role),
            (
                "a_certificate_of_another_key",
                refusals::certificate_of_another_key,
            ),
            ("names_are_pinned_to_their_keys", refusals::names),
            ("another_key_signs", refusals::another_key),
            ("throttled_calls_are_tried_again", service::throttled),
            ("a_service_that_stays_silent", service::silent),
            ("a_service_that_is_away", service::unreachable),
            ("a_service_that_stops_and_starts", |_| service::restarted()),
            ("what_is_not_kms_is_told", service::another_service),
            ("a_proxy_is_taken", network::proxy),
            ("a_ca_is_trusted", network::ca_certificate),
            ("a_certificate_and_a_token", token::token),
            ("credentials", credentials::all),
        ];
        suites(kms).into_iter().chain(tests.map(trial)).collect()
    });
    run(trials)
}

fn suites(kms: &'static Kms) -> Vec<Trial> {
    let subject = |user: &str, uri, spec: &str| {
        let nobody_listens = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            format!("http://{}", listener.local_addr().unwrap())
        };
        UriSubject::new(kms.registry(user), uri, kms.public_key(spec))
            .secret(kms.user(user).1)
            .service_down(at(kms.said("alias"), &nobody_listens))
            .process_variable("KEYBEARER_JUDGE_PYTHON")
    };
    let gate: &'static Gate = Box::leak(Box::new(Gate::before(kms.address())));
    let rsa = at(kms.arn("RSA_2048"), &gate.url());
    let of = |spec: &str| {
        subject("signer", kms.uri(kms.arn(spec)), spec).missing_key(kms.uri("alias/missing"))
    };
    let blind = kms.uri(kms.arn("RSA_2048")).with_attribute("alg", "RS256");
    let blind = subject("blind", blind, "RSA_2048")
        .algorithms(vec![Algorithm::Rs256])
        .tells_public_key(false);
    [
        (
            "awskms_rsa",
            subject("signer", rsa, "RSA_2048").requests(gate.counter()),
        ),
        ("awskms_p256", of("ECC_NIST_P256")),
        (
            "awskms_ed25519",
            of("ECC_NIST_EDWARDS25519").max_message(4096),
        ),
        ("awskms_blind", blind),
    ]
    .into_iter()
    .flat_map(|(name, subject)| trials(name, Arc::new(subject)))
    .collect()
}

/// Those that the suite does not sign with.
fn every_kind_of_key(kms: &Kms) {
    for spec in ["RSA_4096", "ECC_NIST_P384", "ECC_NIST_P521"] {
        let signer = kms.open("signer", &kms.uri(kms.arn(spec))).unwrap();
        let public = kms.public_key(spec);
        assert_eq!(signer.algorithms(), Algorithm::of(public.key_type()));
        for &algorithm in signer.algorithms() {
            let signature = sign(&signer, algorithm).unwrap();
            verify::aws_lc(&public, algorithm, b"message", &signature).unwrap();
        }
    }
}
