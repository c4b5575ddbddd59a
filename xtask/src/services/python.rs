//! A virtual environment with Authlib, whose code checks our assertions, and with readers of key files; with all the
//! judges, also the vendors' own clients of key services, which judge the doubles of these.

use std::{
    fs,
    path::{Path, PathBuf},
};

use xshell::cmd;

use crate::{Result, project::Project};

/// Needs a compiler, where there is no wheel of a part of it: without it, the tests that ask it say that they are skipped.
const OPTIONAL: &str = "pyjks==20.0.0";

/// The interpreter of the environment.
pub(super) fn ensure(project: &Project) -> Result<PathBuf> {
    let (folder, python) = places(project)?;
    once(project, "requirements.txt", OPTIONAL, |file| {
        let sh = &project.sh;
        cmd!(sh, "python3 -m venv --clear {folder}").run()?;
        pip(project, &python, &["--requirement", file])?;
        if pip(project, &python, &[OPTIONAL]).is_err() {
            println!("NOT INSTALLED: {OPTIONAL}");
        }
        Ok(())
    })?;
    Ok(python)
}

/// The vendors' clients beside the rest.
pub(super) fn ensure_all(project: &Project) -> Result {
    let (_, python) = places(project)?;
    once(project, "requirements-all.txt", "", |file| {
        pip(project, &python, &["--requirement", file])
    })
}

/// The environment and its interpreter.
fn places(project: &Project) -> Result<(PathBuf, PathBuf)> {
    let folder = super::folder(project)?.join("python");
    let python = folder.join("bin/python");
    Ok((folder, python))
}

/// Runs `install` unless it has succeeded with what this file of `tests/judges` names now.
fn once(project: &Project, name: &str, more: &str, install: impl FnOnce(&str) -> Result) -> Result {
    let file = project.root.join("tests/judges").join(name);
    let wanted = fs::read_to_string(&file)? + more;
    // In the environment, so that it goes with it.
    let stamp = places(project)?.0.join(name);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let told: Vec<_> = wanted.lines().collect();
    println!("installing {}", told.join(" "));
    install(&file.display().to_string())?;
    fs::write(stamp, wanted)?;
    Ok(())
}

fn pip(project: &Project, python: &Path, what: &[&str]) -> Result {
    let sh = &project.sh;
    cmd!(
        sh,
        "{python} -m pip install --quiet --disable-pip-version-check {what...}"
    )
    .run()?;
    Ok(())
}
