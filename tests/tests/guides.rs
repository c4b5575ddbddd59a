//! The guides of the book: their commands are run as they stand.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::process::ExitCode;

use keybearer_conformance::{Trial, program, require, run};
use keybearer_tests::{Page, Ran, Scratch, softhsm2, typed};

const STORES: [&str; 4] = [
    "Made by keybearer",
    "Made by KeyStore Explorer",
    "Made by keytool",
    "Exported by Salesforce",
];

fn main() -> ExitCode {
    let tools = || {
        program("jq", &["--version"])?;
        program("curl", &["--version"])
    };
    let trials = require("curl", tools).trials("guides", |_| {
        let keytool = || program("keytool", &["-help"]);
        let mut trials = require("keytool", keytool).trials("guides::key stores", |_| {
            let trial = |store: &'static str| {
                Trial::test(format!("guides::{store}"), move || {
                    key_store(store);
                    Ok(())
                })
            };
            STORES.into_iter().map(trial).collect()
        });
        trials.extend(
            require("softhsm2", softhsm2).trials("guides::HSM", |module| {
                vec![
                    Trial::test("guides::HSM", move || {
                        hsm(module);
                        Ok(())
                    }),
                    Trial::test("guides::pkcs11", move || {
                        pkcs11_page(module);
                        Ok(())
                    }),
                ]
            }),
        );
        trials
    });
    run(trials)
}

/// From a key store to a call of the API.
fn key_store(store: &str) {
    let page = Page::read("guides/mulesoft-and-talend.md");
    let mut script = page.section("From MuleSoft or Talend").to_owned();
    script += page.section(store);
    script += page.section("What is in it");
    script += page.section("The certificate goes to the app");
    script += &connection(&page, None);
    let scratch = Scratch::new();
    let told = typed(scratch.folder(), &script);
    works(&told);
    assert!(told.stdout.contains("✓ certificate"), "{}", told.stdout);
    assert!(!told.stdout.contains("correct-horse"), "{}", told.stdout);
}

/// The same with a key made inside a token: nothing but `KEY` differs.
fn hsm(module: &'static str) {
    let stores = Page::read("guides/mulesoft-and-talend.md");
    let page = Page::read("guides/hsm.md");
    let mut script = format!("MODULE={module}\n");
    script += page.section("A token, and a key made inside");
    script += page.section("A certificate for it");
    script += &served(&stores);
    script += &connection(&stores, Some("KEY=$KEY\n"));
    script += page.section("The same commands");
    let scratch = Scratch::new();
    let told = typed(scratch.folder(), &script);
    works(&told);
    assert!(told.stdout.contains("- certificate"), "{}", told.stdout);
    assert!(
        told.stdout.ends_with("-----END CERTIFICATE-----\n"),
        "{}",
        told.stdout
    );
}

/// The page of the key source: from nothing to a certificate beside the key, which `cert export` then finds.
fn pkcs11_page(module: &str) {
    let page = Page::read("sources/pkcs11.md");
    let script = page.section("With SoftHSM2");
    let script = script.replace("/usr/lib/softhsm/libsofthsm2.so", module);
    let scratch = Scratch::new();
    let told = typed(scratch.folder(), &script);
    assert_eq!(told.status, 0, "{}\n{}", told.stdout, told.stderr);
    for said in [
        "object=job;id=%01",
        "RS256, RS384",
        "-----END CERTIFICATE-----",
    ] {
        assert!(told.stdout.contains(said), "{said}: {}", told.stdout);
    }
    assert!(!told.stdout.contains("correct-horse"), "{}", told.stdout);
}

/// The org of the guide's reader.
fn served(page: &Page) -> String {
    let section = page.section("The certificate goes to the app");
    let (_, served) = section.split_once("keybearer org serve").unwrap();
    format!("keybearer org serve{served}")
}

/// `check`, `token` and the calls of the API; `key` in place of the lines that say which key.
fn connection(page: &Page, key: Option<&str>) -> String {
    let both = page.section("Test the connection").to_owned() + page.section("Use it");
    let mut lines: Vec<_> = both.lines().collect();
    if let Some(key) = key {
        let before = lines.len();
        lines.retain(|line| !line.starts_with("KEY="));
        assert_eq!(before - lines.len(), 2);
        return format!("{key}{}\n", lines.join("\n"));
    }
    lines.join("\n") + "\n"
}

#[track_caller]
fn works(told: &Ran) {
    assert_eq!(told.status, 0, "{}\n{}", told.stdout, told.stderr);
    for said in [
        "The connection works.",
        "\"DailyApiRequests\"",
        "\"preferred_username\":\"job@example.com\"",
    ] {
        assert!(told.stdout.contains(said), "{said}: {}", told.stdout);
    }
    let is_token = |line: &str| line.starts_with("00D") && line.contains('!');
    assert_eq!(told.stdout.lines().filter(|line| is_token(line)).count(), 1);
}
