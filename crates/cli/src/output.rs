//! Where words go: data to stdout, everything else to stderr.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Write},
};

use clap::ValueEnum;
use serde::Serialize;

use crate::{
    failure::{Failure, of_stdout},
    text::printable,
};

/// What a command prints with. Nothing else in this crate writes to stdout or stderr.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    color: Color,
}

/// When colour is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A colour, or weight, that says no more than the words do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Paint {
    Red,
    Yellow,
    Green,
    Bold,
}

impl Output {
    pub(crate) fn new(json: bool, color: Color) -> Self {
        Self { json, color }
    }

    /// Whether one JSON object is what stdout gets.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Data as it is, flushed.
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .map_err(|error| of_stdout(&error))
    }

    /// One line of data.
    pub(crate) fn line(self, line: &str) -> Result<(), Failure> {
        self.bytes(format!("{line}\n").as_bytes())
    }

    /// One JSON object, on a line of its own.
    pub(crate) fn object(self, object: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(object).map_err(|error| {
            Failure::new(
                "backend",
                "the answer cannot be written as JSON",
                crate::failure::Status::FAILED,
            )
            .with_cause(&error)
        })?;
        self.line(&text)
    }

    /// The object with `--json`, the text (which ends its own lines) without.
    pub(crate) fn data(
        self,
        object: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json {
            self.object(object)
        } else {
            self.bytes(text().as_bytes())
        }
    }

    /// A warning, on stderr.
    pub(crate) fn warning(self, message: &str) {
        let label = self.paint_stderr(Paint::Yellow, "warning:");
        say(&format!("{label} {}", printable(message)));
    }

    /// A failure, on stderr: words for people, an object with `--json`.
    pub(crate) fn failure(self, failure: &Failure) {
        if failure.is_silent() {
            return;
        }
        if self.json {
            let object = BTreeMap::from([("error", failure.details())]);
            // Strings and numbers alone are in it: it can always be written.
            say(&serde_json::to_string(&object).unwrap_or_default());
            return;
        }
        let label = self.paint_stderr(Paint::Red, "error:");
        let mut text = format!("{label} {}", printable(&about(failure)));
        for cause in failure.causes() {
            text.push_str("\n  Caused by: ");
            text.push_str(&printable(cause));
        }
        if let Some(hint) = failure.hint() {
            let label = self.paint_stderr(Paint::Bold, "hint:");
            text.push_str(&format!("\n\n{label} {}", printable(hint)));
        }
        say(&text);
    }

    /// Lines for people as they are, on stderr.
    pub(crate) fn text_on_stderr(self, text: &str) {
        say(text.trim_end());
    }

    /// How many columns stdout shows; `None` where it is no terminal.
    pub(crate) fn width(self) -> Option<usize> {
        #[cfg(unix)]
        {
            let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
            Some(size.ws_col.into()).filter(|columns| *columns > 0)
        }
        #[cfg(not(unix))]
        None
    }

    /// Whether stdout shows colours.
    pub(crate) fn colors_stdout(self) -> bool {
        self.color.shows_on(&io::stdout())
    }

    /// `text` in a colour where stdout shows it.
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        painted(self.colors_stdout(), paint, text)
    }

    /// `text` in a colour where stderr shows it.
    pub(crate) fn paint_stderr(self, paint: Paint, text: &str) -> String {
        painted(self.color.shows_on(&io::stderr()), paint, text)
    }
}

impl Color {
    pub(crate) fn shows_on(self, stream: &impl IsTerminal) -> bool {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                stream.is_terminal()
                    && !is_set("NO_COLOR")
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }
}

/// The message, with the key it is about where it does not name it.
fn about(failure: &Failure) -> String {
    let message = failure.message();
    match failure.key() {
        Some(key) if !message.contains(key) => format!("{message} ({key})"),
        _ => message.into(),
    }
}

fn painted(shown: bool, paint: Paint, text: &str) -> String {
    if !shown {
        return text.into();
    }
    let code = match paint {
        Paint::Red => "1;31",
        Paint::Yellow => "1;33",
        Paint::Green => "1;32",
        Paint::Bold => "1",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Whoever closed stderr does not want to read it.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_asked_for() {
        assert_eq!(painted(true, Paint::Red, "x"), "\u{1b}[1;31mx\u{1b}[0m");
        assert_eq!(painted(false, Paint::Red, "x"), "x");
        assert!(Color::Always.shows_on(&io::stderr()));
        assert!(!Color::Never.shows_on(&io::stderr()));
    }

    #[test]
    fn a_key_is_named_once() {
        let failure = Failure::usage("cannot read jks:/a").with_key("jks:/a");
        assert_eq!(about(&failure), "cannot read jks:/a");
        assert_eq!(
            about(&Failure::usage("no").with_key("jks:/a")),
            "no (jks:/a)"
        );
    }
}
