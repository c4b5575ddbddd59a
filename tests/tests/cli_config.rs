//! Flag beats environment beats profile, and `--show-config` tells which.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::process::Command;

use keybearer_tests::{Scratch, keybearer, ran};
use serde_json::Value;

const PROFILES: &str = r#"
default-profile = "one"

[profile.one]
key = "jks:/etc/one.jks?password-value=hunter2"
consumer-key = "from-profile"
username = "one@example.org"
claim = ["a=1", "b=2"]
param = ["resource=hunter2"]
proxy = "http://me:hunter2@proxy:3128"

[profile.two]
username = "two@example.org"
"#;

fn in_folder(scratch: &Scratch, arguments: &[&str]) -> Command {
    let mut command = keybearer(arguments);
    command.current_dir(scratch.folder());
    command
}

fn option<'a>(shown: &'a Value, name: &str) -> &'a Value {
    let options = shown["options"].as_array().unwrap();
    options
        .iter()
        .find(|option| option["name"] == name)
        .unwrap_or(&Value::Null)
}

#[test]
fn each_value_has_its_origin() {
    let scratch = Scratch::new();
    scratch.write("keybearer.toml", PROFILES);
    let mut command = in_folder(
        &scratch,
        &[
            "token",
            "--json",
            "--show-config",
            "--username",
            "flag@example.org",
        ],
    );
    command
        .env("KEYBEARER_USERNAME", "env@example.org")
        .env("KEYBEARER_AUDIENCE", "https://env.example")
        .env("KEYBEARER_CLIENT_ID", "from-environment");
    let shown = ran(&mut command).json();
    assert_eq!(shown["profile"], "one");
    for (name, value, source) in [
        ("username", "flag@example.org", "flag"),
        ("audience", "https://env.example", "environment"),
        ("client-id", "from-environment", "environment"),
        ("key", "jks:/etc/one.jks?password-value=***", "profile"),
        ("param", "resource=***", "profile"),
        ("proxy", "http://***@proxy:3128", "profile"),
        ("claim", "a=1 b=2", "profile"),
        ("lifetime", "180", "default"),
    ] {
        let option = option(&shown, name);
        assert_eq!(
            (&option["value"], &option["source"]),
            (&value.into(), &source.into())
        );
    }
    assert!(!shown.to_string().contains("hunter2"));

    let text = ran(&mut in_folder(&scratch, &["token", "--show-config"])).ok();
    assert!(!text.contains("hunter2"), "{text}");
    let line = text
        .lines()
        .find(|line| line.starts_with("client-id"))
        .unwrap();
    assert!(
        line.contains("from-profile") && line.contains("profile one of"),
        "{line}"
    );
}

#[test]
fn the_profile_is_chosen_by_flag_environment_or_the_file() {
    let scratch = Scratch::new();
    let file = scratch.write("keybearer.toml", PROFILES);
    let username = |command: &mut Command| {
        let shown = ran(command.args(["token", "--json", "--show-config"])).json();
        option(&shown, "username")["value"].clone()
    };
    assert_eq!(username(&mut in_folder(&scratch, &[])), "one@example.org");
    let mut command = in_folder(&scratch, &["--profile", "two"]);
    assert_eq!(username(&mut command), "two@example.org");
    let mut command = in_folder(&scratch, &[]);
    assert_eq!(
        username(command.env("KEYBEARER_PROFILE", "two")),
        "two@example.org"
    );
    let mut command = keybearer(&["--config", &file]);
    assert_eq!(username(&mut command), "one@example.org");
    std::fs::create_dir(scratch.path("keybearer")).unwrap();
    std::fs::rename(&file, scratch.path("keybearer/keybearer.toml")).unwrap();
    let mut command = keybearer(&[]);
    assert_eq!(
        username(command.env("XDG_CONFIG_HOME", scratch.folder())),
        "one@example.org"
    );
}

#[test]
fn a_profile_is_used() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    let profile = format!(
        "[profile.p]\nkey = \"{key}\"\nissuer = \"app\"\nsubject = \"ann\"\nclaim = [\"a=1\"]\n"
    );
    scratch.write("keybearer.toml", profile);
    let mut command = in_folder(&scratch, &["assertion", "--json", "--profile", "p"]);
    let claims = ran(&mut command).json()["claims"].clone();
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["a"]),
        (&"app".into(), &"ann".into(), &1.into())
    );
    let shown = ran(&mut in_folder(
        &scratch,
        &["key", "show", "--json", "--profile", "p"],
    ))
    .json();
    assert_eq!(shown["type"], "RSA");
}

#[test]
fn slips_are_found_and_told_without_what_may_be_secret() {
    let scratch = Scratch::new();
    let error = |text: &str| {
        scratch.write("keybearer.toml", text);
        let error = ran(&mut in_folder(&scratch, &["token", "--json"])).error(2);
        assert_eq!(error["kind"], "config", "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        error
    };
    let unknown = error("[profile.a]\nclientid = \"x\"");
    assert_eq!(unknown["hint"], "did you mean \"client-id\"?");
    error("[profile.a]\nkey = hunter2");
    error("default-profile = \"missing\"\n[profile.a]\n");
    let value = error("default-profile = \"a\"\n[profile.a]\nlifetime = \"long\"");
    assert!(
        value["message"].as_str().unwrap().contains("profile \"a\""),
        "{value}"
    );
    // What describes keybearer itself works beside a broken file.
    scratch.write("keybearer.toml", "broken");
    ran(&mut in_folder(&scratch, &["sources"])).ok();
}

#[test]
fn a_key_on_the_command_line_is_not_mixed_with_a_profiles_attributes() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    let profile = "default-profile = \"p\"\n[profile.p]\nkey = \"/etc/a.jks\"\nalias = \"b\"\npassword-source = \"env:P\"\n";
    scratch.write("keybearer.toml", profile);
    let shown = ran(&mut in_folder(
        &scratch,
        &["key", "show", "--json", &format!("pem:{key}")],
    ))
    .json();
    assert_eq!(shown["type"], "RSA");
}

#[test]
fn logs_are_text_or_json_and_only_when_asked_for() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    let sign = |more: &[&str]| {
        let mut command = keybearer(&["sign", "--key", &key]);
        ran(command.args(more))
    };
    assert_eq!(sign(&[]).stderr, "");
    assert!(sign(&["-v"]).stderr.contains("the key is open"));
    let lines = sign(&["-v", "--log-format", "json"]).stderr;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["fields"]["message"].is_string());
    }
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let failing =
        |color: &str| ran(keybearer(&["key", "show", "/nonexistent"]).args(["--color", color]));
    assert!(!failing("auto").stderr.contains('\u{1b}'));
    assert!(!failing("never").stderr.contains('\u{1b}'));
    assert!(failing("always").stderr.starts_with("\u{1b}[1;31merror:"));
}
