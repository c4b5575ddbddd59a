//! A virtual environment with Authlib, whose code checks our assertions, and with readers of key files.

use std::{fs, path::PathBuf};

use xshell::cmd;

use crate::{Result, project::Project};

/// Needs a compiler, where there is no wheel of a part of it: without it, the tests that ask it say that they are skipped.
const OPTIONAL: &str = "pyjks==20.0.0";

/// The interpreter of the environment.
pub(super) fn ensure(project: &Project) -> Result<PathBuf> {
    let sh = &project.sh;
    let folder = super::folder(project)?.join("python");
    let requirements = project.root.join("tests/judges/requirements.txt");
    let wanted = fs::read_to_string(&requirements)? + OPTIONAL + "\n";
    let (python, stamp) = (folder.join("bin/python"), folder.join("installed"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    println!(
        "installing {}",
        wanted.lines().collect::<Vec<_>>().join(" ")
    );
    cmd!(sh, "python3 -m venv --clear {folder}").run()?;
    cmd!(
        sh,
        "{python} -m pip install --quiet --disable-pip-version-check --requirement {requirements}"
    )
    .run()?;
    let optional = cmd!(
        sh,
        "{python} -m pip install --quiet --disable-pip-version-check {OPTIONAL}"
    );
    if optional.quiet().run().is_err() {
        println!("NOT INSTALLED: {OPTIONAL}");
    }
    fs::write(stamp, wanted)?;
    Ok(python)
}
