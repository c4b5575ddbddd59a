//! `key`: the keys of a store.

mod beside;
mod copy;
mod list;
mod new;
mod salesforce;
mod show;
mod shown;

use clap::Subcommand;

pub(crate) use new::SelfSign;

use crate::{context::Context, failure::Outcome};

/// List, show, make and copy keys
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    New(new::Arguments),
    Copy(copy::Arguments),
}

impl Command {
    pub(crate) async fn run(&self, cx: &Context) -> Outcome {
        match self {
            Self::List(arguments) => list::run(arguments, cx).await,
            Self::Show(arguments) => show::run(arguments, cx).await,
            Self::New(arguments) => new::run(arguments, cx).await,
            Self::Copy(arguments) => copy::run(arguments, cx).await,
        }
    }
}
