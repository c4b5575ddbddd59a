//! Interruption and termination: 130 and 143, whatever is being waited for.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use keybearer_localorg::Fault;
use keybearer_tests::{Local, Scratch, keybearer, tool};

#[track_caller]
fn ends(child: &mut Child, signal: &str, status: i32) {
    tool("kill", &["-s", signal, &child.id().to_string()]);
    assert_eq!(child.wait().unwrap().code(), Some(status));
    let out = std::io::read_to_string(child.stdout.take().unwrap()).unwrap();
    assert_eq!(out, "");
}

fn started(command: &mut Command) -> Child {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// `-v` tells on stderr what is about to be waited for.
#[track_caller]
fn waits_for(child: &mut Child, words: &str) {
    use std::io::{BufRead, BufReader};
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains(words)), "{words}");
}

#[test]
fn while_a_server_does_not_answer() {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("a", "rsa:2048");
    let local = Local::with_certificate(certificate);
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        local.org.inject(Fault::Delay(Duration::from_secs(60)));
        let mut command = local.keybearer(&["token", "-vv", "--key", &key]);
        let mut child = started(&mut command);
        waits_for(&mut child, "sending a request");
        ends(&mut child, signal, status);
    }
}

#[test]
fn while_standard_input_says_nothing() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    let mut command = keybearer(&["sign", "-v", "--key", &key]);
    let mut child = started(command.stdin(Stdio::piped()));
    waits_for(&mut child, "the key is open");
    ends(&mut child, "TERM", 143);
}
