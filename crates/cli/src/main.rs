//! The command line of keybearer.

mod app;
mod args;
mod certificates;
mod commands;
mod config;
mod connection;
mod context;
mod encoding;
mod failure;
mod input;
mod layers;
mod logging;
mod network;
mod output;
mod progress;
mod prompt;
mod remembering;
mod signals;
mod text;
mod usage;

use std::process::ExitCode;

fn main() -> ExitCode {
    app::run(std::env::args_os().collect())
}
