//! `check`: each step in each of its states.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::time::Duration;

use keybearer_localorg::{App, Fault, LocalOrg, User};
use keybearer_tests::{CLIENT_ID, Local, Ran, Scratch, USER, keybearer, ran, tool};
use serde_json::Value;

const STEPS: [&str; 7] = [
    "configuration",
    "key",
    "certificate",
    "clock",
    "exchange",
    "userinfo",
    "api",
];

/// `check --json` has ended with this status, and says this of its steps, by their first letters.
#[track_caller]
fn found(ran: &Ran, status: i32, states: &str) -> Value {
    assert_eq!(ran.status, status, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stderr, "");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let steps = report["steps"].as_array().unwrap();
    let names: Vec<_> = steps.iter().map(|step| step["name"].clone()).collect();
    assert_eq!(names, STEPS);
    let found: String = steps
        .iter()
        .map(|step| &step["status"].as_str().unwrap()[..1])
        .collect();
    assert_eq!(found, states, "{}", ran.stdout);
    assert_eq!(report["ok"], status == 0);
    for step in steps {
        assert!(!step["detail"].as_str().unwrap().is_empty(), "{step}");
        let has_cure = matches!(step["status"].as_str(), Some("warning" | "failed"));
        assert_eq!(step["cure"].is_string(), has_cure, "{step}");
    }
    report
}

fn step<'a>(report: &'a Value, name: &str, part: &str) -> &'a str {
    let index = STEPS.iter().position(|step| *step == name).unwrap();
    report["steps"][index][part].as_str().unwrap()
}

/// A key with a certificate of so many days in one file, and the org that knows it.
fn org(scratch: &Scratch, days: &str) -> (Local, String) {
    let (key, certificate) = (scratch.text("key.pem"), scratch.text("key.crt"));
    tool(
        "openssl",
        &[
            "req",
            "-x509",
            "-nodes",
            "-days",
            days,
            "-newkey",
            "rsa:2048",
            "-subj",
            "/CN=check",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ],
    );
    let both = [&key, &certificate].map(|path| std::fs::read(path).unwrap());
    let both = scratch.write("both.pem", both.concat());
    (Local::with_certificate(&certificate), both)
}

/// A certificate for this key that ended with the year 2024.
fn expired(scratch: &Scratch, key: &str) -> String {
    let (request, certificate) = (scratch.text("old.csr"), scratch.text("old.crt"));
    tool(
        "openssl",
        &[
            "req", "-new", "-key", key, "-subj", "/CN=old", "-out", &request,
        ],
    );
    let config = format!(
        "[ca]\ndefault_ca = a\n[a]\nnew_certs_dir = {0}\ndatabase = {0}/index\nrand_serial = yes\n\
         default_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n",
        scratch.text("")
    );
    scratch.write("index", "");
    let config = scratch.write("ca.cnf", config);
    tool(
        "openssl",
        &[
            "ca",
            "-batch",
            "-selfsign",
            "-notext",
            "-config",
            &config,
            "-keyfile",
            key,
            "-in",
            &request,
            "-startdate",
            "20240101000000Z",
            "-enddate",
            "20250101000000Z",
            "-out",
            &certificate,
        ],
    );
    certificate
}

#[test]
fn all_is_well() {
    let scratch = Scratch::new();
    let (local, key) = org(&scratch, "365");
    let checked = ran(local.keybearer(&["check", "--json"]).args(["--key", &key]));
    let report = found(&checked, 0, "ooooooo");
    assert!(step(&report, "key", "detail").contains("RSA"));
    assert!(step(&report, "certificate", "detail").contains("CN=check"));
    assert!(step(&report, "userinfo", "detail").contains(USER));
    assert_eq!(local.org.token_posts(), 1);

    let text = ran(local.keybearer(&["check"]).args(["--key", &key]));
    let lines: Vec<_> = text.stdout.lines().collect();
    for (line, name) in lines.iter().zip(STEPS) {
        assert!(line.starts_with(&format!("✓ {name:14} ")), "{line}");
    }
    assert_eq!(lines.last(), Some(&"The connection works."));
    assert_eq!((text.status, text.stderr.as_str()), (0, ""));
}

#[test]
fn a_certificate_that_ends_soon_is_a_warning_and_one_that_has_ended_a_failure() {
    let scratch = Scratch::new();
    let (local, key) = org(&scratch, "29");
    let checked = ran(local.keybearer(&["check", "--json"]).args(["--key", &key]));
    let report = found(&checked, 0, "oowoooo");
    assert!(step(&report, "certificate", "detail").contains("in 28 days"));

    let bare = scratch.text("key.pem");
    let expired = expired(&scratch, &bare);
    let uri = format!("pem:{bare}?certificate={expired}");
    let checked = ran(local.keybearer(&["check", "--json"]).args(["--key", &uri]));
    let report = found(&checked, 1, "oofoooo");
    assert!(step(&report, "certificate", "detail").contains("CN=old expired on 2025-01-01"));

    let checked = ran(local.keybearer(&["check", "--json"]).args(["--key", &bare]));
    found(&checked, 0, "oosoooo");
}

#[test]
fn what_is_missing_does_not_hide_what_is_there() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    let checked = ran(&mut keybearer(&["check", "--json", "--key", &key]));
    let report = found(&checked, 2, "fosssss");
    assert!(step(&report, "configuration", "cure").contains("KEYBEARER_CLIENT_ID"));
    let checked = ran(&mut keybearer(&["check", "--json"]));
    found(&checked, 2, "fssssss");
}

