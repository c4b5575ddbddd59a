//! No secret in what is printed, nor in the list of processes.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
    time::Duration,
};

use keybearer_localorg::Fault;
use keybearer_tests::{Local, Ran, Scratch, keybearer, ran, tool};

/// Stands for a password, a client secret or a token.
const SECRET: &str = "hunter2-xyzzy";

#[track_caller]
fn silent(ran: &Ran) {
    for said in [&ran.stdout, &ran.stderr] {
        assert!(!said.contains(SECRET), "{said}");
        assert!(!said.contains("PRIVATE KEY"), "{said}");
    }
}

/// A JKS whose password is the secret, and the org that knows its certificate.
fn store(scratch: &Scratch) -> (String, Local) {
    let path = scratch.jks("a.jks", SECRET, &["a"]);
    let mut export = keybearer(&["cert", "export", &path, "--password-source", "env:P"]);
    let certificate = ran(export.env("P", SECRET)).ok();
    let certificate = scratch.write("a.crt", certificate);
    (path, Local::with_certificate(certificate))
}

#[test]
fn passwords_are_read_from_every_source_and_never_told() {
    let scratch = Scratch::new();
    let (path, local) = store(&scratch);
    let file = scratch.write("password", format!("{SECRET}\n"));
    let command = |source: &str| {
        let mut command = local.keybearer(&["check", "--json", "-vv", "--key", &path]);
        command.args(["--password-source", source]);
        command
    };
    let file = ran(&mut command(&format!("file:{file}")));
    let env = ran(command("env:STORE_PASSWORD").env("STORE_PASSWORD", SECRET));
    let mut fd = command("fd:0");
    let mut child = fd
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{SECRET}").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let fd = Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    for told in [file, env, fd] {
        silent(&told);
        assert_eq!(told.status, 0, "{}\n{}", told.stdout, told.stderr);
    }
}

#[test]
fn failures_do_not_repeat_what_was_given() {
    let scratch = Scratch::new();
    let (path, local) = store(&scratch);
    let wrong = format!("jks:{path}?password-value={SECRET}x");
    let right = format!("jks:{path}?password-value={SECRET}");
    let missing = format!("jks:/nonexistent?password-value={SECRET}");
    let unknown = format!("jks:{path}?password-value={SECRET}&no-such=1");
    let bad = format!("jks:{path}?password-value={SECRET}&%");
    let twice = format!("jks:{path}?password-value={SECRET}&password-value={SECRET}");
    let scheme = format!("hsm:a?pin-value={SECRET}");
    for key in [&wrong, &right, &missing, &unknown, &bad, &twice, &scheme] {
        for command in [
            &["key", "show", key][..],
            &["key", "list", key],
            &["cert", "export", key],
            &["sign", "--key", key],
            &["token", "--key", key, "--show-config"],
        ] {
            for flags in [&["-vv"][..], &["--log-format", "json", "-vv"]] {
                silent(&ran(keybearer(command).args(flags)));
            }
        }
        silent(&ran(local
            .keybearer(&["check", "-vv"])
            .args(["--key", key])));
        silent(&ran(local
            .keybearer(&["check", "--json"])
            .args(["--key", key])));
    }
    // A password where its source belongs is a slip that must not be spread.
    for command in [
        &["key", "show", &path][..],
        &["key", "show", &path, "--show-config"],
    ] {
        let mut command = keybearer(command);
        silent(&ran(command.args(["--password-source", SECRET])));
    }
    let slip = format!("jks:{path}?password-source={SECRET}");
    silent(&ran(&mut keybearer(&["key", "show", &slip])));
    silent(&ran(&mut keybearer(&[
        "key",
        "show",
        &slip,
        "--show-config",
    ])));
}

#[test]
fn tokens_and_client_secrets_are_data_and_nothing_else() {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("a", "rsa:2048");
    let local = Local::with_certificate(certificate);
    let inject = |status: u16| {
        let url = local.org.url();
        local.org.inject(Fault::Answer {
            status,
            content_type: "application/json",
            body: format!(r#"{{"access_token":"{SECRET}","instance_url":"{url}"}}"#),
            retry_after: None,
        });
    };
    inject(200);
    let token = ran(local.keybearer(&["token", "-vv"]).args(["--key", &key]));
    assert_eq!(token.stdout, format!("{SECRET}\n"));
    assert!(!token.stderr.contains(SECRET), "{}", token.stderr);
    for arguments in [&["check", "-vv"][..], &["check", "--json"]] {
        inject(200);
        silent(&ran(local.keybearer(arguments).args(["--key", &key])));
    }
    inject(400);
    silent(&ran(local
        .keybearer(&["token", "-vv"])
        .args(["--key", &key])));

    for method in ["secret-basic", "secret-post"] {
        let mut command = local.keybearer(&["check", "--json", "-vv", "--key", &key]);
        command.args(["--client-auth", method, "--client-secret-source", "env:S"]);
        silent(&ran(command.env("S", SECRET)));
    }
    let proxy = format!("http://me:{SECRET}@127.0.0.1:1");
    for arguments in [
        &["token", "-vv"][..],
        &["check", "--json"],
        &["token", "--show-config"],
    ] {
        let mut command = local.keybearer(arguments);
        silent(&ran(command.args(["--key", &key, "--proxy", &proxy])));
    }
}

#[test]
fn the_list_of_processes_shows_no_secret() {
    let scratch = Scratch::new();
    let (path, local) = store(&scratch);
    local.org.inject(Fault::Delay(Duration::from_secs(60)));
    let mut command = local.keybearer(&["token", "-vv", "--key", &path]);
    command.args(["--password-source", "env:STORE_PASSWORD"]);
    command.env("STORE_PASSWORD", SECRET);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("sending a request")));
    let listed = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    let listed = String::from_utf8_lossy(&listed).replace('\0', " ");
    tool("kill", &[&child.id().to_string()]);
    child.wait().unwrap();
    assert!(
        listed.contains("--password-source env:STORE_PASSWORD"),
        "{listed}"
    );
    assert!(!listed.contains(SECRET), "{listed}");
}
