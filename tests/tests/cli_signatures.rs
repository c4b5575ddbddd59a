//! `sign` and `verify`, with openssl as the judge.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::process::Command;

use keybearer_tests::{Scratch, keybearer, ran, tool};

fn public_key(scratch: &Scratch, key: &str) -> String {
    let public = tool("openssl", &["pkey", "-in", key, "-pubout"]) + "\n";
    scratch.write("public.pem", public)
}

/// Whether openssl takes the signature over the message, with these options of `dgst`.
fn openssl_verifies(public: &str, signature: &str, message: &str, options: &[&str]) -> bool {
    let mut command = Command::new("openssl");
    command.args([
        "dgst",
        "-sha256",
        "-verify",
        public,
        "-signature",
        signature,
    ]);
    command.args(options).arg(message);
    ran(&mut command).status == 0
}

#[test]
fn every_format_is_read_back_and_openssl_agrees() {
    let scratch = Scratch::new();
    let message = scratch.write("message", "what is signed\n");
    let other = scratch.write("other", "what is not\n");
    let pss = [
        "-sigopt",
        "rsa_padding_mode:pss",
        "-sigopt",
        "rsa_pss_saltlen:digest",
    ];
    for (kind, algorithm, options) in [
        ("rsa:2048", "RS256", &[][..]),
        ("rsa:2048", "PS256", &pss),
        ("ec", "ES256", &[]),
    ] {
        let (key, _) = scratch.openssl_key("a", kind);
        let public = public_key(&scratch, &key);
        for format in ["base64url", "base64", "hex", "raw", "der"] {
            let sign = [
                "sign", "--key", &key, "--alg", algorithm, "--format", format, &message,
            ];
            let signature = keybearer(&sign).output().unwrap();
            assert!(signature.status.success(), "{signature:?}");
            let file = scratch.write("signature", &signature.stdout);
            let verify = |message: &str| {
                let mut command = keybearer(&["verify", "--key", &key, "--alg", algorithm]);
                command.args(["--format", format, "--signature-file", &file, message]);
                ran(&mut command)
            };
            assert_eq!(verify(&message).ok(), "ok");
            assert_eq!(verify(&other).status, 1);
            if format == "der" {
                assert!(openssl_verifies(&public, &file, &message, options));
                assert!(!openssl_verifies(&public, &file, &other, options));
            }
        }
    }
}

#[test]
fn the_message_may_come_on_standard_input() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    let message = scratch.write("message", "m");
    let by_file = ran(&mut keybearer(&["sign", "--json", "--key", &key, &message])).json();
    assert_eq!(by_file["alg"], "RS256");
    assert!(by_file["id"].as_str().unwrap().contains("spki-sha256="));
    for more in [&[][..], &["-"]] {
        let mut command = keybearer(&["sign", "--key", &key]);
        let stdin = std::fs::File::open(&message).unwrap();
        let signature = ran(command.args(more).stdin(stdin)).ok();
        assert_eq!(signature, by_file["signature"].as_str().unwrap());
    }
    let signature = by_file["signature"].as_str().unwrap();
    let mut verify = keybearer(&["verify", "--json", "--key", &key, "--signature", signature]);
    let stdin = std::fs::File::open(&message).unwrap();
    assert_eq!(ran(verify.stdin(stdin)).json()["ok"], true);
}
