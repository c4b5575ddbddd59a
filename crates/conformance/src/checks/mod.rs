//! The checks, one for each sentence of the contract.

mod ambient;
mod key;
mod leaks;
mod load;
mod opening;
mod signing;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use keybearer_core::{Algorithm, Error, Signature, Signer};

use crate::{Failure, Subject, capture, failure::ensure};

/// One check of the contract.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    name: &'static str,
    counts: bool,
    offered: fn(&dyn Subject) -> Result<(), &'static str>,
    run: fn(Arc<dyn Subject>, String) -> Running,
}

type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;
type Outcome = Result<(), Failure>;

/// Longer than this no check takes: what hangs fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// All checks, in the order in which they are reported.
pub fn checks() -> &'static [Check] {
    const fn check(
        name: &'static str,
        offered: fn(&dyn Subject) -> Result<(), &'static str>,
        run: fn(Arc<dyn Subject>, String) -> Running,
    ) -> Check {
        Check {
            name,
            counts: false,
            offered,
            run,
        }
    }
    const fn counting(check: Check) -> Check {
        Check {
            counts: true,
            ..check
        }
    }
    macro_rules! run {
        ($module:ident::$name:ident) => {
            |subject, _| Box::pin($module::$name(subject))
        };
    }
    const {
        &[
            check(
                "names_its_algorithms",
                always,
                run!(signing::names_its_algorithms),
            ),
            check("signs_every_size", always, run!(signing::signs_every_size)),
            check("encodes_exactly", always, run!(signing::encodes_exactly)),
            check(
                "pss_salt_is_as_long_as_the_hash",
                with_pss,
                run!(signing::pss_salt),
            ),
            check(
                "refuses_other_algorithms",
                always,
                run!(signing::refuses_other_algorithms),
            ),
            counting(check(
                "refusals_cost_no_request",
                with_requests,
                run!(signing::refusals_cost_no_request),
            )),
            check(
                "refuses_long_messages",
                with_limit,
                run!(signing::refuses_long_messages),
            ),
            check(
                "public_key_is_told_and_stable",
                always,
                run!(key::public_key),
            ),
            check(
                "leaf_certificate_is_the_keys",
                always,
                run!(key::certificates),
            ),
            check("id_reopens_the_same_key", always, run!(key::id_reopens)),
            check("signs_64_at_once", always, run!(load::signs_64_at_once)),
            check(
                "dropped_signs_harm_nothing",
                always,
                run!(load::dropped_signs_harm_nothing),
            ),
            check(
                "leaves_the_executor_free",
                always,
                run!(load::leaves_the_executor_free),
            ),
            check(
                "wrong_secret_is_bad_secret",
                with_wrong_secret,
                run!(opening::wrong_secret),
            ),
            counting(check(
                "wrong_secret_is_tried_once",
                with_counted_attempts,
                run!(opening::wrong_secret_once),
            )),
            check(
                "missing_key_is_not_found",
                with_missing_key,
                run!(opening::missing_key),
            ),
            check(
                "twin_keys_are_ambiguous",
                with_twin_keys,
                run!(opening::twin_keys),
            ),
            check(
                "unknown_attribute_is_refused",
                always,
                run!(opening::unknown_attribute),
            ),
            check(
                "outage_is_unavailable",
                with_service_down,
                run!(opening::service_down),
            ),
            check("shows_no_secret", always, run!(leaks::shows_no_secret)),
            check("needs_no_process_environment", always, |subject, trial| {
                Box::pin(ambient::needs_no_process_environment(subject, trial))
            }),
        ]
    }
}

impl Check {
    /// Its name: a word of the contract with underscores.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it counts what reaches the far side, so that no other check may run on the same subject meanwhile.
    pub fn counts(&self) -> bool {
        self.counts
    }

