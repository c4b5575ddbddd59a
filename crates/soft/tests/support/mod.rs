//! Keys that openssl makes.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// The forms in which a private key is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Pkcs8,
    Pkcs1,
    Sec1,
}

/// A key in DER: `genpkey` makes it, and it is put into the form.
pub(crate) fn key(genpkey: &str, form: Form) -> Vec<u8> {
    let pem = openssl(&format!("genpkey {genpkey}"), b"");
    let pkcs8 = openssl("pkcs8 -topk8 -nocrypt -outform DER", &pem);
    converted(&pkcs8, form)
}

/// A key in PKCS#8 in another form.
pub(crate) fn converted(pkcs8: &[u8], form: Form) -> Vec<u8> {
    match form {
        Form::Pkcs8 => pkcs8.to_vec(),
        Form::Pkcs1 => openssl("rsa -traditional -inform DER -outform DER", pkcs8),
        Form::Sec1 => openssl("ec -inform DER -outform DER", pkcs8),
    }
}

/// The public half (SubjectPublicKeyInfo in DER), as openssl reads it from a key.
pub(crate) fn public(pkcs8: &[u8]) -> Vec<u8> {
    openssl("pkey -inform DER -pubout -outform DER", pkcs8)
}

pub(crate) fn openssl(arguments: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {errors}");
    output.stdout
}
