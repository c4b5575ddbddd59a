//! The goals of the development page, measured: `bench KEYBEARER_BINARY`. `cargo xtask bench` builds and runs it.
//!
//! The ratios are of one run, alternating what is compared, since a time alone says more of the machine than of us.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot be made ends here, and is printed"
)]

mod cache;
mod exchange;
mod hsm;
mod opening;
mod process;
mod signing;

use std::{
    env,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--probe", what, key, count] => {
            signing::probe(what, key, count.parse().expect("a number"));
            ExitCode::SUCCESS
        }
        ["--hsm", uri] => {
            hsm::probe(uri);
            ExitCode::SUCCESS
        }
        [binary] => measure(Path::new(binary)),
        _ => {
            println!("usage: bench KEYBEARER_BINARY");
            ExitCode::from(2)
        }
    }
}

fn measure(binary: &Path) -> ExitCode {
    println!("| what | measured | goal | |\n|---|---|---|---|");
    let mut met = true;
    let mut tell = |rows: Vec<Row>| {
        for row in rows {
            let verdict = match row.met {
                Some(true) => "pass",
                Some(false) => "MISS",
                None => "",
            };
            met &= row.met != Some(false);
            println!(
                "| {} | {} | {} | {verdict} |",
                row.what, row.measured, row.goal
            );
        }
    };
    tell(signing::rows());
    tell(cache::rows());
    tell(exchange::rows());
    tell(opening::rows());
    tell(hsm::rows());
    tell(process::rows(binary));
    if met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A line of the table.
struct Row {
    what: String,
    measured: String,
    goal: String,
    /// `None` where there is no goal, or where it could not be measured.
    met: Option<bool>,
}

impl Row {
    fn new(what: &str, measured: String, goal: &str, met: Option<bool>) -> Self {
        Self {
            what: what.into(),
            measured,
            goal: goal.into(),
            met,
        }
    }
}

/// What `work` takes.
fn time(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A runtime as a server has it.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// The bytes of a PEM file with one block.
fn pem_bytes(pem: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).unwrap()
}
