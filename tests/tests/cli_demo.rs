//! `demo`: the README's first command.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use keybearer_tests::{Scratch, keybearer, ran};

const STEPS: [&str; 6] = ["key", "certificate", "org", "token", "userinfo", "api"];

#[test]
fn each_step_is_told_with_the_command_that_does_it() {
    let scratch = Scratch::new();
    let mut command = keybearer(&["demo"]);
    let told = ran(command.env("TMPDIR", scratch.folder()));
    assert_eq!((told.status, told.stderr.as_str()), (0, ""));
    let commands = told
        .stdout
        .lines()
        .filter(|line| line.starts_with("   $ keybearer "));
    assert_eq!(commands.count(), STEPS.len());
    assert!(
        !told.stdout.contains("00DKB0") || !told.stdout.contains('!'),
        "{}",
        told.stdout
    );
    assert_eq!(std::fs::read_dir(scratch.folder()).unwrap().count(), 0);
}

#[test]
fn programs_get_the_steps_and_the_token_response() {
    let told = ran(&mut keybearer(&["demo", "--json"])).json();
    let steps = told["steps"].as_array().unwrap();
    let names: Vec<_> = steps
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, STEPS);
    for step in steps {
        assert!(step["command"].as_str().unwrap().starts_with("keybearer "));
        assert!(!step["detail"].as_str().unwrap().is_empty());
    }
    assert_eq!(told["token"]["token_type"], "Bearer");
    assert!(
        told["token"]["access_token"]
            .as_str()
            .unwrap()
            .contains('!')
    );
}
