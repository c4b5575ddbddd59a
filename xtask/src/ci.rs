//! `cargo xtask ci`: all that continuous integration does, which is written down once, in `.ci/run`.

use xshell::cmd;

use crate::{Result, project::Project};

pub(crate) fn run(project: &Project) -> Result {
    let script = project.root.join(".ci/run");
    cmd!(project.sh, "bash {script}").run()?;
    Ok(())
}
