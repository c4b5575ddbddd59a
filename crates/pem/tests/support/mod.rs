//! Keys that openssl makes, and what `pem:` says of a file's bytes.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
};

use keybearer_conformance::TestEnv;
use keybearer_core::{Entries, KeyUri, Registry, Result, Signer};
use keybearer_pem::Pem;

pub(crate) const PASSWORD: &str = "correct-horse";

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

/// The public half (SubjectPublicKeyInfo in DER), as openssl reads it from a key in PEM.
pub(crate) fn public(pem: &[u8]) -> Vec<u8> {
    openssl("pkey -pubout -outform DER", pem)
}

/// A self-signed certificate, in PEM.
pub(crate) fn certificate(key: &[u8], subject: &str) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key).unwrap();
    let path = file.path().display();
    openssl(&format!("req -x509 -new -subj {subject} -key {path}"), b"")
}

pub(crate) fn open(bytes: &[u8], password: &str) -> Result<Arc<dyn Signer>> {
    within(bytes, password, async |registry, uri, env| {
        registry.open(&uri, &env.context()).await
    })
}

pub(crate) fn entries(bytes: &[u8]) -> Result<Entries> {
    within(bytes, PASSWORD, async |registry, uri, env| {
        registry.entries(&uri, &env.context()).await
    })
}

fn within<T>(
    bytes: &[u8],
    password: &str,
    ask: impl AsyncFnOnce(Registry, KeyUri, TestEnv) -> T,
) -> T {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let uri = KeyUri::literal("pem", file.path().to_str().unwrap())
        .with_attribute("password-source", "env:PASSWORD");
    let env = TestEnv::new().var("PASSWORD", password);
    block_on(ask(Registry::new().with(Pem), uri, env))
}

/// The public half of the key that is opened.
pub(crate) fn opened(bytes: &[u8]) -> Vec<u8> {
    spki(&*open(bytes, PASSWORD).unwrap())
}

pub(crate) fn spki(signer: &dyn Signer) -> Vec<u8> {
    let public = block_on(signer.public_key()).unwrap();
    public.spki_der().to_vec()
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(future)
}
