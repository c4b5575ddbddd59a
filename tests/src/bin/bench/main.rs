//! The goals of the development page, measured: `bench KEYBEARER_BINARY`. `cargo xtask bench` builds and runs it. `bench
//! --remote` measures the key services alone.
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
mod remote;
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
        ["--remote"] => tell(&[&remote::rows]),
        ["--hsm", uri] => {
            hsm::probe(uri);
            ExitCode::SUCCESS
        }
        [binary] => tell(&[
            &signing::rows,
            &cache::rows,
            &exchange::rows,
            &opening::rows,
            &hsm::rows,
            &remote::rows,
            &|| process::rows(Path::new(binary)),
        ]),
        _ => {
            println!("usage: bench KEYBEARER_BINARY | bench --remote");
            ExitCode::from(2)
        }
    }
}

fn tell(parts: &[&dyn Fn() -> Vec<Row>]) -> ExitCode {
    println!("| what | measured | goal | |\n|---|---|---|---|");
    let mut met = true;
    for row in parts.iter().flat_map(|rows| rows()) {
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

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
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
