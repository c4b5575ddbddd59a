//! Stores that keytool writes: several entries, trusted certificates and secret keys beside, a .jks that is PKCS#12.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod common;

use std::process::ExitCode;

use common::{Folder, PASSWORD};
use keybearer_conformance::{Trial, program, require, run};
use keybearer_core::{Certificate, EntryKind, ErrorKind, PublicKey};

type Test = fn(&Folder);

const TESTS: &[(&str, Test)] = &[
    ("entries_of_every_kind", several),
    ("names_beyond_the_bmp", names),
    ("other_algorithms", algorithms),
    ("a_trust_store_is_told", trust_store),
    ("a_chain_from_an_authority", chain),
    ("a_fingerprint_chooses_the_key", pinned),
];

fn main() -> ExitCode {
    let keytool = require("keytool", || program("keytool", &["-help"]));
    run(keytool.trials("keytool", |_| {
        let trial = |(name, test): &(&'static str, Test)| {
            let (name, test) = (format!("keytool::{name}"), *test);
            Trial::test(name, move || {
                test(&Folder::new());
                Ok(())
            })
        };
        TESTS.iter().map(trial).collect()
    }))
}

fn several(folder: &Folder) {
    // Java 17 writes PKCS#12 whatever the name says.
    let store = "store.jks";
    pair(folder, store, "Job", "-keyalg RSA -keysize 2048");
    pair(folder, store, "other", EC);
    pair(folder, store, "dsa", "-keyalg DSA -keysize 2048");
    keytool(
        folder,
        store,
        "-genseckey -keyalg AES -keysize 256 -alias secret",
    );
    pair(folder, "ca.p12", "ca", EC);
    let ca = keytool(folder, "ca.p12", "-exportcert -rfc -alias ca");
    std::fs::write(folder.text("ca.crt"), ca).unwrap();
    keytool(
        folder,
        store,
        "-importcert -noprompt -alias Root -file ca.crt",
    );

    let entries = folder.entries(store, Some(PASSWORD)).unwrap();
    let mut told: Vec<_> = entries
        .entries
        .iter()
        .map(|entry| {
            let key_type = entry.key_type.as_deref();
            (
                entry.alias.as_deref().unwrap(),
                entry.kind,
                key_type,
                entry.certificates.len(),
            )
        })
        .collect();
    told.sort_by_key(|(alias, ..)| *alias);
    assert_eq!(
        told,
        [
            ("Root", EntryKind::Certificate, Some("EC"), 1),
            ("dsa", EntryKind::Key, Some("DSA"), 1),
            ("job", EntryKind::Key, Some("RSA"), 1),
            ("other", EntryKind::Key, Some("EC"), 1),
            ("secret", EntryKind::Secret, None, 0),
        ]
    );

    for (alias, asked) in [("job", "JOB"), ("other", "other")] {
        let opened = folder.open(store, Some(asked), Some(PASSWORD)).unwrap();
        assert_eq!(opened.public, public(folder, store, alias));
        assert_eq!(opened.chain.len(), 1);
        assert_eq!(opened.id.attribute("alias"), Some(alias));
    }
    let ambiguous = folder.open(store, None, Some(PASSWORD)).unwrap_err();
    assert_eq!(ambiguous.kind(), ErrorKind::Ambiguous);
    for alias in ["job", "other", "dsa"] {
        assert!(ambiguous.hint().unwrap().contains(alias), "{ambiguous:?}");
    }
    let certificate = folder
        .open(store, Some("root"), Some(PASSWORD))
        .unwrap_err();
    assert_eq!(certificate.kind(), ErrorKind::NotFound);
    assert!(
        certificate.to_string().contains("certificate"),
        "{certificate}"
    );
    let dsa = folder.open(store, Some("dsa"), Some(PASSWORD)).unwrap_err();
    assert_eq!(dsa.kind(), ErrorKind::Unsupported);
    assert!(dsa.to_string().contains("DSA"), "{dsa}");
    let wrong = folder
        .open(store, Some("job"), Some("battery-staple"))
        .unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::BadSecret);
}

fn names(folder: &Folder) {
    let alias = "job\u{1f511}\u{e4}";
    folder.run_words(
        "keytool",
        &[
            "-J-Dsun.jnu.encoding=UTF-8",
            "-J-Dfile.encoding=UTF-8",
            "-genkeypair",
            "-keyalg",
            "EC",
            "-groupname",
            "secp256r1",
            "-alias",
            alias,
            "-dname",
            "CN=job",
            "-keystore",
            "named.p12",
            "-storepass",
            PASSWORD,
        ],
    );
    let entries = folder.entries("named.p12", Some(PASSWORD)).unwrap();
    let found = entries.entries[0].alias.clone().unwrap();
    assert!(
        folder
            .open("named.p12", Some(&found), Some(PASSWORD))
            .is_ok()
    );
    // In a locale without UTF-8, Java takes the argument's bytes for something else.
    if found.starts_with("job") && found.chars().count() == 5 {
        assert_eq!(found, alias);
    }
}

