//! `cargo xtask bench`: the goals of the development page, measured in one run.

use xshell::cmd;

use crate::{Result, flags, project::Project, sizes};

pub(crate) fn run(project: &Project, flags: &flags::Bench) -> Result {
    if flags.features {
        return sizes::run(project);
    }
    let sh = &project.sh;
    let target = project.target();
    let _target = sh.push_env("CARGO_TARGET_DIR", &target);
    // Symbols are what callgrind counts by.
    let _symbols = sh.push_env("CARGO_PROFILE_RELEASE_STRIP", "none");
    cmd!(sh, "cargo build --release --locked --package keybearer-cli --package keybearer-tests --bin keybearer --bin bench").run()?;
    let (bench, keybearer) = (
        target.join("release/bench"),
        target.join("release/keybearer"),
    );
    cmd!(sh, "{bench} {keybearer}").quiet().run()?;
    Ok(())
}
