//! Each exit status, and each kind of error as JSON.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{fs::File, process::Stdio};

use keybearer_localorg::{App, Fault, LocalOrg, User};
use keybearer_tests::{CLIENT_ID, Local, Scratch, USER, keybearer, ran};
use serde_json::{Value, json};

/// A command that fails with `--json` in this way; its stdout stays empty.
#[track_caller]
fn fails(arguments: &[&str], status: i32, kind: &str) -> Value {
    let error = ran(&mut keybearer(arguments)).error(status);
    assert_eq!(error["kind"], kind, "{error}");
    for field in ["key", "hint", "causes"] {
        assert!(error.get(field).is_some(), "{field}: {error}");
    }
    error
}

#[test]
fn a_key_that_cannot_be_used_is_1() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    let (small, _) = scratch.openssl_key("small", "rsa:1024");
    let jks = scratch.jks("store.jks", "changeit", &["one", "two"]);
    let garbage = scratch.write("garbage", [7; 100]);
    let password = scratch.write("password", "changeit");
    let wrong = scratch.write("wrong", "hunter2");
    let jks = |attributes: &str| format!("jks:{jks}?{attributes}");
    let source = |path: &str| format!("password-source=file:{path}");

    let show = ["key", "show", "--json"];
    let shown = |uri: &str, kind: &str| fails(&[&show[..], &[uri]].concat(), 1, kind);
    let error = shown("/nonexistent.pem", "not_found");
    assert_eq!(error["key"], "keystore:/nonexistent.pem");
    assert!(
        error["causes"][0]
            .as_str()
            .unwrap()
            .contains("No such file")
    );
    // A key URI that lacks its scheme is a path like any other.
    let error = shown(&format!("{key}?{}", source(&password)), "not_found");
    assert!(
        error["hint"].as_str().unwrap().contains("keystore:"),
        "{error}"
    );
    shown(&garbage, "malformed");
    shown(&jks(&source(&wrong)), "bad_secret");
    shown(
        &jks("password-source=env:KEYBEARER_TEST_UNSET"),
        "bad_secret",
    );
    let error = shown(&jks(&source(&password)), "ambiguous");
    assert!(error["hint"].as_str().unwrap().contains("one"), "{error}");
    let error = shown(
        &jks(&format!("alias=three&{}", source(&password))),
        "not_found",
    );
    assert!(error["hint"].as_str().unwrap().contains("two"), "{error}");
    let pinned = format!("pem:{key}?spki-sha256={}", "0".repeat(64));
    shown(&pinned, "key_mismatch");

    fails(&["sign", "--json", "--key", &small], 1, "unsupported");
    fails(
        &["sign", "--json", "--key", &key, "--alg", "ES256"],
        1,
        "unsupported_algorithm",
    );
    fails(
        &["verify", "--json", "--key", &key, "--signature", "!"],
        1,
        "malformed",
    );
    let signature = ran(&mut keybearer(&["sign", "--key", &key])).ok();
    fails(
        &[
            "verify",
            "--json",
            "--key",
            &key,
            "--signature",
            &signature,
            &garbage,
        ],
        1,
        "key_mismatch",
    );
}

#[test]
fn usage_and_configuration_are_2() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    for arguments in [
        &["nonsense", "--json"][..],
        &["--json"],
        &["key", "show", "--json"],
        &["token", "--json", "--no-such-flag"],
        &["token", "--json", "--format", "env"],
        &["--json", "token", "--format", "env"],
        &["token", "--json", "--lifetime", "long"],
        &["token", "--json", "--key", &key],
        &["token", "--json", "--key", &key, "--client-id", "a"],
        &["sign", "--json", "--key", &key, "--alg", "RS255"],
        &["sign", "--json", "--key", &key, "--format", "hex"],
        &["verify", "--json", "--key", &key],
        &["key", "new", "--json", "pem:/tmp/never"],
        &[
            "key",
            "new",
            "--json",
            "pem:/tmp/never",
            "--subject",
            "CN=a",
            "--bits",
            "1024",
        ],
    ] {
        fails(arguments, 2, "usage");
    }
    let connection = [
        "--json",
        "--key",
        &key,
        "--client-id",
        "a",
        "--username",
        "b",
    ];
    for more in [
        &["--claim", "sub"][..],
        &["--claim", "sub=ann"],
        &["--header", "alg=\"none\""],
        &["--param", "assertion=x"],
        &["--param", "client_secret=x"],
        &["--client-auth", "secret-post"],
        &["--client-secret-source", "env:S"],
    ] {
        fails(&[&["token"], &connection[..], more].concat(), 2, "usage");
    }
    for more in [
        &["--login-url", "acme"][..],
        &["--token-url", "file:///token"],
        &["--login-url", "http://127.0.0.1:9", "--proxy", "::"],
        &[
            "--ca-certificate",
            "/nonexistent",
            "--proxy",
            "http://127.0.0.1:9",
        ],
    ] {
        fails(&[&["token"], &connection[..], more].concat(), 2, "config");
    }
    let uri = format!("pem:{key}?no-such=1");
    fails(&["key", "show", "--json", &uri], 2, "invalid_uri");
    fails(&["key", "show", "--json", "hsm:a"], 2, "unknown_scheme");
    let both = format!("jks:{key}?alias=a");
    let error = fails(
        &["key", "show", "--json", &both, "--alias", "b"],
        2,
        "usage",
    );
    assert_eq!(error["key"], format!("jks:{key}?alias=a"));
    let error = fails(
        &["key", "show", "--json", "--profile", "x", "a"],
        2,
        "config",
    );
    assert!(error["message"].as_str().unwrap().contains("\"x\""));
}

