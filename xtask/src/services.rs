//! `cargo xtask services`: other people's programs that judge ours, installed once.
//!
//! Nothing keeps running: a test starts the server that it needs on a port of its own and ends it. What is told here is
//! where each program was found.

mod debian;
mod heavy;
mod python;

use std::path::PathBuf;

use crate::{Result, flags, project::Project};

/// The programs that were found, and those that were not.
#[derive(Default)]
pub(crate) struct Services {
    found: Vec<(&'static str, PathBuf)>,
    /// One sentence for each program that is missing, with the command that installs it.
    pub(crate) missing: Vec<String>,
}

impl Services {
    /// What the tests read: `KEYBEARER_JUDGE_…`, each the path of a program or its folder.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let variable = |(name, path): &(&str, PathBuf)| {
            (
                format!("KEYBEARER_JUDGE_{name}"),
                path.display().to_string(),
            )
        };
        self.found.iter().map(variable).collect()
    }

    fn add(&mut self, name: &'static str, what: &str, found: Result<PathBuf>) {
        match found {
            Ok(path) => self.found.push((name, path)),
            Err(error) => self.missing.push(format!("{what}: {error}")),
        }
    }
}

pub(crate) fn run(project: &Project, flags: &flags::Services) -> Result {
    let services = ensure(project, flags.all)?;
    for (name, value) in services.variables() {
        println!("{name}={value}");
    }
    for missing in &services.missing {
        eprintln!("NOT INSTALLED: {missing}");
    }
    if services.missing.is_empty() {
        return Ok(());
    }
    Err("tests that need what is missing will be skipped".into())
}

/// Installs what is missing, where that may be done unasked, and writes down where everything is.
pub(crate) fn ensure(project: &Project, heavy: bool) -> Result<Services> {
    let mut services = Services::default();
    debian::ensure(project, heavy, &mut services.missing)?;
    services.add("PYTHON", "Authlib", python::ensure(project));
    if heavy {
        if let Err(error) = python::ensure_all(project) {
            let missing = format!("the vendors' clients of key services: {error}");
            services.missing.push(missing);
        }
        services.add("KEYCLOAK", "Keycloak", heavy::keycloak(project));
        services.add("KRYOPTIC", "Kryoptic", heavy::kryoptic(project));
        services.add("SF", "the Salesforce CLI", heavy::salesforce_cli(project));
    }
    // For `cargo test` alone, which has no variables of ours.
    let lines: String = services
        .variables()
        .into_iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    let folder = folder(project)?;
    std::fs::write(folder.join("env"), lines)?;
    Ok(services)
}

/// Where the small ones live. The heavy ones lie in the user's cache, so that each clone need not fetch them again.
fn folder(project: &Project) -> Result<PathBuf> {
    let folder = project.target().join("services");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
