//! `--show-config`: what is in force and where it comes from.

use clap::{Arg, ArgMatches, Command};
use keybearer_core::{KeyUri, SecretSource};
use serde::Serialize;

use super::Profile;
use crate::{
    failure::Failure,
    layers::{self, Layer},
    output::Output,
    text::{columns, printable, without_credentials},
};

#[derive(Serialize)]
struct InForce<'a> {
    file: Option<String>,
    profile: Option<&'a str>,
    options: Vec<Setting>,
}

#[derive(Serialize)]
struct Setting {
    name: String,
    value: String,
    source: &'static str,
    from: String,
}

/// Prints the options of the chosen command that have a value.
pub(crate) fn show(
    command: &Command,
    matches: &ArgMatches,
    profile: Option<&Profile>,
    out: Output,
) -> Result<(), Failure> {
    let (leaf, matches) = layers::leaf(command, matches);
    // Global options reach the matches of the chosen command, not its own list of arguments.
    let arguments = leaf.get_arguments().chain(command.get_arguments());
    let mut options: Vec<_> = arguments
        .filter(|arg| arg.get_id() != "show_config")
        .filter_map(|arg| setting(arg, matches, profile))
        .collect();
    options.sort_by(|a, b| a.name.cmp(&b.name));
    options.dedup_by(|a, b| a.name == b.name);
    let in_force = InForce {
        file: profile.map(|profile| profile.file.display().to_string()),
        profile: profile.map(|profile| profile.name.as_str()),
        options,
    };
    out.data(&in_force, || {
        let row = |setting: &Setting| {
            vec![
                setting.name.clone(),
                printable(&setting.value),
                format!("({})", printable(&setting.from)),
            ]
        };
        columns(&in_force.options.iter().map(row).collect::<Vec<_>>())
    })
}

fn setting(arg: &Arg, matches: &ArgMatches, profile: Option<&Profile>) -> Option<Setting> {
    let name = layers::name_of(arg)?;
    let layer = layers::layer_of(arg, matches, profile)?;
    let words: Vec<_> = matches
        .get_raw(arg.get_id().as_str())?
        .map(|word| shown(name, &word.to_string_lossy()))
        .collect();
    let is_off = layer == Layer::Default && (words == ["false"] || words == ["0"]);
    if is_off {
        return None;
    }
    let from = match (layer, profile) {
        (Layer::Flag, _) => "command line".into(),
        (Layer::Environment, _) => layers::variable(name),
        (Layer::Profile, Some(profile)) => {
            format!("profile {} of {}", profile.name, profile.file.display())
        }
        _ => "default".into(),
    };
    Some(Setting {
        name: name.into(),
        value: words.join(" "),
        source: layer.as_str(),
        from,
    })
}

/// The value as it may be seen: a secret that stands where it should not is not shown either.
fn shown(name: &str, value: &str) -> String {
    const HIDDEN: &str = "***";
    if name == "key" || name == "tls-key" {
        return value
            .parse::<KeyUri>()
            .map_or_else(|_| HIDDEN.into(), |uri| uri.to_string());
    }
    if name.ends_with("-source") {
        return value
            .parse::<SecretSource>()
            .map_or_else(|_| HIDDEN.into(), |source| source.to_string());
    }
    if name == "param" {
        let parameter = value.split_once('=').map_or(value, |(name, _)| name);
        return format!("{parameter}={HIDDEN}");
    }
    if name == "proxy" || value.contains("://") {
        without_credentials(value)
    } else {
        value.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (name, value, seen) in [
            (
                "key",
                "jks:/a?password-value=hunter2",
                "jks:/a?password-value=***",
            ),
            ("key", "jks:/a?password-value=hunter2&%", "***"),
            ("password-source", "hunter2", "***"),
            ("password-source", "env:P", "env:P"),
            ("param", "client_secret=hunter2", "client_secret=***"),
            (
                "proxy",
                "http://u:hunter2@proxy:3128/",
                "http://***@proxy:3128/",
            ),
            ("proxy", "u:hunter2@proxy:3128", "***@proxy:3128"),
            ("username", "ann@example.org", "ann@example.org"),
            ("login-url", "https://a.example/@b", "https://a.example/@b"),
        ] {
            assert_eq!(shown(name, value), seen);
        }
    }
}
