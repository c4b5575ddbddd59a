//! `cargo xtask bench --features`: what each feature costs: crates, CPU seconds from nothing, bytes.

use std::{fs, time::Duration};

use xshell::cmd;

use crate::{
    Result, deps,
    project::{Project, list, text},
};

/// CPU seconds in which the command line is to be built from nothing.
const COMMAND_LINE_SECONDS: f64 = 330.0;

pub(crate) fn run(project: &Project) -> Result {
    let sh = &project.sh;
    let target = project.target().join("sizes");
    let _target = sh.push_env("CARGO_TARGET_DIR", &target);
    println!(
        "| features | crates of the library | crates of the command line | CPU s | MB |\n|---|---|---|---|---|"
    );
    let mut last = 0.0;
    for features in &feature_sets(project) {
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        let before = children_cpu()?;
        cmd!(sh, "cargo build --release --locked --quiet --package keybearer-cli --no-default-features --features {features}")
            .quiet()
            .run()?;
        last = (children_cpu()? - before).as_secs_f64();
        let bytes = fs::metadata(target.join("release/keybearer"))?.len();
        let library = deps::tree(project, "keybearer", Some(features))?.len();
        let command_line = deps::tree(project, "keybearer-cli", Some(features))?.len();
        let name = if features.is_empty() {
            "none"
        } else {
            features
        };
        println!(
            "| {name} | {library} | {command_line} | {last:.0} | {:.1} |",
            bytes as f64 / 1e6
        );
    }
    fs::remove_dir_all(&target)?;
    let verdict = if last <= COMMAND_LINE_SECONDS {
        "pass"
    } else {
        "MISS"
    };
    println!(
        "command line, default features: {last:.0} CPU s of at most {COMMAND_LINE_SECONDS:.0}: {verdict}"
    );
    Ok(())
}

/// No feature, each that a release has alone, all of those, and last what the command line has by default.
fn feature_sets(project: &Project) -> Vec<String> {
    let members = project.members();
    let command_line = members
        .into_iter()
        .find(|package| text(&package["name"]) == "keybearer-cli");
    let named = |group: &str| -> Vec<String> {
        let names = command_line.map_or(&[][..], |package| list(&package["features"][group]));
        names.iter().map(|name| text(name).to_owned()).collect()
    };
    let defaults = named("default");
    let others = named("full").into_iter().filter(|name| name != "default");
    let alone = defaults.clone().into_iter().chain(others);
    let sets = [String::new()].into_iter().chain(alone);
    sets.chain(["full".to_owned(), defaults.join(",")])
        .collect()
}

/// The CPU time of all children that have ended: fields 16 and 17 of `/proc/self/stat` (proc(5)), in hundredths.
fn children_cpu() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in parentheses, which may hold spaces.
    let (_, rest) = stat
        .rsplit_once(')')
        .ok_or("/proc/self/stat has another form")?;
    let ticks = rest
        .split_whitespace()
        .skip(13)
        .take(2)
        .map(str::parse::<u64>)
        .sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
