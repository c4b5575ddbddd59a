//! Fuzz targets for what outsiders send: `cargo xtask fuzz` builds and runs them.
//!
//! One program has them all, so that one build serves every target; `KEYBEARER_FUZZ_TARGET` names the one to run. What
//! libFuzzer takes for a finding is a panic, an input that takes too long or too much memory, and a broken assertion of a
//! target.
#![no_main]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a target tells what it found"
)]

mod answer;
mod certificate;
mod key_file;
mod signature;
mod uri;

use std::{env, process, sync::LazyLock};

use libfuzzer_sys::fuzz_target;

type Target = fn(&[u8]);

/// `cargo xtask fuzz` reads the names from here: one a line.
const TARGETS: &[(&str, Target)] = &[
    ("answer", answer::run),
    ("certificate", certificate::run),
    ("jks", key_file::jks),
    ("pem", key_file::pem),
    ("pkcs12", key_file::pkcs12),
    ("signature", signature::run),
    ("uri", uri::run),
];

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = env::var("KEYBEARER_FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    let Some((_, run)) = found else {
        eprintln!("KEYBEARER_FUZZ_TARGET is \"{name}\", and no target has that name");
        process::exit(2);
    };
    *run
});

fuzz_target!(|bytes: &[u8]| (TARGET)(bytes));
