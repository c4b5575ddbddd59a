//! `cargo xtask test`: every test, and at the end what was skipped and why.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use crate::{Result, flags, project::Project, services};

/// Crates that do more with `aws-lc`, which the workspace's tests turn on for all: they are tested without it too.
const WITHOUT_AWS_LC: &[&str] = &[
    "keybearer-soft",
    "keybearer-pem",
    "keybearer-pkcs12",
    "keybearer-jks",
    "keybearer",
];

pub(crate) fn run(project: &Project, flags: &flags::Test) -> Result {
    let services = services::ensure(project, flags.all)?;
    let variables = services.variables();
    let mut tally = Tally::default();
    let mut cargo = |arguments: &[&str]| -> Result {
        println!("\n$ cargo {}", arguments.join(" "));
        let mut command = Command::new("cargo");
        command
            .args(arguments)
            .current_dir(&project.root)
            .env("CARGO_TARGET_DIR", project.target())
            .envs(variables.iter().map(|(name, value)| (name, value)));
        tally.run(command, Echo::On)
    };
    // The program that other crates' tests run: `cargo test` builds it for tests of its own crate alone.
    cargo(&["build", "--workspace", "--locked", "--bin", "keybearer"])?;
    cargo(&["test", "--workspace", "--locked", "--no-fail-fast"])?;
    let packages = WITHOUT_AWS_LC.iter().flat_map(|name| ["--package", name]);
    let without: Vec<_> = ["test", "--locked", "--no-fail-fast"]
        .into_iter()
        .chain(packages)
        .collect();
    cargo(&without)?;
    // A vendor's crate: outside the workspace, against the published interface alone. It is built with the workspace's
    // versions, so that nothing is built twice and none of it is new.
    let external = "tests/external-provider/Cargo.toml";
    if project.root.join(external).exists() {
        let lock = Path::new("Cargo.lock");
        let of_external = Path::new(external).with_file_name("Cargo.lock");
        fs::copy(project.root.join(lock), project.root.join(of_external))?;
        cargo(&["test", "--no-fail-fast", "--manifest-path", external])?;
    }
    for missing in &services.missing {
        println!("\nNOT INSTALLED: {missing}");
    }
    tally.tell();
    if tally.failed > 0 || !tally.broken.is_empty() {
        return Err("not all tests passed".into());
    }
    Ok(())
}

/// What the test programs said of themselves.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
    /// Names of failed tests.
    failures: Vec<String>,
    /// `name: reason` of each skipped test.
    skipped: Vec<String>,
    /// Runs that ended badly without naming a failed test, or ignored a test without a reason.
    broken: Vec<String>,
}

impl Tally {
    fn run(&mut self, mut command: Command, echo: Echo) -> Result {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let streams = [
            child
                .stdout
                .take()
                .map(|stream| tee(stream, echo.to(std::io::stdout()), lines.clone())),
            child
                .stderr
                .take()
                .map(|stream| tee(stream, echo.to(std::io::stderr()), lines.clone())),
        ];
        let status = child.wait()?;
        for stream in streams.into_iter().flatten() {
            let _ = stream.join();
        }
        let lines = lines.lock().map_err(|error| error.to_string())?;
        let (failed, ignored, skipped) = (self.failed, self.ignored, self.skipped.len());
        for line in lines.iter() {
            self.read(line);
        }
        if !status.success() && self.failed == failed {
            self.broken.push(format!("{command:?} ended with {status}"));
        }
        if self.ignored - ignored > self.skipped.len() - skipped {
            self.broken
                .push(format!("{command:?} ignored a test without a reason"));
        }
        Ok(())
    }

    fn read(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            let count = |what: &str| {
                counts
                    .split([';', '.'])
                    .filter_map(|part| part.trim().strip_suffix(what))
                    .find_map(|number| number.trim().parse::<usize>().ok())
                    .unwrap_or_default()
            };
            self.passed += count(" passed");
            self.failed += count(" failed");
            self.ignored += count(" ignored");
        } else if let Some(skipped) = line.strip_prefix("SKIPPED ") {
            self.skipped.push(skipped.into());
        } else if let Some(test) = line.strip_prefix("test ") {
            let name = test.strip_suffix(" ... FAILED");
            self.failures.extend(name.map(str::to_owned));
        }
    }

    fn tell(&self) {
        println!();
        for line in &self.skipped {
            println!("skipped: {line}");
        }
        for line in &self.failures {
            println!("failed: {line}");
        }
        for line in &self.broken {
            println!("failed: {line}");
        }
        let (passed, failed, skipped) = (
            self.passed,
            self.failed + self.broken.len(),
            self.skipped.len(),
        );
        println!("{passed} passed, {failed} failed, {skipped} skipped");
    }
}

/// Whether a program's output is passed on. This file's own tests keep theirs to themselves: it would be counted.
#[derive(Clone, Copy)]
enum Echo {
    On,
    #[cfg(test)]
    Off,
}

impl Echo {
    fn to(self, out: impl Write + Send + 'static) -> Box<dyn Write + Send> {
        match self {
            Self::On => Box::new(out),
            #[cfg(test)]
            Self::Off => Box::new(std::io::sink()),
        }
    }
}

/// Passes a stream on while keeping its lines.
fn tee(
    stream: impl Read + Send + 'static,
    mut out: Box<dyn Write + Send>,
    lines: Arc<Mutex<Vec<String>>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(stream.read_until(b'\n', &mut line), Ok(1..)) {
            let _ = out.write_all(&line);
            let _ = out.flush();
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if let Ok(mut lines) = lines.lock() {
                lines.push(text);
            }
            line.clear();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_programs_say_is_summed() {
        let mut tally = Tally::default();
        for line in [
            "test a::b ... ok",
            "test a::c ... FAILED",
            "test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "SKIPPED keycloak::grant: keycloak is not installed",
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out",
        ] {
            tally.read(line);
        }
        assert_eq!((tally.passed, tally.failed, tally.ignored), (15, 1, 2));
        assert_eq!(tally.failures, ["a::c"]);
        assert_eq!(
            tally.skipped,
            ["keycloak::grant: keycloak is not installed"]
        );
    }

    #[test]
    fn a_run_that_ends_badly_is_a_failure() {
        let mut tally = Tally::default();
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "echo 'test result: ok. 1 passed; 0 failed; 0 ignored'; exit 3",
        ]);
        tally.run(command, Echo::Off).unwrap();
        assert_eq!((tally.passed, tally.broken.len()), (1, 1));
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "echo 'test result: ok. 1 passed; 0 failed; 1 ignored'",
        ]);
        tally.run(command, Echo::Off).unwrap();
        assert_eq!((tally.passed, tally.broken.len()), (2, 2));
    }
}
