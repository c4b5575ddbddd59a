//! `org`: an org of one's own.

mod lines;
mod serve;
mod told;

use clap::Subcommand;

use crate::{context::Context, failure::Outcome};

/// Run a local Salesforce-like org
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum Command {
    Serve(serve::Arguments),
}

impl Command {
    pub(crate) async fn run(&self, cx: &Context) -> Outcome {
        match self {
            Self::Serve(arguments) => serve::run(arguments, cx).await,
        }
    }
}
