//! `keybearer.toml`: profiles of options.

mod file;
mod show;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::Command;

pub(crate) use show::show;

use crate::{failure::Failure, layers};

/// The profile in force.
#[derive(Debug)]
pub(crate) struct Profile {
    /// Its name.
    pub(crate) name: String,
    /// The file it stands in.
    pub(crate) file: PathBuf,
    values: BTreeMap<String, Vec<String>>,
}

impl Profile {
    /// The values of an option, by its long name or else by another name of it; `None` where the profile does not say.
    pub(crate) fn values<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<&[String]> {
        let mut said = names.into_iter().filter_map(|name| self.values.get(name));
        said.next().map(Vec::as_slice)
    }
}

/// The profile that is asked for, or else the file's `default-profile`; `None` where there is neither.
///
/// # Errors
/// A `config` failure where a file or a profile that was named is not there, and where a file says what no option
/// takes.
pub(crate) fn load(
    config: Option<&Path>,
    profile: Option<&str>,
    command: &Command,
) -> Result<Option<Profile>, Failure> {
    let Some(path) = config.map(Path::to_path_buf).or_else(find) else {
        return match profile {
            Some(name) => Err(Failure::config(format!(
                "there is no keybearer.toml to have the profile \"{name}\""
            ))
            .with_hint(format!(
                "it is looked for at {}; --config PATH names another",
                places()
                    .map(|place| place.display().to_string())
                    .collect::<Vec<_>>()
                    .join(" and ")
            ))),
            None => Ok(None),
        };
    };
    let file = file::read(&path, &layers::options(command))?;
    let Some(name) = profile.map(str::to_owned).or(file.default_profile) else {
        return Ok(None);
    };
    let mut profiles = file.profiles;
    match profiles.remove(&name) {
        Some(values) => Ok(Some(Profile {
            name,
            file: path,
            values,
        })),
        None => Err(
            Failure::config(format!("{} has no profile \"{name}\"", path.display())).with_hint(
                if profiles.is_empty() {
                    format!("write [profile.{name}] into it")
                } else {
                    let names: Vec<_> = profiles.keys().map(String::as_str).collect();
                    format!("its profiles are {}", names.join(", "))
                },
            ),
        ),
    }
}

fn find() -> Option<PathBuf> {
    places().find(|place| place.is_file())
}

/// Where the file is looked for: in the working folder, then in the user's configuration folder.
fn places() -> impl Iterator<Item = PathBuf> {
    const NAME: &str = "keybearer.toml";
    [
        Some(PathBuf::from(NAME)),
        user_folder().map(|folder| folder.join("keybearer").join(NAME)),
    ]
    .into_iter()
    .flatten()
}

/// `%APPDATA%`, or by the XDG Base Directory Specification.
fn user_folder() -> Option<PathBuf> {
    let folder = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if cfg!(windows) {
        return folder("APPDATA");
    }
    folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))
}
