//! Secrets asked for at the terminal: `script` lends one.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

use keybearer_tests::{Ran, Scratch, keybearer, ran};

/// Runs a command in a terminal, and types once it has asked.
#[track_caller]
fn at_a_terminal(arguments: &[&str], asked: &str, typed: &str) -> (i32, String) {
    let program = keybearer(&[]);
    let words: Vec<_> = std::iter::once(program.get_program().to_str().unwrap())
        .chain(arguments.iter().copied())
        .map(|word| format!("'{word}'"))
        .collect();
    let mut child = Command::new("script")
        .args([
            "--quiet",
            "--return",
            "--command",
            &words.join(" "),
            "/dev/null",
        ])
        .env("NO_COLOR", "1")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains(asked) {
        let mut chunk = [0; 4096];
        let count = stdout.read(&mut chunk).unwrap();
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&chunk[..count]);
    }
    stdin.write_all(typed.as_bytes()).unwrap();
    stdout.read_to_end(&mut said).unwrap();
    let status = child.wait().unwrap().code().unwrap();
    (status, String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn the_password_is_asked_for_and_not_echoed() {
    let scratch = Scratch::new();
    let path = scratch.jks("a.jks", "correct-horse", &["a"]);
    let show = ["key", "show", &path, "--password-source", "prompt:"];
    let (status, said) = at_a_terminal(&show, "tore password: ", "correct-horse\n");
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("CN=a"), "{said}");
    assert!(!said.contains("correct-horse"), "{said}");
    let (status, said) = at_a_terminal(&show, "tore password: ", "wrong-horse\n");
    assert_eq!(status, 1, "{said}");
    assert!(!said.contains("wrong-horse"), "{said}");
    let (status, said) = at_a_terminal(&show, "tore password: ", "\u{3}");
    assert_eq!(status, 130, "{said}");
}

#[test]
fn nobody_is_asked_where_there_is_no_terminal() {
    let scratch = Scratch::new();
    let path = scratch.jks("a.jks", "correct-horse", &["a"]);
    let program = keybearer(&[]);
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(program.get_program()).args([
        "key",
        "show",
        "--json",
        &path,
        "--password-source",
        "prompt:",
    ]);
    let told: Ran = ran(command.stdin(Stdio::null()));
    assert_eq!(told.error(1)["kind"], "bad_secret");
}

#[test]
fn each_end_of_a_copy_is_asked_for_by_its_name() {
    let scratch = Scratch::new();
    let path = scratch.jks("a.jks", "correct-horse", &["a"]);
    let from = format!("jks:{path}?password-source=prompt:");
    let to = format!("pkcs12:{}?password-source=prompt:", scratch.text("a.p12"));
    let (status, said) = at_a_terminal(
        &["key", "copy", &from, &to],
        "Store password (FROM): ",
        "correct-horse\nbattery-staple\nbattery-staple\n",
    );
    assert_eq!(status, 0, "{said}");
    for question in [
        "Password of the new store (TO): ",
        "Password of the new store (TO), once more: ",
    ] {
        assert!(said.contains(question), "{said}");
    }
    // Asked once, though the key is opened and then taken.
    assert_eq!(said.matches("(FROM)").count(), 1, "{said}");
    let mut show = keybearer(&["key", "show", &to.replace("prompt:", "env:P")]);
    ran(show.env("P", "battery-staple")).ok();
}