    /// Whether the subject offers what the check needs; if not, why.
    pub fn offered(&self, subject: &dyn Subject) -> Result<(), &'static str> {
        (self.offered)(subject)
    }

    /// Runs it, on an executor of its own. `trial` is the name under which the test program knows it.
    pub fn run(&self, subject: Arc<dyn Subject>, trial: &str) -> Result<(), Failure> {
        capture::install();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::new(format!("no executor: {error}")))?;
        let running = (self.run)(subject, trial.into());
        let outcome = runtime.block_on(async { tokio::time::timeout(PATIENCE, running).await });
        // A signer that hangs must not hold up the report.
        runtime.shutdown_background();
        outcome.unwrap_or_else(|_| {
            Err(Failure::new(format!(
                "it has not come to an end after {} seconds",
                PATIENCE.as_secs()
            )))
        })
    }
}

fn always(_: &dyn Subject) -> Result<(), &'static str> {
    Ok(())
}

fn with_pss(subject: &dyn Subject) -> Result<(), &'static str> {
    let has_pss = subject.algorithms().iter().any(|one| one.is_pss());
    has_pss.then_some(()).ok_or("the key does no PSS")
}

fn with_requests(subject: &dyn Subject) -> Result<(), &'static str> {
    offered(subject.requests(), "the subject does not count requests")
}

fn with_limit(subject: &dyn Subject) -> Result<(), &'static str> {
    offered(subject.max_message(), "messages may have any length")
}

fn with_wrong_secret(subject: &dyn Subject) -> Result<(), &'static str> {
    offered(subject.wrong_secret(), "the subject has no wrong secret")
}

fn with_counted_attempts(subject: &dyn Subject) -> Result<(), &'static str> {
    with_wrong_secret(subject)?;
    offered(
        subject.attempts(),
        "the subject does not count attempts to authenticate",
    )
}

fn with_missing_key(subject: &dyn Subject) -> Result<(), &'static str> {
    offered(subject.missing_key(), "the subject names no missing key")
}

fn with_twin_keys(subject: &dyn Subject) -> Result<(), &'static str> {
    offered(subject.twin_keys(), "the subject has no twin keys")
}

fn with_service_down(subject: &dyn Subject) -> Result<(), &'static str> {
    offered(
        subject.service_down(),
        "the subject has no service that is down",
    )
}

fn offered<T>(case: Option<T>, reason: &'static str) -> Result<(), &'static str> {
    case.map(|_| ()).ok_or(reason)
}

/// Bytes without a pattern that a signer could be fooled by, different for each length.
fn message(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| (index * 31 + index / 251 + length) as u8)
        .collect()
}

/// Signs as a caller does that is willing to wait: what is transient is tried again.
async fn sign(
    signer: &dyn Signer,
    algorithm: Algorithm,
    message: &[u8],
) -> Result<Signature, Error> {
    const TRIES: usize = 30;
    for _ in 1..TRIES {
        match signer.sign(algorithm, message).await {
            Err(error) if error.is_transient() => {
                let wait = error.retry_after().unwrap_or(Duration::from_millis(50));
                tokio::time::sleep(wait).await;
            }
            other => return other,
        }
    }
    signer.sign(algorithm, message).await
}

/// Signs and verifies.
async fn sign_well(
    subject: &dyn Subject,
    signer: &dyn Signer,
    algorithm: Algorithm,
    message: &[u8],
) -> Result<Signature, Failure> {
    let what = || format!("{algorithm} over {} bytes", message.len());
    let signature = sign(signer, algorithm, message)
        .await
        .map_err(|error| Failure::from(error).within(what()))?;
    ensure!(
        signature.algorithm() == algorithm,
        "{algorithm} was asked for and the signature is one of {}",
        signature.algorithm()
    );
    subject
        .verify(algorithm, message, &signature)
        .map_err(|failure| failure.within(what()))?;
    Ok(signature)
}

/// The most preferred algorithm.
fn first_algorithm(signer: &dyn Signer) -> Result<Algorithm, Failure> {
    signer
        .algorithms()
        .first()
        .copied()
        .ok_or_else(|| Failure::new("the signer names no algorithm"))
}
