//! `cargo xtask fuzz`: what outsiders send, made up by libFuzzer, on the stable compiler.

use std::{
    fs,
    path::{Path, PathBuf},
};

use xshell::cmd;

use crate::{Result, flags, project::Project};

/// Unless told: the smoke of continuous integration.
const SECONDS: u64 = 10;
/// No input is longer, in bytes.
const MAX_LENGTH: usize = 16 << 10;
/// No input takes longer, in seconds; the machine may be busy.
const TIMEOUT: u64 = 20;
/// What the whole program may hold, and one allocation, in MiB. No file may take more than 64.
const MEMORY: (u64, u64) = (512, 64);

/// What makes the program tell libFuzzer which branches it takes and what it compares: what cargo-fuzz sets, but for the
/// sanitizers, which the stable compiler lacks.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares";

pub(crate) fn run(project: &Project, flags: &flags::Fuzz) -> Result {
    let wanted = flags.target.as_deref();
    let targets: Vec<_> = targets(&project.read("fuzz/src/main.rs")?)
        .into_iter()
        .filter(|target| wanted.is_none_or(|wanted| wanted == target))
        .collect();
    if targets.is_empty() {
        return Err("there is no such target: fuzz/src/main.rs has their names".into());
    }
    let program = build(project)?;
    let seconds = flags.seconds.unwrap_or(SECONDS);
    for target in &targets {
        fuzz(project, &program, target, seconds)?;
    }
    Ok(())
}

fn build(project: &Project) -> Result<PathBuf> {
    let sh = &project.sh;
    let manifest = project.root.join("fuzz/Cargo.toml");
    // The versions are the workspace's; Cargo adds what is used here alone.
    sh.copy_file(project.root.join("Cargo.lock"), project.root.join("fuzz"))?;
    let host = cmd!(sh, "rustc --print host-tuple").quiet().read()?;
    let target = project.target();
    // With `--target`, build scripts and macros are built without the counters.
    cmd!(
        sh,
        "cargo build --release --target {host} --target-dir {target} --manifest-path {manifest}"
    )
    .env("RUSTFLAGS", COVERAGE)
    .run()?;
    Ok(target.join(host).join("release/keybearer-fuzz"))
}

/// Runs one target. New inputs are kept under `target/fuzz`, those that are findings too.
fn fuzz(project: &Project, program: &Path, target: &str, seconds: u64) -> Result {
    let kept = project.target().join("fuzz").join(target);
    let corpus = kept.join("corpus");
    fs::create_dir_all(&corpus)?;
    let seeds = seeds(project, target)?;
    let (memory, allocation) = MEMORY;
    let (length, timeout) = (MAX_LENGTH, TIMEOUT);
    let findings = format!("{}/", kept.display());
    println!("fuzzing {target} for {seconds} s");
    let sh = &project.sh;
    cmd!(
        sh,
        "{program} {corpus} {seeds...} -artifact_prefix={findings}"
    )
    .arg(format!("-max_total_time={seconds}"))
    .arg(format!("-max_len={length}"))
    .arg(format!("-timeout={timeout}"))
    .arg(format!("-rss_limit_mb={memory}"))
    .arg(format!("-malloc_limit_mb={allocation}"))
    .args(["-verbosity=1", "-print_final_stats=1"])
    .env("KEYBEARER_FUZZ_TARGET", target)
    .quiet()
    .run()
    .map_err(|_| {
        format!("{target}: a finding, or it did not run: see above; the input lies in {findings}")
    })?;
    Ok(())
}

/// The folders that the inputs of a target grow from: its own, the key files of its format, and the test files of every crate.
fn seeds(project: &Project, target: &str) -> Result<Vec<PathBuf>> {
    let own = project.root.join("fuzz/seeds").join(target);
    let mut seeds: Vec<_> = own.is_dir().then_some(own).into_iter().collect();
    if matches!(target, "certificate" | "jks" | "pem" | "pkcs12") {
        let shared = project.root.join("tests/fixtures");
        // A reader of certificates takes those of the keys; libFuzzer goes into folders by itself.
        seeds.push(shared.join(if target == "certificate" {
            "keys"
        } else {
            target
        }));
        for entry in fs::read_dir(project.root.join("crates"))? {
            seeds.push(entry?.path().join("tests/fixtures"));
        }
        seeds.retain(|folder| folder.is_dir());
    }
    Ok(seeds)
}

/// The names in the table of targets.
fn targets(main: &str) -> Vec<String> {
    main.lines()
        .filter_map(|line| line.trim().strip_prefix("(\"")?.split_once("\", "))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn targets_are_read_from_the_table() {
        let main = "const TARGETS: &[(&str, Target)] = &[\n    (\"jks\", key_file::jks),\n    (\"uri\", uri::run),\n];\n";
        assert_eq!(super::targets(main), ["jks", "uri"]);
    }
}
