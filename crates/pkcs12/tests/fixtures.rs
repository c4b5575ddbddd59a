//! Stores of many writers (`fixtures/README.md`): what must come out of each.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
};

use common::{Folder, PASSWORD, open, open_bytes};
use keybearer_core::{Certificate, ErrorKind, KeyUri, PublicKey};

/// The file, and the word in its error where it is not read.
const STORES: &[(&str, Option<&str>)] = &[
    ("bouncycastle-pkcs12", None),
    ("bouncycastle-pkcs12-3des-3des", None),
    ("bouncycastle-pkcs12-3des-40rc2", None),
    ("bouncycastle-pkcs12-def", None),
    ("bouncycastle-pkcs12-def-3des-3des", None),
    ("gnutls-3des", None),
    ("gnutls-3des-pkcs12", None),
    ("gnutls-aes-128", None),
    ("gnutls-aes-192", None),
    ("gnutls-aes-256", None),
    ("gnutls-arcfour", None),
    ("gnutls-rc2-40", None),
    ("keytool", None),
    ("keytool-legacy", None),
    ("nss", None),
    ("nss-aes-128", None),
    ("openssl", None),
    ("openssl-camellia", Some("Camellia-128")),
    ("openssl-legacy", None),
    ("openssl-no-mac", None),
    ("openssl-rc4", None),
    ("openssl-sha3", Some("2.16.840.1.101.3.4.2.8")),
    ("pbmac1-sha256", None),
    ("pbmac1-sha512", None),
];

#[test]
fn every_store_is_read_or_named() {
    let certificates = [certificate("leaf.crt"), certificate("ca.crt")];
    let public = certificates[0].public_key().unwrap();
    for (name, refused) in STORES {
        let opened = open(&uri(name, PASSWORD));
        match (opened, refused) {
            (Ok(opened), None) => {
                assert_eq!(opened.public, public, "{name}");
                assert_eq!(opened.chain, certificates, "{name}");
                assert_eq!(opened.id.attribute("alias"), Some("jobcert"), "{name}");
            }
            (Err(error), Some(word)) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}");
                assert!(error.to_string().contains(word), "{name}: {error}");
            }
            (opened, _) => panic!("{name}: {opened:?}"),
        }
    }
}

#[test]
fn a_wrong_password_is_told() {
    for (name, refused) in STORES {
        let error = open(&uri(name, "battery-staple")).unwrap_err();
        let kinds = [ErrorKind::BadSecret, ErrorKind::Unsupported];
        let expected = kinds[usize::from(refused.is_some_and(|word| word.contains('.')))];
        // Camellia is met only after the MAC, which says first that the password is wrong.
        assert_eq!(error.kind(), expected, "{name}: {error:?}");
    }
}

#[test]
fn the_table_has_every_file() {
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "p12"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let table: Vec<_> = STORES.iter().map(|(name, _)| *name).collect();
    assert_eq!(files, table);
}

/// Cut off and changed here and there (`hostile.rs` does so everywhere): an error or the same key, never a panic.
#[test]
fn damage_is_never_believed() {
    let scratch = Folder::new();
    let public = PublicKey::from_file(&fs::read(folder().join("leaf.crt")).unwrap()).unwrap();
    for (name, _) in STORES {
        let bytes = fs::read(folder().join(format!("{name}.p12"))).unwrap();
        let path = scratch.text("damaged.p12");
        for end in (0..bytes.len()).step_by(11) {
            let error = open_bytes(path.as_ref(), &bytes[..end], 3_000).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::Malformed,
                "{name} {end}: {error:?}"
            );
        }
        for at in (0..bytes.len()).step_by(17) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x41;
            if let Ok(opened) = open_bytes(path.as_ref(), &flipped, 3_000) {
                assert_eq!(opened.public, public, "{name} {at}");
            }
        }
    }
}

fn uri(name: &str, password: &str) -> KeyUri {
    let path = folder().join(format!("{name}.p12"));
    KeyUri::literal("pkcs12", path.to_str().unwrap()).with_attribute("password-value", password)
}

fn certificate(name: &str) -> Certificate {
    let bytes = fs::read(folder().join(name)).unwrap();
    Certificate::from_file(&bytes).unwrap().remove(0)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}
