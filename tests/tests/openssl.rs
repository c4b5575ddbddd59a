//! openssl verifies what each algorithm signs, and the certificate that a key of ours issues to itself.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::process::{Command, ExitCode};

use keybearer_conformance::{Trial, program, require, run};
use keybearer_tests::{Scratch, keybearer, ran, tool};

/// An algorithm, the key that openssl makes for it, and the options with which openssl verifies it.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const P384: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
const P521: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"];
const PSS: &str = "rsa_padding_mode:pss";

const CASES: &[Case] = &[
    ("RS256", RSA, &["-digest", "sha256"]),
    ("RS384", RSA, &["-digest", "sha384"]),
    ("RS512", RSA, &["-digest", "sha512"]),
    // The salt is as long as the hash (RFC 7518, section 3.5); openssl takes no other with these options.
    (
        "PS256",
        RSA,
        &[
            "-digest",
            "sha256",
            "-pkeyopt",
            PSS,
            "-pkeyopt",
            "rsa_pss_saltlen:32",
        ],
    ),
    (
        "PS384",
        RSA,
        &[
            "-digest",
            "sha384",
            "-pkeyopt",
            PSS,
            "-pkeyopt",
            "rsa_pss_saltlen:48",
        ],
    ),
    (
        "PS512",
        RSA,
        &[
            "-digest",
            "sha512",
            "-pkeyopt",
            PSS,
            "-pkeyopt",
            "rsa_pss_saltlen:64",
        ],
    ),
    ("ES256", P256, &["-digest", "sha256"]),
    ("ES384", P384, &["-digest", "sha384"]),
    ("ES512", P521, &["-digest", "sha512"]),
    ("Ed25519", &["-algorithm", "ED25519"], &[]),
];

fn main() -> ExitCode {
    let probe = || program("openssl", &["version"]);
    let trials = require("openssl", probe).trials("openssl", |_| {
        let signature = |case: &'static Case| {
            Trial::test(format!("openssl::verifies {}", case.0), move || {
                verifies(case);
                Ok(())
            })
        };
        let certificate = |(name, kind): (&str, &'static [&'static str])| {
            Trial::test(format!("openssl::a certificate of {name}"), move || {
                trusts_certificate(kind);
                Ok(())
            })
        };
        let kinds = [("RSA", RSA), ("P-256", P256), ("P-384", P384)];
        let signatures = CASES.iter().map(signature);
        signatures
            .chain(kinds.into_iter().map(certificate))
            .collect()
    });
    run(trials)
}

fn verifies((algorithm, kind, options): &Case) {
    let scratch = Scratch::new();
    let (key, public) = new_key(&scratch, kind);
    let message = scratch.write("message", "what is signed, and a little more");
    let mut command = keybearer(&["sign", "--key", &key, "--alg", algorithm]);
    command.args(["--format", "hex", &message]);
    let signature = bytes(&ran(&mut command).ok());
    let signature = if algorithm.starts_with("ES") {
        der(&signature)
    } else {
        signature
    };
    let (status, said) = openssl_says(&scratch, &public, &message, &signature, options);
    assert_eq!(status, 0, "{said}");
    // The judge judges: another message is refused.
    let other = scratch.write("other", "what is signed, and a little less");
    let (status, said) = openssl_says(&scratch, &public, &other, &signature, options);
    assert_eq!(status, 1, "{said}");
}

fn openssl_says(
    scratch: &Scratch,
    public: &str,
    message: &str,
    signature: &[u8],
    options: &[&str],
) -> (i32, String) {
    let signature = scratch.write("signature", signature);
    let mut command = Command::new("openssl");
    command.args(["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public]);
    command.args(["-in", message, "-sigfile", &signature]);
    let verdict = ran(command.args(options));
    (verdict.status, verdict.stdout + &verdict.stderr)
}

fn trusts_certificate(kind: &[&str]) {
    let scratch = Scratch::new();
    let (key, public) = new_key(&scratch, kind);
    let subject = "CN=nightly job,O=Example";
    let pem = ran(&mut keybearer(&[
        "cert",
        "new",
        "--key",
        &key,
        "--subject",
        subject,
    ]))
    .ok();
    let certificate = scratch.write("job.crt", pem + "\n");
    let verified = tool(
        "openssl",
        &[
            "verify",
            "-check_ss_sig",
            "-CAfile",
            &certificate,
            &certificate,
        ],
    );
    assert!(verified.ends_with(": OK"), "{verified}");
    let shown = |what: &str| tool("openssl", &["x509", "-in", &certificate, "-noout", what]);
    let name = shown("-subject");
    assert!(
        name.contains("nightly job") && name.contains("Example"),
        "{name}"
    );
    let theirs = std::fs::read_to_string(public).unwrap();
    assert_eq!(shown("-pubkey"), theirs.trim_end());
    // It is valid now, and will be tomorrow.
    tool(
        "openssl",
        &["x509", "-in", &certificate, "-noout", "-checkend", "86400"],
    );
}

/// A key by openssl and its public half, each in a file.
fn new_key(scratch: &Scratch, kind: &[&str]) -> (String, String) {
    let (key, public) = (scratch.text("key.pem"), scratch.text("public.pem"));
    tool("openssl", &[&["genpkey", "-out", &key], kind].concat());
    tool(
        "openssl",
        &["pkey", "-in", &key, "-pubout", "-out", &public],
    );
    (key, public)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

/// `r||s` as the `Ecdsa-Sig-Value` that openssl takes (RFC 3279, section 2.2.3), by hand, so that ours does not judge itself.
fn der(joined: &[u8]) -> Vec<u8> {
    let integer = |digits: &[u8]| {
        let first = digits.iter().position(|digit| *digit != 0).unwrap();
        let sign = if digits[first] >= 0x80 { &[0][..] } else { &[] };
        let body = [sign, &digits[first..]].concat();
        [&[0x02, u8::try_from(body.len()).unwrap()], &body[..]].concat()
    };
    let (r, s) = joined.split_at(joined.len() / 2);
    let body = [integer(r), integer(s)].concat();
    let length = u8::try_from(body.len()).unwrap();
    let head = if length < 0x80 {
        vec![0x30, length]
    } else {
        vec![0x30, 0x81, length]
    };
    [head, body].concat()
}