fn algorithms(folder: &Folder) {
    let variants = [
        ("old", "-J-Dkeystore.pkcs12.legacy"),
        (
            "sha512",
            "-J-Dkeystore.pkcs12.keyProtectionAlgorithm=PBEWithHmacSHA512AndAES_256 -J-Dkeystore.pkcs12.certProtectionAlgorithm=PBEWithHmacSHA1AndAES_128 -J-Dkeystore.pkcs12.macAlgorithm=HmacPBESHA512",
        ),
        (
            "no_mac",
            "-J-Dkeystore.pkcs12.macAlgorithm=NONE -J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE",
        ),
    ];
    for (name, options) in variants {
        let store = format!("{name}.p12");
        pair(folder, &store, "job", &format!("{options} {EC}"));
        let opened = folder.open(&store, None, Some(PASSWORD)).unwrap();
        assert_eq!(opened.public, public(folder, &store, "job"), "{name}");
        assert_eq!(opened.chain.len(), 1);
    }
}

fn trust_store(folder: &Folder) {
    pair(folder, "ca.p12", "ca", EC);
    let ca = keytool(folder, "ca.p12", "-exportcert -rfc -alias ca");
    std::fs::write(folder.text("ca.crt"), ca).unwrap();
    for alias in ["first", "second"] {
        keytool(
            folder,
            "trust.p12",
            &format!("-importcert -noprompt -alias {alias} -file ca.crt"),
        );
    }
    let error = folder.open("trust.p12", None, Some(PASSWORD)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("\"first\""), "{error}");
    let entries = folder.entries("trust.p12", Some(PASSWORD)).unwrap();
    assert_eq!(entries.entries.len(), 2);
    // Its certificates are encrypted: without the password there is nothing to see.
    let sealed = folder.entries("trust.p12", None).unwrap_err();
    assert_eq!(sealed.kind(), ErrorKind::BadSecret);
}

fn chain(folder: &Folder) {
    pair(folder, "store.p12", "root", &format!("{EC} -ext bc:c"));
    pair(folder, "store.p12", "job", EC);
    let root = keytool(folder, "store.p12", "-exportcert -rfc -alias root");
    std::fs::write(folder.text("root.crt"), &root).unwrap();
    keytool(folder, "store.p12", "-certreq -alias job -file job.csr");
    keytool(
        folder,
        "store.p12",
        "-gencert -alias root -infile job.csr -outfile job.crt -rfc",
    );
    keytool(
        folder,
        "store.p12",
        "-importcert -noprompt -alias job -file job.crt",
    );
    let opened = folder
        .open("store.p12", Some("job"), Some(PASSWORD))
        .unwrap();
    let expected = [
        folder.certificate("job.crt"),
        folder.certificate("root.crt"),
    ];
    assert_eq!(opened.chain, expected);
}

fn pinned(folder: &Folder) {
    pair(folder, "store.p12", "first", EC);
    pair(folder, "store.p12", "second", EC);
    let opened = folder
        .open("store.p12", Some("second"), Some(PASSWORD))
        .unwrap();
    let fingerprint = opened.id.attribute("spki-sha256").unwrap();
    let uri = folder
        .uri("store.p12")
        .with_attribute("password-value", PASSWORD)
        .with_attribute("spki-sha256", fingerprint);
    let again = common::open(&uri).unwrap();
    assert_eq!(again.public, opened.public);
    assert_eq!(again.id, opened.id);
    let other = uri.with_attribute("spki-sha256", "0".repeat(64));
    assert_eq!(
        common::open(&other).unwrap_err().kind(),
        ErrorKind::KeyMismatch
    );
}

const EC: &str = "-keyalg EC -groupname secp256r1";

fn pair(folder: &Folder, store: &str, alias: &str, options: &str) {
    keytool(
        folder,
        store,
        &format!("-genkeypair -alias {alias} -dname CN={alias} {options}"),
    );
}

fn keytool(folder: &Folder, store: &str, arguments: &str) -> Vec<u8> {
    folder.run(
        "keytool",
        &format!("{arguments} -keystore {store} -storepass {PASSWORD}"),
    )
}

fn public(folder: &Folder, store: &str, alias: &str) -> PublicKey {
    let pem = keytool(folder, store, &format!("-exportcert -rfc -alias {alias}"));
    Certificate::from_file(&pem).unwrap()[0]
        .public_key()
        .unwrap()
}
