//! `key list` and `key show` of what is odd: stores that nothing vouches for, certificates that end or belong to another
//! key, keys that nothing signs with.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use keybearer_conformance::{Failed, Trial, program, require, run};
use keybearer_tests::{Ran, Scratch, keybearer, python_with, ran, tool};
use serde_json::Value;

const PASSWORD: &str = "correct-horse";

type Test = fn() -> Result<(), Failed>;

const TESTS: &[(&str, Test)] = &[
    ("a_store_without_a_mac_is_told_and_can_be_refused", no_mac),
    ("certificates_that_end_are_told", ending),
    ("a_certificate_of_another_key_is_told", mismatched),
    ("what_salesforce_refuses_is_told", salesforce),
    ("keys_that_cannot_sign_are_described", unusable),
    ("a_password_from_a_pipe_is_read_once", piped),
];

fn main() -> ExitCode {
    let openssl = require("openssl", || program("openssl", &["version"]));
    let mut trials = openssl.trials("keys by openssl", |_| {
        let trial = |(name, test): &(&str, Test)| Trial::test(*name, *test);
        TESTS.iter().map(trial).collect()
    });
    let keytool = require("keytool", || program("keytool", &["-help"]));
    trials.extend(keytool.trials("stores of keytool's", |_| {
        vec![Trial::test("stores_of_keytool_are_listed_whole", java)]
    }));
    let python = require("jks", || python_with("jks"));
    trials.extend(python.trials("a store of pyjks's", |python| {
        vec![Trial::test(
            "a_certificate_of_another_key_in_jks_is_told",
            move || mismatched_jks(&python),
        )]
    }));
    run(trials)
}

fn key(command: &str, uri: &str, more: &[&str]) -> Ran {
    let mut command = keybearer(&[&["key", command, uri, "--json"], more].concat());
    ran(command.env("P", PASSWORD))
}

/// The warnings of `key show`, which stand on standard error too.
fn warnings(shown: Ran) -> Vec<String> {
    let stderr = shown.stderr.clone();
    let shown = shown.json();
    let warnings = shown["warnings"].as_array().unwrap().iter();
    let warnings: Vec<_> = warnings
        .map(|warning| warning.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(stderr.lines().count(), warnings.len(), "{stderr}");
    for warning in &warnings {
        assert!(stderr.contains(warning), "{stderr}");
    }
    warnings
}

#[track_caller]
fn assert_one(warnings: &[String], words: &str) {
    assert!(
        matches!(warnings, [one] if one.contains(words)),
        "{warnings:?}"
    );
}

/// A key of openssl's with its certificate of a year, in files of their own.
fn pair(scratch: &Scratch, name: &str, kind: &str) -> (String, String) {
    let (key, certificate) = scratch.openssl_key(name, kind);
    renew(&key, &certificate, "365");
    (key, certificate)
}

fn renew(key: &str, certificate: &str, days: &str) {
    let new = ["x509", "-in", certificate, "-signkey", key, "-days", days];
    let new = tool("openssl", &new);
    fs::write(certificate, new + "\n").unwrap();
}

fn both(scratch: &Scratch, name: &str, key: &str, certificate: &str) -> String {
    let text = fs::read_to_string(key).unwrap() + &fs::read_to_string(certificate).unwrap();
    scratch.write(name, text)
}

fn pkcs12(
    scratch: &Scratch,
    name: &str,
    (key, certificate): &(String, String),
    more: &[&str],
) -> String {
    let (path, password) = (scratch.text(name), format!("pass:{PASSWORD}"));
    let mut arguments = vec!["pkcs12", "-export", "-name", "job", "-inkey", key];
    arguments.extend(["-in", certificate, "-passout", &password, "-out", &path]);
    arguments.extend(more);
    tool("openssl", &arguments);
    path
}

fn no_mac() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let pair = pair(&scratch, "a", "rsa:2048");
    let bare = pkcs12(&scratch, "bare.p12", &pair, &["-nomac"]);
    let whole = pkcs12(&scratch, "whole.p12", &pair, &[]);
    let uri = |path: &str, mac: &str| format!("keystore:{path}?mac={mac}&password-source=env:P");
    for command in ["list", "show"] {
        let shown = key(command, &uri(&bare, "optional"), &[]).ok();
        assert!(shown.contains("the store has no MAC"), "{shown}");
        let error = key(command, &uri(&bare, "required"), &[]).error(1);
        assert_eq!(error["kind"], "unsupported");
        let text = error.to_string();
        assert!(
            text.contains("no MAC") && text.contains("spki-sha256"),
            "{text}"
        );
        let shown = key(command, &uri(&whole, "required"), &[]).ok();
        assert!(!shown.contains("MAC"), "{shown}");
        let error = key(command, &uri(&bare, "yes"), &[]).error(2);
        assert_eq!(error["kind"], "invalid_uri");
    }
    assert_one(&warnings(key("show", &uri(&bare, "optional"), &[])), "MAC");
    assert!(warnings(key("show", &uri(&whole, "required"), &[])).is_empty());
    let pem = format!("keystore:{}?mac=required", pair.0);
    assert_eq!(key("show", &pem, &[]).error(2)["kind"], "invalid_uri");
    Ok(())
}

