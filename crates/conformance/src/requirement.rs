//! What a test needs of the machine it runs on.

use std::{env, process::Command};

use libtest_mimic::{Failed, Trial};

use crate::harness::skipped;

/// What a test needs: there, or missing with a reason.
#[derive(Debug)]
pub enum Requirement<T> {
    /// It is there, and this is what the probe found.
    Met(T),
    /// It is not.
    Missing(Missing),
}

/// A thing that a test needs and that is not there.
#[derive(Clone, Debug)]
pub struct Missing {
    name: String,
    reason: String,
    required: bool,
}

/// Looks for what tests need. `name` is the word by which `KEYBEARER_REQUIRE` (a list with commas) turns the skip into a
/// failure: `softhsm2`, `authlib`, `ministack`, `hvac`, `openssl`, `keytool`, `keycloak`, `sf`.
///
/// ```
/// use keybearer_conformance::{Trial, program, require};
/// let trials = require("openssl", || program("openssl", &["version"])).trials("judged by openssl", |version| {
///     vec![Trial::test("is openssl", move || Ok(assert!(version.contains("SSL"))))]
/// });
/// assert_eq!(trials.len(), 1);
/// ```
pub fn require<T>(name: &str, probe: impl FnOnce() -> Result<T, String>) -> Requirement<T> {
    let listed = env::var("KEYBEARER_REQUIRE").unwrap_or_default();
    resolve(name, probe(), &listed)
}

/// Probes for a program: what it prints when it is run so, or why it cannot be.
pub fn program(name: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(name)
        .args(arguments)
        .output()
        .map_err(|error| format!("{name} cannot be run ({error})"))?;
    // keytool and others print their version on the error output.
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(format!("{name} {} failed: {text}", arguments.join(" ")))
    }
}

impl<T> Requirement<T> {
    /// The trials that `make` makes of what is there; where it is missing, one trial named `name` that is skipped, or that
    /// fails where `KEYBEARER_REQUIRE` asks for it.
    pub fn trials(self, name: &str, make: impl FnOnce(T) -> Vec<Trial>) -> Vec<Trial> {
        match self {
            Self::Met(found) => make(found),
            Self::Missing(missing) => vec![missing.trial(name)],
        }
    }

    /// What is there; `None` where it is missing.
    pub fn met(self) -> Option<T> {
        match self {
            Self::Met(found) => Some(found),
            Self::Missing(_) => None,
        }
    }
}

impl Missing {
    /// A trial in place of the one that cannot run.
    pub fn trial(&self, name: &str) -> Trial {
        if !self.required {
            return skipped(name, &self.reason);
        }
        let message = format!(
            "KEYBEARER_REQUIRE asks for {}, and it is missing: {}",
            self.name, self.reason
        );
        Trial::test(name, move || Err(Failed::from(message)))
    }

    /// Why it is missing.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

fn resolve<T>(name: &str, probed: Result<T, String>, listed: &str) -> Requirement<T> {
    match probed {
        Ok(found) => Requirement::Met(found),
        Err(reason) => Requirement::Missing(Missing {
            name: name.into(),
            reason,
            required: listed.split(',').any(|word| word.trim() == name),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_skipped_or_fails() {
        let missing = |listed| {
            resolve::<()>("keytool", Err("no Java".into()), listed).trials("jks", |()| Vec::new())
        };
        let skipped = missing("softhsm2, openssl").remove(0);
        assert!(skipped.has_ignored_flag());
        assert_eq!((skipped.name(), skipped.kind()), ("jks", "no Java"));
        assert!(!missing("openssl, keytool").remove(0).has_ignored_flag());
        assert_eq!(resolve("keytool", Ok(17), "keytool").met(), Some(17));
    }

    #[test]
    fn programs_are_probed() {
        assert_eq!(program("echo", &["hello"]).unwrap(), "hello");
        assert!(program("false", &[]).is_err());
        assert!(
            program("no-such-program", &[])
                .unwrap_err()
                .contains("no-such-program")
        );
    }
}
