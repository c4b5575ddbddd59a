//! Other people's programs, as `cargo xtask services` has found them.

use std::{env, fs, path::PathBuf, process::Command};

/// The Python that has Authlib.
///
/// # Errors
/// The reason for which a test is skipped.
pub fn python() -> Result<PathBuf, String> {
    let missing = "not installed: cargo xtask services installs it";
    variable("PYTHON").ok_or_else(|| missing.into())
}

/// The Python that has this module.
///
/// # Errors
/// The reason for which a test is skipped.
pub fn python_with(module: &str) -> Result<PathBuf, String> {
    let python = python()?;
    let import = format!("import {module}");
    let found = Command::new(&python).args(["-c", &import]).output();
    match found {
        Ok(output) if output.status.success() => Ok(python),
        _ => Err(format!("the Python of the tests has no module {module}")),
    }
}

/// The Python that has this module of `tests/judges/requirements-all.txt`.
///
/// # Errors
/// The reason for which a test is skipped.
pub fn heavy_python(module: &str) -> Result<PathBuf, String> {
    let missing =
        |_| format!("a heavy judge: cargo xtask test --all installs {module} and asks it");
    python_with(module).map_err(missing)
}

/// The folder of a judge that only `cargo xtask test --all` asks: `KEYCLOAK`, `SF`.
///
/// # Errors
/// The reason for which a test is skipped.
pub fn heavy(name: &str) -> Result<PathBuf, String> {
    let missing = "a heavy judge: cargo xtask test --all installs and asks it";
    variable(name).ok_or_else(|| missing.into())
}

/// `KEYBEARER_JUDGE_{name}` in the environment, which `cargo xtask test` sets, or in the file that `cargo xtask services`
/// wrote.
fn variable(name: &str) -> Option<PathBuf> {
    let name = format!("KEYBEARER_JUDGE_{name}");
    let written = || {
        // target/PROFILE/deps/TEST, or target/PROFILE/PROGRAM
        let exe = env::current_exe().ok()?;
        let mut targets = exe.ancestors().skip(2).take(2);
        let text = targets.find_map(|it| fs::read_to_string(it.join("services/env")).ok())?;
        let value = |line: &str| {
            let (known, value) = line.split_once('=')?;
            (known == name).then(|| PathBuf::from(value))
        };
        text.lines().find_map(value)
    };
    let found = env::var_os(&name).map(PathBuf::from).or_else(written);
    found.filter(|path| path.exists())
}
