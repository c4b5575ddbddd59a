//! Programs: the command line under test, tools that judge it, servers that end with the test.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

/// A program that has ended.
#[derive(Debug)]
pub struct Ran {
    /// The exit status; 128 and the number of the signal where one ended it.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Standard output, without the line break at its end, of a program that must have succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.status, 0, "{}\n{}", self.stdout, self.stderr);
        self.stdout.trim_end().to_owned()
    }

    /// The JSON of standard output of a program that must have succeeded.
    #[track_caller]
    pub fn json(self) -> Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The JSON error of a program that must have ended with this status, having said nothing on standard output.
    #[track_caller]
    pub fn error(&self, status: i32) -> Value {
        assert_eq!(self.status, status, "{}\n{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        let line = self.stderr.lines().last().unwrap_or_default();
        let error: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {}", self.stderr));
        assert!(error["error"]["message"].is_string(), "{line}");
        error["error"].clone()
    }
}

/// The command line, with nothing set that the developer's own use of it may have set.
///
/// `KEYBEARER_BINARY` names another one than what Cargo has built beside this test.
pub fn keybearer(arguments: &[&str]) -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(BINARY.get_or_init(binary));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let is_proxy = name.to_ascii_lowercase().ends_with("_proxy");
        if name.starts_with("KEYBEARER_") || is_proxy {
            command.env_remove(name);
        }
    }
    // A developer's keybearer.toml is not part of a test.
    command
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("NO_COLOR", "1");
    command
}

fn binary() -> PathBuf {
    if let Some(given) = env::var_os("KEYBEARER_BINARY") {
        return given.into();
    }
    // target/PROFILE/deps/TEST
    let mut folder = env::current_exe().unwrap();
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let binary = folder.join("keybearer");
    if !binary.exists() {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--package", "keybearer-cli"]);
        cargo.args(["--features", "full"]);
        cargo.arg("--target-dir").arg(folder.parent().unwrap());
        ran(&mut cargo).ok();
    }
    binary
}

/// Runs a tool that must succeed, and gives its standard output.
#[track_caller]
pub fn tool(name: &str, arguments: &[&str]) -> String {
    ran(Command::new(name).args(arguments).stdin(Stdio::null())).ok()
}

/// Runs a program to its end.
#[track_caller]
pub fn ran(command: &mut Command) -> Ran {
    use std::os::unix::process::ExitStatusExt;
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let signal = || output.status.signal().map_or(-1, |signal| 128 + signal);
    Ran {
        status: output.status.code().unwrap_or_else(signal),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A server that says one line of JSON when it is ready, and ends when its standard input is closed.
#[derive(Debug)]
pub struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// What it said when it was ready.
    pub ready: Value,
}

impl Server {
    #[track_caller]
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let ready = read_line(&mut stdout);
        Self {
            stdin: child.stdin.take(),
            stdout,
            child,
            ready,
        }
    }

    /// Tells it something, and gives the line of JSON with which it answers.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> Value {
        writeln!(self.stdin.as_ref().unwrap(), "{line}").unwrap();
        read_line(&mut self.stdout)
    }

    /// A string of what it said when it was ready.
    #[track_caller]
    pub fn said(&self, name: &str) -> &str {
        self.ready[name].as_str().expect(name)
    }
}

#[track_caller]
fn read_line(stdout: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
