//! The project's own tasks: `cargo xtask --help` lists them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what a task says is printed"
)]

mod bench;
mod ci;
mod compare;
mod deps;
mod fixtures;
mod flags;
mod fuzz;
mod licence;
mod project;
mod services;
mod sizes;
mod test;
mod tidy;

use std::process::ExitCode;

/// A task's outcome; the error is what the person at the terminal reads.
type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    use flags::XtaskCmd::{Bench, Ci, Compare, Deps, Fixtures, Fuzz, Services, Test, Tidy};
    let flags = flags::Xtask::from_env_or_exit();
    let outcome = project::Project::open().and_then(|project| match flags.subcommand {
        Bench(flags) => bench::run(&project, &flags),
        Ci(_) => ci::run(&project),
        Compare(flags) => compare::run(&project, &flags),
        Deps(_) => deps::run(&project),
        Fixtures(flags) => fixtures::run(&project, &flags),
        Fuzz(flags) => fuzz::run(&project, &flags),
        Services(flags) => services::run(&project, &flags),
        Test(flags) => test::run(&project, &flags),
        Tidy(_) => tidy::run(&project),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