#[test]
fn json_is_refused_where_there_is_none() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    for arguments in [
        &["cert", "export", &key][..],
        &["cert", "new", "--key", &key, "--subject", "CN=a"],
        &["completions", "bash"],
        &["man"],
    ] {
        for arguments in [
            [arguments, &["--json"]].concat(),
            [&["--json"], arguments].concat(),
        ] {
            let error = fails(&arguments, 2, "usage");
            let message = error["message"].as_str().unwrap();
            assert!(message.contains("no JSON form"), "{message}");
        }
    }
    // Said once for all commands, it is for those that have one.
    let mut command = keybearer(&["completions", "bash"]);
    ran(command.env("KEYBEARER_JSON", "1")).ok();
    let mut command = keybearer(&["sources"]);
    ran(command.env("KEYBEARER_JSON", "1")).json();
}

#[test]
fn a_refusal_of_the_server_is_3() {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("a", "rsa:2048");
    let (other, _) = scratch.openssl_key("other", "rsa:2048");
    let local = Local::with_certificate(certificate);
    let refused = |key: &str| {
        let mut command = local.keybearer(&["token", "--json", "--key", key]);
        ran(&mut command).error(3)
    };
    let error = refused(&other);
    assert_eq!(error["kind"], "oauth");
    assert_eq!(
        error["oauth"],
        json!({ "error": "invalid_grant", "error_description": "invalid assertion", "status": 400 })
    );
    assert!(error["hint"].as_str().unwrap().contains("certificate"));

    local.org.inject(answer(403, "{}"));
    let error = refused(&key);
    assert_eq!(
        error["oauth"],
        json!({ "error": null, "error_description": null, "status": 403 })
    );

    let elsewhere = json!({ "access_token": "hunter2", "instance_url": "https://evil.example" });
    local.org.inject(answer(200, &elsewhere.to_string()));
    let error = refused(&key);
    assert_eq!(error["kind"], "refused_instance");
    assert!(!error.to_string().contains("hunter2"));
}

#[test]
fn what_another_try_may_lift_is_4() {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("a", "rsa:2048");
    let local = Local::with_certificate(certificate);
    let fails = |kind: &str| {
        let mut command = local.keybearer(&["token", "--json", "--timeout", "2"]);
        let error = ran(command.args(["--key", &key])).error(4);
        assert_eq!(error["kind"], kind, "{error}");
        assert!(error["hint"].is_string(), "{error}");
    };
    for fault in [
        Fault::unavailable(7),
        Fault::html(200),
        Fault::html(502),
        answer(500, ""),
        answer(302, ""),
        answer(200, "no JSON"),
        answer(200, "{}"),
    ] {
        local.org.inject(fault);
        fails("network");
    }
    local.org.inject(answer(429, ""));
    fails("throttled");
    local
        .org
        .inject(Fault::refusal("invalid_grant", "login rate exceeded"));
    fails("throttled");
    for error in [
        "unknown_error",
        "server_error",
        "service_unavailable",
        "temporarily_unavailable",
        "system_down",
        "slow_down",
    ] {
        local.org.inject(Fault::refusal(error, "again"));
        fails("oauth");
    }

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    for url in [nobody.as_str(), "http://no-such-host.invalid"] {
        let mut command = keybearer(&["token", "--json", "--key", &key, "--login-url", url]);
        let error = ran(command.args(["--client-id", "a", "--username", "b"])).error(4);
        assert_eq!(error["kind"], "network");
    }
}

#[test]
fn a_login_rate_is_told_as_throttling() {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("a", "rsa:2048");
    let certificate =
        keybearer_core::Certificate::from_file(&std::fs::read(certificate).unwrap()).unwrap();
    let builder = LocalOrg::builder()
        .app(App::new(CLIENT_ID, certificate))
        .user(User::new(USER).login_limit(1));
    let local = Local::start(builder);
    let token = || ran(local.keybearer(&["token", "--json"]).args(["--key", &key]));
    token().json();
    assert_eq!(token().error(4)["kind"], "throttled");
}

#[test]
fn people_read_the_error_its_causes_and_a_hint() {
    let told = ran(&mut keybearer(&["key", "show", "/nonexistent.pem"]));
    assert_eq!(told.status, 1);
    let lines: Vec<_> = told.stderr.lines().collect();
    assert!(lines[0].starts_with("error: "), "{}", told.stderr);
    assert!(lines[1].starts_with("  Caused by: "), "{}", told.stderr);
    assert_eq!(lines[2], "");
    assert!(lines[3].starts_with("hint: "), "{}", told.stderr);
    assert_eq!(lines.len(), 4);
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_file_that_may_not_be_read_is_permission_denied() {
    use std::{os::unix::fs::PermissionsExt, process::Command};

    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o000)).unwrap();
    let mut command = keybearer(&["key", "show", "--json", &key]);
    if File::open(&key).is_ok() {
        // Root reads everything, unless it gives that up.
        let mut weaker = Command::new("setpriv");
        weaker.arg("--bounding-set=-dac_override,-dac_read_search");
        weaker.arg(command.get_program()).args(command.get_args());
        command = weaker;
    }
    let error = ran(&mut command).error(1);
    assert_eq!(error["kind"], "permission_denied", "{error}");
    assert_eq!(error["key"], format!("keystore:{key}"));
}

#[test]
fn a_broken_pipe_is_no_failure_and_a_full_disk_is_one() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = keybearer(&["man"]);
    let mut child = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!(said, "");

    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = keybearer(&["sources", "--json"]);
    let error = ran(command.stdout(full)).error(1);
    assert_eq!(error["kind"], "backend");
}

fn answer(status: u16, body: &str) -> Fault {
    Fault::Answer {
        status,
        content_type: "application/json",
        body: body.into(),
        retry_after: None,
    }
}
