//! Checks as tests with names.

use std::{
    process::ExitCode,
    sync::{Arc, PoisonError, RwLock},
};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::{Check, Subject, capture, checks};

/// One trial for each check, named `{name}::{check}`. What the subject does not offer is skipped, with the reason.
pub fn trials(name: &str, subject: Arc<dyn Subject>) -> Vec<Trial> {
    capture::install();
    let counting = Arc::new(RwLock::new(()));
    checks()
        .iter()
        .map(|check| trial(name, check, &subject, &counting))
        .collect()
}

/// Runs trials as the test program that Cargo expects (`harness = false`). Each one that is skipped is told on the error
/// output as `SKIPPED {name}: {reason}`.
pub fn run(trials: Vec<Trial>) -> ExitCode {
    let arguments = Arguments::from_args();
    if !arguments.list {
        report_skips(&arguments, &trials);
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A trial that is not run, and why.
pub(crate) fn skipped(name: &str, reason: &str) -> Trial {
    let message = format!("skipped: {reason}");
    // The flag keeps it from running; `--include-ignored` gets the reason.
    Trial::test(name, move || Err(Failed::from(message)))
        .with_kind(reason)
        .with_ignored_flag(true)
}

fn trial(
    name: &str,
    check: &'static Check,
    subject: &Arc<dyn Subject>,
    counting: &Arc<RwLock<()>>,
) -> Trial {
    let name = format!("{name}::{}", check.name());
    if let Err(reason) = check.offered(subject.as_ref()) {
        return skipped(&name, reason);
    }
    let (subject, counting, full_name) = (subject.clone(), counting.clone(), name.clone());
    Trial::test(name, move || {
        let outcome = if check.counts() {
            let _alone = counting.write().unwrap_or_else(PoisonError::into_inner);
            check.run(subject, &full_name)
        } else {
            let _among_others = counting.read().unwrap_or_else(PoisonError::into_inner);
            check.run(subject, &full_name)
        };
        outcome.map_err(|failure| Failed::from(failure.to_string()))
    })
}

#[allow(
    clippy::print_stderr,
    reason = "the error output of a test program is where skips are read"
)]
fn report_skips(arguments: &Arguments, trials: &[Trial]) {
    for trial in trials {
        let chosen = arguments.filter.as_ref().is_none_or(|filter| {
            if arguments.exact {
                trial.name() == filter
            } else {
                trial.name().contains(filter)
            }
        });
        if trial.has_ignored_flag() && chosen {
            eprintln!("SKIPPED {}: {}", trial.name(), trial.kind());
        }
    }
}
