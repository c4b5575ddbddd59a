//! `key` and `cert`: made, listed, shown, exported, with openssl as the judge.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use keybearer_tests::{Scratch, keybearer, ran, tool};

fn with_password(arguments: &[&str]) -> Command {
    let mut command = keybearer(arguments);
    command.env("P", "changeit");
    command
}

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_pem_key_is_made_once() {
    let scratch = Scratch::new();
    let path = scratch.text("new.pem");
    let uri = format!("pem:{path}");
    let new = [
        "key",
        "new",
        &uri,
        "--subject",
        "CN=new,O=Example",
        "--json",
    ];
    let made = ran(&mut keybearer(&new)).json();
    assert_eq!(
        (&made["type"], &made["bits"]),
        (&"RSA".into(), &2048.into())
    );
    assert_eq!(made["certificates"][0]["subject"], "CN=new,O=Example");
    assert_eq!(mode(&path), 0o600);
    tool("openssl", &["pkey", "-in", &path, "-check", "-noout"]);
    let shown = ran(&mut keybearer(&["key", "show", &path, "--json"])).json();
    assert_eq!(shown["spki_sha256"], made["spki_sha256"]);

    let before = fs::read(&path).unwrap();
    let error = ran(&mut keybearer(&new)).error(1);
    assert!(error["hint"].as_str().unwrap().contains("--force"));
    assert_eq!(fs::read(&path).unwrap(), before);
    let again = ran(keybearer(&new).arg("--force")).json();
    assert_ne!(again["spki_sha256"], made["spki_sha256"]);
    let files: Vec<_> = fs::read_dir(scratch.folder()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[test]
fn an_encrypted_pem_key_is_made() {
    let scratch = Scratch::new();
    let path = scratch.text("new.pem");
    let uri = format!("pem:{path}?password-source=env:P");
    let new = ["key", "new", &uri, "--subject", "CN=new", "--bits", "3072"];
    ran(&mut with_password(&new)).ok();
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .contains("ENCRYPTED PRIVATE KEY")
    );
    tool(
        "openssl",
        &["pkey", "-in", &path, "-passin", "pass:changeit", "-noout"],
    );
}

#[test]
fn a_java_key_store_is_made() {
    let scratch = Scratch::new();
    let path = scratch.text("new.jks");
    let uri = format!("jks:{path}?alias=jobcert&password-source=env:P");
    let new = [
        "key",
        "new",
        &uri,
        "--subject",
        "CN=jobs",
        "--days",
        "400",
        "--json",
    ];
    let made = ran(&mut with_password(&new)).json();
    assert_eq!(made["alias"], "jobcert");
    assert_eq!(mode(&path), 0o600);
    let list = ["key", "list", &path, "--password-source", "env:P", "--json"];
    let entries = ran(&mut with_password(&list)).json();
    assert_eq!(entries["format"], "JKS");
    assert_eq!(entries["entries"][0]["alias"], "jobcert");
    assert_eq!(entries["entries"][0]["certificates"], 1);
    ran(&mut with_password(&new)).error(1);
}

#[test]
fn a_certificate_is_exported_and_made() {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("a", "rsa:2048");
    let both = fs::read_to_string(&key).unwrap() + &fs::read_to_string(&certificate).unwrap();
    let both = scratch.write("both.pem", both);
    let exported = ran(&mut keybearer(&["cert", "export", &both]));
    assert_eq!(exported.stdout, fs::read_to_string(&certificate).unwrap());
    let der = keybearer(&["cert", "export", &both, "--der"])
        .output()
        .unwrap();
    let der = scratch.write("a.der", der.stdout);
    tool(
        "openssl",
        &["x509", "-inform", "DER", "-in", &der, "-noout"],
    );

    let none = ran(&mut keybearer(&["cert", "export", &key]));
    assert_eq!((none.status, none.stdout.as_str()), (1, ""));
    let new = [
        "cert",
        "new",
        "--key",
        &key,
        "--subject",
        "CN=made",
        "--days",
        "90",
    ];
    let made = ran(&mut keybearer(&new)).stdout;
    let made = scratch.write("made.crt", made);
    tool("openssl", &["verify", "-CAfile", &made, &made]);
    let text = tool(
        "openssl",
        &["x509", "-in", &made, "-noout", "-subject", "-pubkey"],
    );
    assert!(
        text.contains("CN = made") || text.contains("CN=made"),
        "{text}"
    );
    let public = tool("openssl", &["pkey", "-in", &key, "-pubout"]);
    assert!(text.contains(&public), "{text}");
}

#[test]
fn a_key_that_cannot_sign_is_shown_with_the_reason() {
    let scratch = Scratch::new();
    let (small, _) = scratch.openssl_key("small", "rsa:1024");
    let shown = ran(&mut keybearer(&["key", "show", &small, "--json"]));
    assert!(shown.stderr.contains("cannot sign"), "{}", shown.stderr);
    assert_eq!(shown.json()["bits"], 1024);
}

#[test]
fn sources_tell_what_this_build_has() {
    let told = ran(&mut keybearer(&["sources", "--json"])).json();
    let sources = told["sources"].as_array().unwrap();
    for scheme in ["pem", "jks", "keystore"] {
        let source = sources
            .iter()
            .find(|source| source["scheme"] == scheme)
            .unwrap();
        assert_eq!(source["available"], true);
        assert!(
            source["attributes"]
                .as_array()
                .unwrap()
                .iter()
                .any(|name| name == "alg")
        );
    }
    assert!(
        ran(&mut keybearer(&["sources"]))
            .ok()
            .contains("password-source")
    );
}
