//! What is written here, read by openssl: the same key, certificates and name.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::process::ExitCode;

use keybearer_conformance::{TestEnv, Trial, program, require, run};
use keybearer_core::{Certificate, ErrorKind, KeyFile as _, KeyMaterial, KeyUri, Secret};
use keybearer_pem::{Pem, encode, encode_named};
use keybearer_soft::PrivateKey;
use support::{PASSWORD, certificate, openssl, public};

fn main() -> ExitCode {
    let openssl = require("openssl", || program("openssl", &["version"]));
    run(openssl.trials("writing PEM", |_| {
        let trial = |name: &str, test: fn()| {
            Trial::test(format!("writing::{name}"), move || {
                test();
                Ok(())
            })
        };
        vec![
            trial("encrypted and not", both_ways),
            trial("a key moves with its name and certificates", moved),
            trial("names that are none", odd_names),
        ]
    }))
}

const KINDS: [&str; 3] = [
    "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    "genpkey -algorithm ED25519",
];

fn both_ways() {
    for kind in KINDS {
        let pem = openssl(kind, b"");
        let expected = public(&pem);
        let (key, chain) = read(&pem);
        let plain = encode(&key, None, &chain).unwrap();
        assert_eq!(public(plain.expose()), expected, "{kind}");
        let text = plain.expose_str().unwrap();
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert_eq!(Certificate::from_file(plain.expose()).unwrap(), chain);
        openssl("x509 -noout", plain.expose());

        let password = Secret::from(PASSWORD);
        let sealed = encode(&key, Some(&password), &chain).unwrap();
        let text = sealed.expose_str().unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let opened = format!("pkey -pubout -outform DER -passin pass:{PASSWORD}");
        assert_eq!(openssl(&opened, sealed.expose()), expected, "{kind}");
        // 0x0927C0 is 600,000.
        let outline = openssl("asn1parse -inform PEM", sealed.expose());
        let outline = String::from_utf8_lossy(&outline).into_owned();
        for part in ["PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", "0927C0"] {
            assert!(outline.contains(part), "{part}: {outline}");
        }
    }
    let (key, _) = read(&openssl(KINDS[2], b""));
    let error = encode(&key, Some(&"".into()), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadSecret);
}

fn moved() {
    let folder = tempfile::tempdir().unwrap();
    let uri = |name: &str| KeyUri::literal("pem", folder.path().join(name).to_str().unwrap());
    let cx = TestEnv::new().context();
    let pem = openssl(KINDS[1], b"");
    let (key, chain) = read(&pem);
    let name = "Job \u{e4} \u{1f511}";
    let material = KeyMaterial::new(key.to_pkcs8_der(), chain.clone());
    let material = material.with_alias(Some(name.into()));
    for (file, password) in [("plain.pem", None), ("sealed.pem", Some(PASSWORD))] {
        let uri = match password {
            Some(password) => uri(file).with_attribute("password-value", password),
            None => uri(file),
        };
        support::block_on(Pem.put(&uri, &material, false, &cx)).unwrap();
        let taken = support::block_on(Pem.take(&uri, &cx)).unwrap();
        assert_eq!(taken.alias.as_deref(), Some(name));
        assert_eq!(taken.certificates, chain);
        assert_eq!(taken.pkcs8_der, key.to_pkcs8_der());
        let again = support::block_on(Pem.put(&uri, &material, false, &cx)).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Unsupported);
        support::block_on(Pem.put(&uri, &material, true, &cx)).unwrap();
        let file = std::fs::read(folder.path().join(file)).unwrap();
        let opened = format!("pkey -pubout -outform DER -passin pass:{PASSWORD}");
        assert_eq!(openssl(&opened, &file), public(&pem));
    }
}

fn odd_names() {
    let (key, chain) = read(&openssl(KINDS[2], b""));
    let bare = encode(&key, None, &chain).unwrap();
    for name in ["", " a", "a\nb", "a\u{0}", "-----BEGIN X-----", "a\\nb"] {
        let named = encode_named(Some(name), &key, None, &chain).unwrap();
        assert_eq!(named, bare, "{name:?}");
    }
    let named = encode_named(Some("a-b"), &key, None, &chain).unwrap();
    assert_ne!(named, bare);
}

/// A key of openssl's, with a certificate of its own.
fn read(pem: &[u8]) -> (PrivateKey, Vec<Certificate>) {
    let der = openssl("pkcs8 -topk8 -nocrypt -outform DER", pem);
    let chain = Certificate::from_file(&certificate(pem, "/CN=job")).unwrap();
    (PrivateKey::from_pkcs8_der(&der).unwrap(), chain)
}
