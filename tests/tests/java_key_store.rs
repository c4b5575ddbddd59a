//! `key new` in Java key stores that are there, and what it asks the person at the terminal.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    io::Write as _,
    process::{Command, ExitCode, Stdio},
};

use keybearer_conformance::{Failed, Trial, program, require, run};
use keybearer_tests::{Ran, Scratch, keybearer, ran, tool};

const PASSWORD: &str = "correct-horse";

fn main() -> ExitCode {
    let keytool = require("keytool", || program("keytool", &["-help"]));
    let mut trials = keytool.trials("keys in a store of keytool's", |_| {
        vec![Trial::test("a key is added to a store of keytool's", added)]
    });
    let script = require("script", || program("script", &["--version"]));
    trials.extend(script.trials("passwords at the terminal", |_| {
        vec![Trial::test("passwords at the terminal", asked)]
    }));
    run(trials)
}

fn new(store: &str, more: &[&str]) -> Ran {
    let uri = format!("jks:{store}");
    let common = ["key", "new", &uri, "--json", "--password-source", "env:P"];
    let subject = ["--subject", "CN=job, O=Acme", "--type", "P-256"];
    let mut command = keybearer(&[&common[..], &subject, more].concat());
    ran(command.env("P", PASSWORD).env("OTHER", "battery-staple"))
}

fn added() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let store = scratch.text("store.jks");
    let common = [
        "-keystore",
        &store,
        "-storetype",
        "JKS",
        "-storepass",
        PASSWORD,
    ];
    let keytool = |arguments: &str| {
        let arguments: Vec<_> = arguments.split(' ').chain(common).collect();
        tool("keytool", &arguments)
    };
    keytool("-genkeypair -keyalg RSA -alias old -dname CN=old -keypass old-password");
    let told = new(
        &store,
        &["--alias", "Job", "--key-password-source", "env:OTHER"],
    )
    .json();
    assert_eq!(told["alias"], "job");
    assert_eq!(told["certificates"][0]["subject"], "CN=job,O=Acme");
    let listed = keytool("-list");
    for part in ["contains 2 entries", "job, ", "old, "] {
        assert!(listed.contains(part), "{listed}");
    }
    // keytool opens both keys: it changes their passwords.
    keytool("-keypasswd -alias job -keypass battery-staple -new changed");
    keytool("-keypasswd -alias old -keypass old-password -new changed");

    let before = fs::read(&store)?;
    let error = new(&store, &["--alias", "JOB"]).error(1);
    assert_eq!(error["kind"], "unsupported");
    assert!(
        error["hint"].as_str().unwrap().contains("--force"),
        "{error}"
    );
    let error = new(&store, &[]).error(2);
    assert_eq!(error["kind"], "invalid_uri");
    let mut wrong = keybearer(&["key", "new", &format!("jks:{store}"), "--json", "--force"]);
    wrong.args([
        "--alias",
        "job",
        "--subject",
        "CN=a",
        "--password-source",
        "env:P",
    ]);
    let error = ran(wrong.env("P", "battery-staple")).error(1);
    assert_eq!(error["kind"], "bad_secret");
    assert_eq!(fs::read(&store)?, before);

    let replaced = new(&store, &["--alias", "JOB", "--force"]).json();
    assert_ne!(replaced["spki_sha256"], told["spki_sha256"]);
    assert!(keytool("-list").contains("contains 2 entries"));
    Ok(())
}

/// The password of a new store is asked for twice, that of one that is there once.
fn asked() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let store = scratch.text("store.jks");
    let (first, done) = typed(&store, "one", &[PASSWORD, PASSWORD])?;
    assert!(done, "{first}");
    assert!(first.contains("Password of the new store: "), "{first}");
    assert!(
        first.contains("Password of the new store, once more: "),
        "{first}"
    );
    let (second, done) = typed(&store, "two", &[PASSWORD])?;
    assert!(done, "{second}");
    assert!(second.contains("Store password: "), "{second}");
    assert!(!second.contains("once more"), "{second}");

    let other = scratch.text("other.jks");
    for answers in [[PASSWORD, "correct-house"], ["short", "short"]] {
        let (told, done) = typed(&other, "one", &answers)?;
        assert!(!done && !fs::exists(&other)?, "{told}");
        assert!(
            told.contains("differ") || told.contains("fewer than 6"),
            "{told}"
        );
    }
    Ok(())
}

/// What a terminal shows while these answers are typed, and whether the command succeeded.
fn typed(store: &str, alias: &str, answers: &[&str]) -> Result<(String, bool), Failed> {
    let uri = format!("jks:{store}?alias={alias}&password-source=prompt:");
    let command = keybearer(&["key", "new", &uri, "--subject", "CN=a", "--type", "P-256"]);
    let quoted: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| format!("'{}'", part.to_str().unwrap()))
        .collect();
    let mut terminal = Command::new("script")
        .args(["-qec", &quoted.join(" "), "/dev/null"])
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut keyboard = terminal.stdin.take().unwrap();
    for answer in answers {
        writeln!(keyboard, "{answer}")?;
    }
    let output = terminal.wait_with_output()?;
    drop(keyboard);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((shown, output.status.success()))
}
