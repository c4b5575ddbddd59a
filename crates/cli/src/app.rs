//! From the arguments to the exit status.

use std::{ffi::OsString, process::ExitCode};

use clap::{ArgMatches, CommandFactory, FromArgMatches, error::ErrorKind, parser::ValueSource};

use crate::{
    args::Cli,
    config::{self, Profile},
    context::Context,
    failure::{Failure, Outcome, Status},
    layers::{self, Origins},
    logging,
    output::Output,
    signals,
    usage::{self, Early},
};

/// Runs the command that the arguments ask for.
pub(crate) fn run(args: Vec<OsString>) -> ExitCode {
    let early = Early::of(&args);
    let mut out = Output::new(early.json, early.color);
    let outcome = execute(&args, &mut out);
    outcome
        .unwrap_or_else(|failure| {
            out.failure(&failure);
            failure.status()
        })
        .into()
}

/// `out` becomes the one that was asked for as soon as that is known.
fn execute(args: &[OsString], out: &mut Output) -> Outcome {
    let parsed = match Parsed::new(args, *out)? {
        Some(parsed) => parsed,
        None => return Ok(Status::DONE),
    };
    let (leaf, matches) = layers::leaf(&parsed.command, &parsed.matches);
    let has_json = leaf.get_arguments().any(|arg| arg.get_id() == "json");
    let asks_json = parsed.cli.json || (has_json && matches.get_flag("json"));
    *out = Output::new(asks_json, parsed.cli.global.color);
    // In the environment it is for the commands that have one.
    let insists = parsed.matches.value_source("json") == Some(ValueSource::CommandLine);
    if insists && !has_json {
        return Err(usage::no_json(
            leaf.get_bin_name().unwrap_or(leaf.get_name()),
        ));
    }
    if parsed.cli.global.show_config {
        let profile = parsed.profile.as_ref();
        return config::show(&parsed.command, &parsed.matches, profile, *out)
            .map(|()| Status::DONE);
    }
    let global = &parsed.cli.global;
    logging::start(global.verbose, global.log_format, global.color);
    let origins = Origins::new(leaf.get_arguments().filter_map(|arg| {
        let layer = layers::layer_of(arg, matches, parsed.profile.as_ref())?;
        Some((layers::name_of(arg)?.to_owned(), layer))
    }));
    let cx = Context::new(*out, origins);
    let command = parsed.cli.command;
    in_runtime(async move {
        tokio::select! {
            // Who was told that a server is ready may end it at once: first the handlers, then the command.
            biased;
            status = signals::told_to_end() => Ok(status),
            outcome = command.run(&cx) => outcome,
        }
    })
}

/// One thread runs everything: a command line waits for one thing at a time, and a second thread costs start-up time.
fn in_runtime(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new("backend", "the runtime cannot be started", Status::FAILED)
                .with_cause(&error)
        })?;
    let outcome = runtime.block_on(work);
    // A thread that waits at a prompt must not keep the process.
    runtime.shutdown_background();
    outcome
}

struct Parsed {
    cli: Cli,
    command: clap::Command,
    matches: ArgMatches,
    profile: Option<Profile>,
}

impl Parsed {
    /// Parses twice where a profile is in force: its values are the parser's defaults the second time. `None` where
    /// help was asked for, and printed.
    fn new(args: &[OsString], out: Output) -> Result<Option<Self>, Failure> {
        let mut command = layers::with_environment(Cli::command());
        let mut matches = match command.try_get_matches_from_mut(args) {
            Ok(matches) => matches,
            Err(error) if !error.use_stderr() => return help(&error, out).map(|()| None),
            Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                return missing_command(&error, args, out);
            }
            Err(error) => return Err(usage::failure(&error, args)),
        };
        let mut cli =
            Cli::from_arg_matches(&matches).map_err(|error| usage::failure(&error, args))?;
        let (config, name) = (cli.global.config.as_deref(), cli.global.profile.as_deref());
        let profile = if cli.command.has_options() {
            config::load(config, name, &command)?
        } else {
            None
        };
        if let Some(profile) = &profile {
            let complain = |error: clap::Error| {
                let said = usage::failure(&error, args);
                Failure::config(format!(
                    "profile \"{}\" of {}: {}",
                    profile.name,
                    profile.file.display(),
                    said.message()
                ))
            };
            command =
                layers::with_profile(layers::with_environment(Cli::command()), &matches, profile);
            matches = command.try_get_matches_from_mut(args).map_err(complain)?;
            cli = Cli::from_arg_matches(&matches).map_err(complain)?;
        }
        Ok(Some(Self {
            cli,
            command,
            matches,
            profile,
        }))
    }
}

/// Help and version are data.
fn help(error: &clap::Error, out: Output) -> Result<(), Failure> {
    let text = error.render();
    if out.colors_stdout() {
        out.bytes(text.ansi().to_string().as_bytes())
    } else {
        out.bytes(text.to_string().as_bytes())
    }
}

/// Without a command, people get the help where the error would be.
fn missing_command<T>(error: &clap::Error, args: &[OsString], out: Output) -> Result<T, Failure> {
    if out.is_json() {
        return Err(usage::failure(error, args));
    }
    out.text_on_stderr(&error.render().to_string());
    Err(Failure::silent(Status::USAGE))
}
