//! What `-v` tells on stderr.

use std::io;

use clap::ValueEnum;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    filter::filter_fn, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt,
};

use crate::output::Color;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Starts logging, where it was asked for.
pub(crate) fn start(verbosity: u8, format: LogFormat, color: Color) {
    let level = match verbosity {
        0 => return,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    // Other crates' lines may hold headers and bodies, assertions and tokens among them: only ours are written.
    let ours = filter_fn(move |metadata: &Metadata<'_>| {
        metadata.target().starts_with("keybearer") && *metadata.level() <= level
    });
    let lines = registry().with(ours);
    let started = match format {
        LogFormat::Json => lines
            .with(fmt::layer().json().with_writer(io::stderr))
            .try_init(),
        LogFormat::Text => lines
            .with(
                fmt::layer()
                    .with_ansi(color.shows_on(&io::stderr()))
                    .with_writer(io::stderr),
            )
            .try_init(),
    };
    // It fails where a subscriber is there already, and then lines are written.
    let _ = started;
}