fn ending() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let (private, certificate) = scratch.openssl_key("a", "rsa:2048");
    for (days, words) in [("10", "in 9 days"), ("-1", "expired on")] {
        renew(&private, &certificate, days);
        let path = both(&scratch, "both.pem", &private, &certificate);
        assert_one(&warnings(key("show", &path, &[])), words);
    }
    renew(&private, &certificate, "365");
    let path = both(&scratch, "both.pem", &private, &certificate);
    assert!(warnings(key("show", &path, &[])).is_empty());
    Ok(())
}

fn mismatched() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let own = pair(&scratch, "own", "rsa:2048");
    let other = pair(&scratch, "other", "rsa:2048");
    let path = both(&scratch, "both.pem", &own.0, &other.1);
    let shown = key("show", &path, &[]);
    assert_one(&warnings(shown), "does not match this key");
    Ok(())
}

/// keytool writes no such store.
fn mismatched_jks(python: &Path) -> Result<(), Failed> {
    const SCRIPT: &str = "
import jks, sys
key, certificate, path, password = sys.argv[1:]
read = lambda path: open(path, 'rb').read()
entry = jks.PrivateKeyEntry.new('job', [read(certificate)], read(key), 'pkcs8')
jks.KeyStore.new('jks', [entry]).save(path, password)";
    let scratch = Scratch::new();
    let (own, _) = pair(&scratch, "own", "rsa:2048");
    let (_, other) = pair(&scratch, "other", "rsa:2048");
    let [der, certificate, store] =
        ["own.der", "other.der", "job.jks"].map(|name| scratch.text(name));
    tool(
        "openssl",
        &[
            "pkcs8", "-topk8", "-nocrypt", "-in", &own, "-outform", "DER", "-out", &der,
        ],
    );
    tool(
        "openssl",
        &[
            "x509",
            "-in",
            &other,
            "-outform",
            "DER",
            "-out",
            &certificate,
        ],
    );
    let arguments = [
        "-W",
        "ignore",
        "-c",
        SCRIPT,
        &der,
        &certificate,
        &store,
        PASSWORD,
    ];
    ran(Command::new(python).args(arguments)).ok();
    let shown = key("show", &format!("jks:{store}?password-source=env:P"), &[]);
    assert_one(&warnings(shown), "does not match this key");
    Ok(())
}

fn salesforce() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let pair_of = |name: &str, kind: &str| {
        let (private, certificate) = pair(&scratch, name, kind);
        both(&scratch, &format!("{name}.both"), &private, &certificate)
    };
    let curve = warnings(key("show", &pair_of("curve", "ec"), &[]));
    assert_one(&curve, "only RSA keys");

    let (private, _) = pair(&scratch, "large", "rsa:2048");
    for (names, words) in [
        (150, "4096 are the most; upload it in DER"),
        (250, "it has"),
    ] {
        let names: Vec<_> = (0..names)
            .map(|number| format!("DNS:host{number:03}.example.com"))
            .collect();
        let names = format!("subjectAltName={}", names.join(","));
        let new = ["req", "-x509", "-key", &private, "-subj", "/CN=large"];
        let more = ["-days", "365", "-addext", &names];
        let large = tool("openssl", &[&new[..], &more].concat());
        let large = scratch.write("large.crt", large + "\n");
        let path = both(&scratch, "large.both", &private, &large);
        assert_one(&warnings(key("show", &path, &[])), words);
    }
    Ok(())
}

