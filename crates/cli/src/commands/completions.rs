//! `completions`: what a shell completes.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{
    args::Cli,
    context::Context,
    failure::{Outcome, Status},
};

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    keybearer completions bash > ~/.local/share/bash-completion/completions/keybearer\n  \
    keybearer completions zsh > ~/.zfunc/_keybearer\n  \
    keybearer completions fish > ~/.config/fish/completions/keybearer.fish")]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "keybearer",
        &mut script,
    );
    cx.out.bytes(&script)?;
    Ok(Status::DONE)
}
