//! What the parser refuses, told as every other failure is.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::{failure::Failure, layers, output::Color};

/// What can be told of the arguments before they are parsed: how a parser's error is to be printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Early {
    pub(crate) json: bool,
    pub(crate) color: Color,
}

impl Early {
    /// Looks at the arguments before a `--`: what stands after it is another program's.
    pub(crate) fn of(args: &[OsString]) -> Self {
        let ours: Vec<_> = args
            .iter()
            .map(OsString::as_os_str)
            .take_while(|arg| *arg != "--")
            .collect();
        let from_environment = |name| std::env::var_os(layers::variable(name));
        let is_true = |value: &OsStr| {
            matches!(
                value.to_ascii_lowercase().to_str(),
                Some("1" | "true" | "yes" | "y" | "on" | "t")
            )
        };
        let color = ours
            .iter()
            .enumerate()
            .find_map(|(at, arg)| match arg.to_str()?.strip_prefix("--color")? {
                "" => ours.get(at + 1)?.to_str().map(str::to_owned),
                value => value.strip_prefix('=').map(str::to_owned),
            })
            .or_else(|| from_environment("color")?.into_string().ok());
        Self {
            json: ours.iter().any(|arg| *arg == "--json")
                || from_environment("json").is_some_and(|value| is_true(&value)),
            color: match color.as_deref() {
                Some("always") => Color::Always,
                Some("never") => Color::Never,
                _ => Color::Auto,
            },
        }
    }
}

/// The parser's error as a usage failure. Its first paragraph is the message, its tips the hint.
pub(crate) fn failure(error: &clap::Error, args: &[OsString]) -> Failure {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::usage("a command is missing")
            .with_hint("keybearer --help lists the commands");
    }
    if is_unknown(error, "--json") {
        return no_json("this command");
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let mut paragraphs = text.split("\n\n").map(one_line);
    let mut message = paragraphs.next().unwrap_or_default();
    let mut hints = Vec::new();
    if let Some(variable) = variable_at_fault(error, args) {
        message.push_str(&format!(" (from {variable})"));
    }
    for paragraph in paragraphs {
        if let Some(tip) = paragraph.strip_prefix("tip: ") {
            hints.push(tip.replace(" tip: ", "; "));
        } else if let Some(values) = paragraph.strip_prefix("[possible values: ") {
            hints.push(format!("the values are {}", values.trim_end_matches(']')));
        } else if let Some(usage) = paragraph.strip_prefix("Usage: ") {
            hints.push(format!("usage: {usage}"));
        }
    }
    if let Some(values) = possible_values(error) {
        hints.insert(0, format!("the values are {values}"));
        if let Some(at) = message.find(" [possible values") {
            message.truncate(at);
        }
    }
    hints.push("--help tells more".into());
    Failure::usage(message).with_hint(hints.join("; "))
}

/// `--json` for a command that has no JSON form.
pub(crate) fn no_json(command: &str) -> Failure {
    Failure::usage(format!("{command} has no JSON form")).with_hint("leave --json out")
}

fn is_unknown(error: &clap::Error, argument: &str) -> bool {
    let named = error.get(ContextKind::InvalidArg);
    error.kind() == ErrorKind::UnknownArgument
        && matches!(named, Some(ContextValue::String(name)) if name == argument)
}

fn one_line(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn possible_values(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::ValidValue)? {
        ContextValue::Strings(values) if !values.is_empty() => Some(values.join(", ")),
        _ => None,
    }
}

/// The environment variable that holds the value at fault, where nobody wrote the option.
fn variable_at_fault(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let name = arg.strip_prefix("--")?.split([' ', '=']).next()?;
    let is_written = |arg: &OsString| {
        let written = arg.to_str().and_then(|arg| arg.strip_prefix("--"));
        written.is_some_and(|written| written.split('=').next() == Some(name))
    };
    let variable = layers::variable(name);
    (!args.iter().any(is_written) && std::env::var_os(&variable).is_some()).then_some(variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn early(args: &[&str]) -> Early {
        Early::of(&args.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn json_is_seen_before_parsing() {
        assert!(early(&["keybearer", "nonsense", "--json"]).json);
        assert!(!early(&["keybearer", "exec", "--", "jq", "--json"]).json);
    }

    #[test]
    fn colour_is_seen_before_parsing() {
        assert_eq!(
            early(&["keybearer", "--color", "never"]).color,
            Color::Never
        );
        assert_eq!(early(&["keybearer", "--color=always"]).color, Color::Always);
        assert_eq!(early(&["keybearer", "--color"]).color, Color::Auto);
    }
}
