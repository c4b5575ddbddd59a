//! The commands, a module each.

mod assertion;
pub(crate) mod cert;
mod check;
mod completions;
mod demo;
pub(crate) mod key;
mod man;
mod org;
mod sign;
mod sources;
mod token;
mod verify;

use clap::Subcommand;

use crate::{context::Context, failure::Outcome};

/// What keybearer can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Arguments),
    Token(Box<token::Arguments>),
    Assertion(Box<assertion::Arguments>),
    Check(Box<check::Arguments>),
    Sign(sign::Arguments),
    Verify(verify::Arguments),
    #[command(subcommand)]
    Key(key::Command),
    #[command(subcommand)]
    Cert(cert::Command),
    #[command(subcommand)]
    Org(org::Command),
    Sources(sources::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

impl Command {
    /// Runs the command; its exit status is its result.
    pub(crate) async fn run(self, cx: &Context) -> Outcome {
        match self {
            Self::Demo(arguments) => demo::run(&arguments, cx).await,
            Self::Token(arguments) => token::run(&arguments, cx).await,
            Self::Assertion(arguments) => assertion::run(&arguments, cx).await,
            Self::Check(arguments) => check::run(&arguments, cx).await,
            Self::Sign(arguments) => sign::run(&arguments, cx).await,
            Self::Verify(arguments) => verify::run(&arguments, cx).await,
            Self::Key(command) => command.run(cx).await,
            Self::Cert(command) => command.run(cx).await,
            Self::Org(command) => command.run(cx).await,
            Self::Sources(arguments) => sources::run(&arguments, cx),
            Self::Completions(arguments) => completions::run(&arguments, cx),
            Self::Man(arguments) => man::run(&arguments, cx),
        }
    }

    /// Whether a profile can say anything to it: commands that describe keybearer itself work beside a broken
    /// `keybearer.toml`.
    pub(crate) fn has_options(&self) -> bool {
        !matches!(
            self,
            Self::Demo(_) | Self::Sources(_) | Self::Completions(_) | Self::Man(_)
        )
    }
}