#[test]
fn a_key_that_cannot_be_used_stops_the_exchange() {
    let scratch = Scratch::new();
    let (local, _) = org(&scratch, "365");
    let (small, _) = scratch.openssl_key("small", "rsa:1024");
    for (key, status) in [
        ("/nonexistent.pem", 1),
        (small.as_str(), 1),
        ("nothere:key", 2),
    ] {
        let checked = ran(local.keybearer(&["check", "--json"]).args(["--key", key]));
        found(&checked, status, "ofsssss");
    }
    assert_eq!(local.org.token_posts(), 0);
}

#[test]
fn a_refusal_is_told_with_its_cure() {
    let scratch = Scratch::new();
    let (local, _) = org(&scratch, "365");
    let (other, _) = scratch.openssl_key("other", "rsa:2048");
    let checked = ran(local
        .keybearer(&["check", "--json"])
        .args(["--key", &other]));
    let report = found(&checked, 3, "oosofss");
    assert!(step(&report, "exchange", "detail").contains("invalid assertion"));
    assert!(step(&report, "exchange", "cure").contains("certificate"));
}

#[test]
fn the_clock_is_held_against_the_servers() {
    let scratch = Scratch::new();
    let (local, key) = org(&scratch, "365");
    let check = || ran(local.keybearer(&["check", "--json"]).args(["--key", &key]));
    local.org.set_clock_offset(100_000);
    let report = found(&check(), 0, "ooowooo");
    assert!(step(&report, "clock", "detail").contains("behind"));
    local.org.set_clock_offset(-100_000);
    let report = found(&check(), 0, "ooowooo");
    assert!(step(&report, "clock", "detail").contains("ahead"));
    local.org.set_clock_offset(650_000);
    let report = found(&check(), 3, "oooffss");
    assert!(step(&report, "clock", "detail").contains("10 min"));
}

#[test]
fn no_answer_and_bad_answers() {
    let scratch = Scratch::new();
    let (local, key) = org(&scratch, "365");
    let check = || ran(local.keybearer(&["check", "--json"]).args(["--key", &key]));
    for fault in [Fault::unavailable(1), Fault::html(200)] {
        local.org.inject(fault);
        found(&check(), 4, "oooofss");
    }
    local
        .org
        .inject(Fault::refusal("server_error", "try later"));
    found(&check(), 4, "oooofss");
    local.org.inject(Fault::Delay(Duration::from_secs(30)));
    let mut command = local.keybearer(&["check", "--json", "--timeout", "1"]);
    found(&ran(command.args(["--key", &key])), 4, "ooosfss");
}

#[test]
fn a_server_without_an_instance_url_has_no_api_to_call() {
    let scratch = Scratch::new();
    let (local, key) = org(&scratch, "365");
    local.org.inject(Fault::Answer {
        status: 200,
        content_type: "application/json",
        body: r#"{"access_token":"t","token_type":"Bearer","expires_in":60}"#.into(),
        retry_after: None,
    });
    let checked = ran(local.keybearer(&["check", "--json"]).args(["--key", &key]));
    found(&checked, 0, "oooooss");
}

#[test]
fn a_token_that_the_org_does_not_take_fails_at_its_use() {
    let scratch = Scratch::new();
    let (local, key) = org(&scratch, "365");
    let body = serde_json::json!({ "access_token": "t", "instance_url": local.org.url() });
    local.org.inject(Fault::Answer {
        status: 200,
        content_type: "application/json",
        body: body.to_string(),
        retry_after: None,
    });
    let checked = ran(local.keybearer(&["check", "--json"]).args(["--key", &key]));
    let report = found(&checked, 3, "oooooff");
    assert!(step(&report, "userinfo", "detail").contains("Bad_OAuth_Token"));
    assert!(step(&report, "api", "detail").contains("INVALID_SESSION_ID"));
}

#[test]
fn the_audience_that_won_is_named() {
    let scratch = Scratch::new();
    let (local, key) = org(&scratch, "365");
    local
        .org
        .inject(Fault::refusal("invalid_grant", "audience is invalid"));
    let checked = ran(local.keybearer(&["check", "--json"]).args(["--key", &key]));
    let report = found(&checked, 0, "oooowoo");
    assert!(step(&report, "exchange", "cure").contains("--audience https://login.salesforce.com"));
    assert_eq!(local.org.token_posts(), 2);
}

#[test]
fn an_inactive_user_is_told_to_people() {
    let scratch = Scratch::new();
    let (_, key) = org(&scratch, "365");
    let certificate = std::fs::read(scratch.text("key.crt")).unwrap();
    let certificate = keybearer_core::Certificate::from_file(&certificate).unwrap();
    let builder = LocalOrg::builder()
        .app(App::new(CLIENT_ID, certificate))
        .user(User::new(USER).inactive());
    let local = Local::start(builder);
    let told = ran(local.keybearer(&["check"]).args(["--key", &key]));
    assert_eq!(told.status, 3);
    let lines: Vec<_> = told.stdout.lines().collect();
    assert!(
        lines[4].starts_with("✗ exchange       failed: "),
        "{}",
        told.stdout
    );
    assert!(
        lines[5].starts_with("                 cure: "),
        "{}",
        told.stdout
    );
    assert!(
        lines[6].starts_with("- userinfo       skipped: "),
        "{}",
        told.stdout
    );
    assert_eq!(
        lines.last(),
        Some(&"The connection does not work: 1 step failed.")
    );
}
