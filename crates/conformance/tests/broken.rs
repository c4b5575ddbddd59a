//! A signer that is wrong in one way fails the checks that are about it, and no others.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod scripted;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use keybearer_conformance::{Trial, UriSubject, checks, run, trials};
use scripted::{Flaw, Script, subject};

/// What looks at signatures.
const SIGNATURES: &[&str] = &[
    "signs_every_size",
    "encodes_exactly",
    "refuses_long_messages",
    "public_key_is_told_and_stable",
    "id_reopens_the_same_key",
    "signs_64_at_once",
    "dropped_signs_harm_nothing",
    "needs_no_process_environment",
];

/// What needs a sign to succeed.
const SIGNING: &[&str] = &[
    "signs_every_size",
    "encodes_exactly",
    "refuses_long_messages",
    "public_key_is_told_and_stable",
    "id_reopens_the_same_key",
    "signs_64_at_once",
    "dropped_signs_harm_nothing",
    "leaves_the_executor_free",
    "shows_no_secret",
    "needs_no_process_environment",
];

const CASES: &[(Option<Flaw>, &[&str])] = &[
    (None, &[]),
    (Some(Flaw::AnswersWithAnotherAlgorithm), SIGNATURES),
    (Some(Flaw::HandsOverDer), SIGNING),
    (Some(Flaw::SignsTheBeginning), &["refuses_long_messages"]),
    (
        Some(Flaw::SignsWhateverIsAsked),
        &["refuses_other_algorithms", "refuses_long_messages"],
    ),
    (
        Some(Flaw::AsksBeforeItRefuses),
        &[
            "refuses_other_algorithms",
            "refusals_cost_no_request",
            "refuses_long_messages",
        ],
    ),
    (Some(Flaw::NamesAnAlgorithmTwice), &["names_its_algorithms"]),
    (
        Some(Flaw::ClaimsALongerLimit),
        &["refusals_cost_no_request", "refuses_long_messages"],
    ),
    (
        Some(Flaw::TellsAnotherPublicKey),
        &["public_key_is_told_and_stable"],
    ),
    (
        Some(Flaw::HasACertificateOfAnother),
        &["leaf_certificate_is_the_keys"],
    ),
    (Some(Flaw::HasAnIdOfAnother), &["id_reopens_the_same_key"]),
    (
        Some(Flaw::SignsOneAtATime),
        &["signs_64_at_once", "dropped_signs_harm_nothing"],
    ),
    (
        Some(Flaw::IsSpoiltByACallerWhoLeaves),
        &["dropped_signs_harm_nothing"],
    ),
    (Some(Flaw::BlocksTheExecutor), &["leaves_the_executor_free"]),
    (
        Some(Flaw::PanicsAtNothing),
        &["signs_every_size", "needs_no_process_environment"],
    ),
    (
        Some(Flaw::CallsAWrongPinMissing),
        &["wrong_secret_is_bad_secret", "wrong_secret_is_tried_once"],
    ),
    (
        Some(Flaw::TriesAWrongPinTwice),
        &["wrong_secret_is_tried_once"],
    ),
    (
        Some(Flaw::CallsAMissingKeyBroken),
        &["missing_key_is_not_found"],
    ),
    (
        Some(Flaw::TakesTheFirstOfTwins),
        &["twin_keys_are_ambiguous"],
    ),
    (Some(Flaw::CallsAnOutageBroken), &["outage_is_unavailable"]),
    (Some(Flaw::ShowsThePin), &["shows_no_secret"]),
    (Some(Flaw::LogsTheMessage), &["shows_no_secret"]),
    (
        Some(Flaw::ReadsTheProcessEnvironment),
        &["needs_no_process_environment"],
    ),
];

fn main() -> ExitCode {
    // A check runs this program again for one trial of the suite itself, by its exact name.
    if env::args().any(|argument| argument == "--exact") {
        let all = CASES
            .iter()
            .flat_map(|(flaw, _)| trials(&name(*flaw), Arc::new(flawed(*flaw))));
        return run(all.collect());
    }
    let cases = CASES.iter().map(|&(flaw, expected)| {
        Trial::test(name(flaw), move || {
            let failed = failing_checks(flaw);
            if failed == expected {
                return Ok(());
            }
            Err(format!("it fails {failed:#?} and should fail {expected:#?}").into())
        })
    });
    run(cases.collect())
}

fn name(flaw: Option<Flaw>) -> String {
    flaw.map_or_else(
        || "broken_in_no_way".into(),
        |flaw| format!("broken_{flaw:?}"),
    )
}

fn flawed(flaw: Option<Flaw>) -> UriSubject {
    subject(Script {
        delay: Duration::from_millis(1),
        throttles_every: None,
        tells_public_key: true,
        flaw,
    })
}

fn failing_checks(flaw: Option<Flaw>) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for check in checks() {
        // Each on a subject of its own: what one check spoils is not another's affair.
        let subject = Arc::new(flawed(flaw));
        if check.offered(subject.as_ref()).is_err() {
            continue;
        }
        let trial = format!("{}::{}", name(flaw), check.name());
        let outcome = catch_unwind(AssertUnwindSafe(|| check.run(subject, &trial)));
        if !matches!(outcome, Ok(Ok(()))) {
            failed.push(check.name());
        }
    }
    failed
}
