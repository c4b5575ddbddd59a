//! What it takes to open a key file of each format: deriving the key from the password, and the rest.
//!
//! The cost of a derivation is its rounds, and nothing else is: the time at two numbers of rounds tells both.

use std::{path::Path, time::Duration};

use keybearer::{KeyUri, OpenContext};
use keybearer_conformance::{TestEnv, program};
use keybearer_tests::{Scratch, tool};

use crate::{Row, runtime, time};

const PASSWORD: &str = "correct-horse";
const GOAL: Duration = Duration::from_millis(1);

/// A file without a derivation, or two that differ in nothing but their rounds.
enum Files {
    Plain(String),
    Rounds([(u32, String); 2]),
}

pub(crate) fn rows() -> Vec<Row> {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("key", "rsa:2048");
    let encrypted = |rounds: u32| {
        let path = scratch.text(&format!("encrypted-{rounds}.pem"));
        let pass = format!("pass:{PASSWORD}");
        let iter = rounds.to_string();
        let arguments = ["pkcs8", "-topk8", "-in", &key, "-passout", &pass];
        tool(
            "openssl",
            &[&arguments[..], &["-iter", &iter, "-out", &path]].concat(),
        );
        (rounds, path)
    };
    let store = |rounds: u32| {
        let path = scratch.text(&format!("store-{rounds}.p12"));
        let pass = format!("pass:{PASSWORD}");
        let iter = rounds.to_string();
        let arguments = ["pkcs12", "-export", "-inkey", &key, "-in", &certificate];
        let more = ["-passout", &pass, "-iter", &iter, "-out", &path];
        tool("openssl", &[&arguments[..], &more].concat());
        (rounds, path)
    };
    let mut rows = vec![
        row("PEM", "pem", &Files::Plain(key.clone())),
        row(
            "encrypted PEM, 2,048 rounds",
            "pem",
            &Files::Rounds([encrypted(2048), encrypted(20_480)]),
        ),
        row(
            "PKCS#12 of openssl 3, 2,048 rounds three times",
            "pkcs12",
            &Files::Rounds([store(2048), store(20_480)]),
        ),
    ];
    let jceks = "JCEKS of keytool's least, 10,000 rounds";
    if program("keytool", &["-help"]).is_ok() {
        let java = |kind: &str, rounds: u32| {
            let path = scratch.text(&format!("{kind}-{rounds}"));
            keytool(&path, kind, rounds);
            (rounds, path)
        };
        let (_, jks) = java("JKS", 10_000);
        rows.push(row("JKS", "jks", &Files::Plain(jks)));
        let stores = [java("JCEKS", 10_000), java("JCEKS", 100_000)];
        rows.push(row(jceks, "jks", &Files::Rounds(stores)));
    } else {
        for what in ["JKS", jceks] {
            let what = format!("opening {what}");
            rows.push(Row::new(
                &what,
                "SKIPPED: there is no keytool".into(),
                "",
                None,
            ));
        }
    }
    rows
}

fn keytool(path: &str, kind: &str, rounds: u32) {
    let rounds = format!("-J-Djdk.jceks.iterationCount={rounds}");
    let name = ["-alias", "job", "-dname", "CN=job", "-keyalg", "RSA"];
    let store = [
        "-storetype",
        kind,
        "-keystore",
        path,
        "-storepass",
        PASSWORD,
    ];
    let more = ["-keysize", "2048", "-keypass", PASSWORD];
    let all = [&["-genkeypair", &rounds][..], &name, &store, &more].concat();
    tool("keytool", &all);
}

fn row(what: &str, scheme: &str, files: &Files) -> Row {
    let (derivation, rest) = match files {
        Files::Plain(path) => (Duration::ZERO, best(&[(scheme, path)])[0]),
        Files::Rounds([(few, little), (many, much)]) => {
            let [short, long] = best(&[(scheme, little), (scheme, much)])[..] else {
                unreachable!("one time for each file")
            };
            let derivation = long.saturating_sub(short) * *few / (many - few);
            (derivation, short.saturating_sub(derivation))
        }
    };
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    Row::new(
        &format!("opening {what}"),
        format!(
            "key derivation {:.2} ms, the rest {:.2} ms",
            milliseconds(derivation),
            milliseconds(rest)
        ),
        "the rest under 1 ms",
        Some(rest < GOAL),
    )
}

/// The best of many for each file, by turns: the machine's other work can only add.
fn best(files: &[(&str, &String)]) -> Vec<Duration> {
    let registry = keybearer::default_registry();
    let cx: OpenContext = TestEnv::new().var("PASSWORD", PASSWORD).context();
    let runtime = runtime();
    let mut best = vec![Duration::MAX; files.len()];
    for _ in 0..100 {
        for ((scheme, path), best) in files.iter().zip(&mut best) {
            assert!(Path::new(path).is_file(), "{path} was made");
            let uri =
                KeyUri::literal(*scheme, path).with_attribute("password-source", "env:PASSWORD");
            let took = time(|| {
                let opened = runtime.block_on(registry.open(&uri, &cx));
                opened.expect("it opens");
            });
            *best = took.min(*best);
        }
    }
    best
}
