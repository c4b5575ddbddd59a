//! `cargo xtask bench --features`: what each feature costs: crates, CPU seconds from nothing, bytes.

use std::{fs, time::Duration};

use xshell::cmd;

use crate::{Result, deps, project::Project};

/// CPU seconds in which the command line is to be built from nothing.
const COMMAND_LINE_SECONDS: f64 = 330.0;

/// The command line without and with each source, and with all.
const FEATURES: &[&str] = &[
    "",
    "pem",
    "pkcs12",
    "jks",
    "pkcs11",
    "pem,pkcs12,jks,pkcs11",
];

pub(crate) fn run(project: &Project) -> Result {
    let sh = &project.sh;
    let target = project.target().join("sizes");
    let _target = sh.push_env("CARGO_TARGET_DIR", &target);
    println!(
        "library, default features: {} crates",
        deps::tree(project, "keybearer")?.len()
    );
    println!("| features of the command line | CPU s | MB |\n|---|---|---|");
    let mut last = 0.0;
    for features in FEATURES {
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        let before = children_cpu()?;
        cmd!(sh, "cargo build --release --locked --quiet --package keybearer-cli --no-default-features --features {features}")
            .quiet()
            .run()?;
        last = (children_cpu()? - before).as_secs_f64();
        let bytes = fs::metadata(target.join("release/keybearer"))?.len();
        let name = if features.is_empty() {
            "none"
        } else {
            features
        };
        println!("| {name} | {last:.0} | {:.1} |", bytes as f64 / 1e6);
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