fn unusable() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let small = pair(&scratch, "small", "rsa:1024");
    let three = scratch.text("three.pem");
    tool(
        "openssl",
        &["genrsa", "-primes", "3", "-out", &three, "2048"],
    );
    let new = ["req", "-x509", "-key", &three, "-subj", "/CN=three"];
    let certificate = tool("openssl", &[&new[..], &["-days", "365"]].concat());
    let certificate = scratch.write("three.crt", certificate + "\n");
    let cases = [
        (small, 1024, "1024 bits"),
        ((three, certificate), 2048, "three primes"),
    ];
    for (pair, bits, why) in cases {
        let path = pkcs12(&scratch, "store.p12", &pair, &[]);
        let uri = format!("pkcs12:{path}?password-source=env:P");
        let shown = key("show", &uri, &[]);
        let told = warnings(key("show", &uri, &[]));
        assert!(
            told[0].contains("cannot sign") && told[0].contains(why),
            "{told:?}"
        );
        let shown = shown.json();
        assert_eq!(
            (&shown["type"], &shown["bits"]),
            (&"RSA".into(), &bits.into())
        );
        assert!(shown["note"].as_str().unwrap().contains(why), "{shown}");
        assert_eq!(shown["certificates"].as_array().unwrap().len(), 1);
        let listed = key("list", &uri, &[]).json();
        assert_eq!(listed["entries"][0]["bits"], bits);
    }
    // With the cure, where there is one.
    let camellia = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/pkcs12/openssl-camellia-key.p12"
    );
    let camellia = format!("pkcs12:{camellia}?password-value=correct-horse");
    let told = warnings(key("show", &camellia, &[]));
    for words in ["Camellia", "openssl pkcs12"] {
        assert!(told[0].contains(words), "{told:?}");
    }
    Ok(())
}

/// What came through a pipe is gone, and `key show` looks at the file twice.
fn piped() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let path = pkcs12(&scratch, "a.p12", &pair(&scratch, "a", "rsa:2048"), &[]);
    let uri = format!("pkcs12:{path}?password-source=fd:0");
    let mut command = keybearer(&["key", "show", &uri, "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(PASSWORD.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["warnings"], Value::Array(Vec::new()));
    Ok(())
}

/// No password of a key is needed to list it.
fn java() -> Result<(), Failed> {
    let scratch = Scratch::new();
    for kind in ["JKS", "JCEKS"] {
        let path = scratch.text(kind);
        let keytool = |arguments: &str| {
            let common = [
                "-keystore",
                &path,
                "-storetype",
                kind,
                "-storepass",
                PASSWORD,
            ];
            let own = ["-keypass", "battery-staple"];
            let arguments: Vec<_> = arguments.split(' ').chain(common).chain(own).collect();
            tool("keytool", &arguments)
        };
        keytool("-genkeypair -keyalg RSA -keysize 2048 -alias job -dname CN=job -validity 400");
        keytool("-genkeypair -keyalg DSA -keysize 2048 -alias old -dname CN=old -validity 400");
        if kind == "JCEKS" {
            keytool("-genseckey -keyalg AES -keysize 128 -alias seal");
        }
        let uri = format!("jks:{path}?password-source=env:P");
        let listed = key("list", &uri, &[]);
        assert_eq!(listed.stderr, "");
        let listed = listed.json();
        let entries = listed["entries"].as_array().unwrap();
        let find = |alias: &str| entries.iter().find(|entry| entry["alias"] == alias);
        let (job, old) = (find("job").unwrap(), find("old").unwrap());
        assert_eq!((&job["type"], &job["note"]), (&"RSA".into(), &Value::Null));
        assert_eq!((&old["type"], &old["bits"]), (&"DSA".into(), &2048.into()));
        assert_eq!(old["note"], "DSA keys cannot sign tokens");
        let seal = find("seal").map(|entry| entry["kind"].clone());
        assert_eq!(seal, (kind == "JCEKS").then(|| "secret".into()));

        let own = "&key-password-value=battery-staple";
        let shown = key("show", &format!("{uri}{own}&alias=OLD"), &[]).json();
        assert_eq!(
            (&shown["type"], &shown["alias"]),
            (&"DSA".into(), &"old".into())
        );
        assert_eq!(shown["certificates"][0]["subject"], "CN=old");
        let shown = key("show", &format!("{uri}{own}&alias=JOB"), &[]);
        assert!(warnings(shown).is_empty());
    }
    Ok(())
}
