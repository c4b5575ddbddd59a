//! `man`: manual pages.

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use crate::{
    args::Cli,
    context::Context,
    failure::{Failure, Outcome, Status},
    layers,
};

/// Print the manual page of keybearer or of one of its commands
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    keybearer man | man -l -\n  \
    keybearer man key new | man -l -\n  \
    keybearer man token > /usr/local/share/man/man1/keybearer-token.1")]
pub(crate) struct Arguments {
    /// The command, as it is written: key new
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let mut all = layers::with_environment(Cli::command());
    all.build();
    let command = find(&all, &arguments.command)?;
    let mut page = Vec::new();
    Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| {
            Failure::new("backend", "the manual page cannot be made", Status::FAILED)
                .with_cause(&error)
        })?;
    cx.out.bytes(&page)?;
    Ok(Status::DONE)
}

fn find<'a>(root: &'a Command, names: &[String]) -> Result<&'a Command, Failure> {
    let mut command = root;
    for name in names {
        command = command.find_subcommand(name).ok_or_else(|| {
            let known: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
            let failure = Failure::usage(format!(
                "{} has no command \"{name}\"",
                command.get_bin_name().unwrap_or("keybearer")
            ));
            if known.is_empty() {
                failure
            } else {
                failure.with_hint(format!("its commands are {}", known.join(", ")))
            }
        })?;
    }
    Ok(command)
}
