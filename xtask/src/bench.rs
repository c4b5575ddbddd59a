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
    println!("{}", machine(project)?);
    cmd!(sh, "{bench} {keybearer}").quiet().run()?;
    Ok(())
}

/// When and on what the figures were taken.
fn machine(project: &Project) -> Result<String> {
    let sh = &project.sh;
    let date = cmd!(sh, "date --utc +%Y-%m-%d").quiet().read()?;
    let rustc = cmd!(sh, "rustc --version").quiet().read()?;
    let cores = std::thread::available_parallelism()?;
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, model)| model);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!(
        "{date}, {model}, {cores} cores, load {load}, {rustc}"
    ))
}
