//! Flag beats environment beats profile: where each option's value comes from.

use std::{collections::BTreeMap, ffi::OsString};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::BoolishValueParser, parser::ValueSource};

use crate::config::Profile;

/// Where a value stands; a later one beats an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    /// Nobody said anything.
    Default,
    /// A profile of `keybearer.toml`.
    Profile,
    /// An environment variable.
    Environment,
    /// The command line.
    Flag,
}

impl Layer {
    /// The name for machines.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Profile => "profile",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// Where the values of the options in force come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(BTreeMap<String, Layer>);

/// Options that choose the profile cannot stand in one.
const NOT_IN_A_PROFILE: [&str; 5] = ["help", "version", "config", "profile", "show-config"];

impl Origins {
    pub(crate) fn new(layers: impl IntoIterator<Item = (String, Layer)>) -> Self {
        Self(layers.into_iter().collect())
    }

    /// Where an option's value comes from, by its long name; `key` is also the command's argument.
    pub(crate) fn layer(&self, name: &str) -> Layer {
        self.0.get(name).copied().unwrap_or(Layer::Default)
    }
}

/// The environment variable of an option.
pub(crate) fn variable(name: &str) -> String {
    format!("KEYBEARER_{}", name.replace('-', "_").to_ascii_uppercase())
}

/// The name under which an argument stands in a profile: its long option, and `key` for the argument that is the key.
pub(crate) fn name_of(arg: &Arg) -> Option<&str> {
    arg.get_long()
        .or_else(|| (arg.get_id() == "key").then_some("key"))
}

/// All options that a profile can hold, each with its other names.
pub(crate) fn options(command: &Command) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![command];
    while let Some(command) = pending.pop() {
        for arg in command.get_arguments() {
            let Some(name) = name_of(arg).filter(|name| !NOT_IN_A_PROFILE.contains(name)) else {
                continue;
            };
            let others = arg.get_all_aliases().unwrap_or_default();
            let known: &mut Vec<String> = found.entry(name.to_owned()).or_default();
            known.extend(others.into_iter().map(str::to_owned));
            known.sort();
            known.dedup();
        }
        pending.extend(command.get_subcommands());
    }
    found
}

/// Has every option read from its environment variable.
pub(crate) fn with_environment(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let Some(variable) = name_of(&arg)
            .filter(|_| !is_about_itself(&arg))
            .map(variable)
        else {
            return arg;
        };
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let arg = if is_switch {
            arg.value_parser(BoolishValueParser::new())
        } else {
            arg
        };
        // A variable that is set to nothing is what many a CI job gives for one that is not set.
        if std::env::var_os(&variable).is_some_and(|value| value.is_empty()) {
            return arg;
        }
        arg.env(variable).hide_env_values(true).hide_env(is_switch)
    });
    command.mut_subcommands(with_environment)
}

/// Gives the options of the chosen command, and of those that it stands under, the values of the profile.
pub(crate) fn with_profile(command: Command, chosen: &ArgMatches, profile: &Profile) -> Command {
    let command = command.mut_args(|arg| match said(profile, &arg) {
        Some(values) => {
            let values: Vec<OsString> = values.iter().map(Into::into).collect();
            arg.default_values(values)
        }
        None => arg,
    });
    match chosen.subcommand() {
        Some((name, chosen)) => {
            command.mut_subcommand(name, |command| with_profile(command, chosen, profile))
        }
        None => command,
    }
}

/// The command that was chosen, with its matches: `key list`.
pub(crate) fn leaf<'a>(
    command: &'a Command,
    matches: &'a ArgMatches,
) -> (&'a Command, &'a ArgMatches) {
    let below = matches
        .subcommand()
        .and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches)));
    match below {
        Some((command, matches)) => leaf(command, matches),
        None => (command, matches),
    }
}

/// Where the value of an argument of the chosen command comes from; `None` where it has none.
pub(crate) fn layer_of(
    arg: &Arg,
    matches: &ArgMatches,
    profile: Option<&Profile>,
) -> Option<Layer> {
    let source = matches.try_contains_id(arg.get_id().as_str()).ok()?;
    let source = source.then(|| matches.value_source(arg.get_id().as_str()))??;
    Some(match source {
        ValueSource::CommandLine => Layer::Flag,
        ValueSource::EnvVariable => Layer::Environment,
        _ => {
            if profile.is_some_and(|profile| said(profile, arg).is_some()) {
                Layer::Profile
            } else {
                Layer::Default
            }
        }
    })
}

/// What the profile says of an argument. `subject` is a name of its own for a certificate, and another one of
/// `username`: so the argument's own name comes first.
fn said<'a>(profile: &'a Profile, arg: &Arg) -> Option<&'a [String]> {
    let name = name_of(arg)?;
    let others = arg.get_all_aliases().unwrap_or_default();
    profile.values(std::iter::once(name).chain(others))
}

fn is_about_itself(arg: &Arg) -> bool {
    matches!(
        arg.get_action(),
        ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
    ) || arg.get_id() == "show_config"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_layers_win() {
        assert!(Layer::Flag > Layer::Environment);
        assert!(Layer::Environment > Layer::Profile);
        assert!(Layer::Profile > Layer::Default);
    }

    #[test]
    fn variables_are_named_after_options() {
        assert_eq!(variable("client-id"), "KEYBEARER_CLIENT_ID");
    }
}
