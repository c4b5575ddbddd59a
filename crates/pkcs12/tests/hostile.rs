//! Damaged and hostile stores: a clear error of the right kind, in bounded time and memory, never a panic, never
//! another key.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod common;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use common::{
    Folder, Opened, PASSWORD,
    builder::{bag, bag_fields, certificate_bag, data_safe, large_certificate, mac, pfx, tlv},
    open_bytes,
};
use keybearer_conformance::{Trial, program, require, run};
use keybearer_core::{Error, ErrorKind, PublicKey};

/// What openssl wrote, and whose key is in it.
struct Case {
    folder: Folder,
    bytes: Vec<u8>,
    has_mac: bool,
    public: PublicKey,
}

type Test = fn(&Case);
type Bomb = fn(&Folder);

const TESTS: &[(&str, Test)] = &[
    ("every_truncation_is_refused", truncated),
    ("no_flip_opens_another_key", flipped),
    ("bytes_after_the_end_are_no_part_of_it", appended),
];

const BOMBS: &[(&str, Bomb)] = &[
    ("two_billion_rounds", rounds),
    ("nested_safes", nested),
    ("lengths_of_gigabytes", lengths),
    ("too_many_bags", many),
    ("a_thousand_keys_of_one_long_chain", shared),
    ("other_files_are_named", others),
];

fn main() -> ExitCode {
    let openssl = require("openssl", || program("openssl", &["version"]));
    run(openssl.trials("hostile", |_| {
        let kinds = [
            ("sealed", "-iter 1", true),
            ("legacy", "-legacy -iter 1", true),
            ("no_mac", "-iter 1 -nomac", false),
            ("plain", "-nomac -keypbe NONE -certpbe NONE", false),
        ];
        let damaged = kinds.iter().flat_map(|(kind, options, has_mac)| {
            let case = Arc::new(Case::make(options, *has_mac));
            TESTS.iter().map(move |(name, test)| {
                let (case, test) = (case.clone(), *test);
                Trial::test(format!("hostile::{kind}::{name}"), move || {
                    test(&case);
                    Ok(())
                })
            })
        });
        let bombs = BOMBS.iter().map(|(name, test)| {
            Trial::test(format!("hostile::{name}"), move || {
                test(&Folder::new());
                Ok(())
            })
        });
        damaged.chain(bombs).collect()
    }))
}

impl Case {
    fn make(options: &str, has_mac: bool) -> Self {
        let folder = Folder::new();
        folder.key("ec", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
        folder.run(
            "openssl",
            &format!("pkcs12 -export -inkey ec.pem -in ec.crt -name job -passout pass:{PASSWORD} {options} -out ec.p12"),
        );
        Self {
            bytes: folder.read("ec.p12"),
            public: folder.public("ec"),
            has_mac,
            folder,
        }
    }

    fn open(&self, name: &str, bytes: &[u8]) -> Result<Opened, Error> {
        open_bytes(self.folder.text(name).as_ref(), bytes, 20_000)
    }
}

fn truncated(case: &Case) {
    for end in 0..case.bytes.len() {
        let error = case.open("truncated.p12", &case.bytes[..end]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{end}: {error:?}");
    }
}

fn flipped(case: &Case) {
    let kinds = [
        ErrorKind::BadSecret,
        ErrorKind::Malformed,
        ErrorKind::Unsupported,
        ErrorKind::NotFound,
        ErrorKind::KeyMismatch,
    ];
    for at in 0..case.bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = case.bytes.clone();
            bytes[at] ^= flip;
            match case.open("flipped.p12", &bytes) {
                Err(error) => assert!(kinds.contains(&error.kind()), "{at}: {error:?}"),
                Ok(opened) => {
                    assert_eq!(opened.public, case.public, "{at}");
                    // What the MAC is over cannot have changed unseen.
                    let content = case.bytes.len() - 110;
                    assert!(!case.has_mac || at < 40 || at > content, "{at}");
                }
            }
        }
    }
}

/// openssl and keytool take them too: zeros of a disk's, a line break of an editor's, even a second store.
fn appended(case: &Case) {
    let other = Case::make("-iter 1", true).bytes;
    for after in [&b""[..], b"\0", b"\r\n", &other] {
        let longer = [case.bytes.as_slice(), after].concat();
        let opened = case.open("appended.p12", &longer).unwrap();
        assert_eq!(opened.public, case.public);
    }
}

/// The iteration counts of real stores, made enormous.
fn rounds(folder: &Folder) {
    // 8,388,607 is the most that three bytes hold; with more of them the lengths around would change.
    let (count, enormous) = (b"\x02\x03\x0f\x42\x40", b"\x02\x03\x7f\xff\xff");
    for options in ["-iter 1000000", "-iter 1000000 -nomac"] {
        let mut bytes = Case::make(options, true).bytes;
        let place = bytes
            .windows(count.len())
            .rposition(|window| window == count);
        bytes[place.unwrap()..][..count.len()].copy_from_slice(enormous);
        let error = open_bytes(folder.text("rounds.p12").as_ref(), &bytes, 5_000_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        let message = error.to_string();
        assert!(message.contains("5000000 are allowed"), "{message}");
    }
    let started = Instant::now();
    let bytes = pfx(&[], &mac(&[0x02, 0x04, 0x77, 0x35, 0x94, 0x00]));
    let error = open_bytes(folder.text("billions.p12").as_ref(), &bytes, 5_000_000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("2000000000"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

fn nested(folder: &Folder) {
    let started = Instant::now();
    // SafeContents in SafeContents, by their real type and in definite form.
    let mut inner = tlv(0x30, &[]);
    for _ in 0..200 {
        inner = tlv(0x30, &bag(6, &inner));
    }
    let deep = pfx(&data_safe(&inner), &[]);
    let endless = [
        &b"\x30\x80\x02\x01\x03\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"[..],
        &b"\xa0\x80".repeat(1 << 20),
    ]
    .concat();
    let pieces = [
        &b"\x30\x80\x02\x01\x03\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80"[..],
        &b"\x24\x80".repeat(1 << 20),
    ]
    .concat();
    for bytes in [deep, endless, pieces] {
        let error = open_bytes(folder.text("deep.p12").as_ref(), &bytes, 1_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

fn lengths(folder: &Folder) {
    for length in [b"\x84\x80\0\0\0", b"\x84\xff\xff\xff\xff"] {
        let whole = pfx(&data_safe(&tlv(0x30, &[])), &[]);
        for at in 0..whole.len() - 5 {
            let mut bytes = whole.clone();
            bytes[at..at + 5].copy_from_slice(length);
            let error = open_bytes(folder.text("long.p12").as_ref(), &bytes, 1_000).unwrap_err();
            let kinds = [ErrorKind::Malformed, ErrorKind::Unsupported];
            assert!(kinds.contains(&error.kind()), "{at}: {error:?}");
        }
    }
}

/// Many bags in 8 MiB, of the shortest kind there is.
fn many(folder: &Folder) {
    let started = Instant::now();
    let bags = bag(5, &tlv(0x05, &[])).repeat(300_000);
    let bytes = pfx(&data_safe(&tlv(0x30, &bags)), &[]);
    assert!(bytes.len() <= 8 << 20, "{}", bytes.len());
    let error = open_bytes(folder.text("many.p12").as_ref(), &bytes, 1_000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("5000"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// Each key would be listed with megabytes of certificates.
fn shared(folder: &Folder) {
    let started = Instant::now();
    let id = b"\x31\x11\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x15\x31\x02\x04\0";
    let tied = |kind, value: &[u8]| tlv(0x30, &[&bag_fields(kind, value), id.as_slice()].concat());
    let algorithm = tlv(0x30, b"\x06\x02\x2a\x03");
    let key = tied(2, &tlv(0x30, &[algorithm, tlv(0x04, b"x")].concat()));
    let bags: Vec<_> = (0..32)
        .map(|number: u8| tied(3, &certificate_bag(&large_certificate(number))))
        .chain((0..2_000).map(|_| key.clone()))
        .collect();
    let bytes = pfx(&data_safe(&tlv(0x30, &bags.concat())), &[]);
    std::fs::write(folder.text("shared.p12"), &bytes).unwrap();
    let entries = folder.entries("shared.p12", None).unwrap().entries;
    assert_eq!(entries.len(), 2_000);
    assert_eq!(entries[0].certificates.len(), 32);
    let listed: usize = entries
        .iter()
        .flat_map(|entry| &entry.certificates)
        .map(|certificate| certificate.as_der().len())
        .sum();
    assert!(listed < 32 << 20, "{listed}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

fn others(folder: &Folder) {
    folder.key("ec", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    folder.run("openssl", "x509 -in ec.crt -outform DER -out ec.der");
    folder.run(
        "openssl",
        "pkcs8 -topk8 -nocrypt -in ec.pem -outform DER -out ec.p8",
    );
    for (bytes, what) in [
        (folder.read("ec.pem"), "PEM"),
        (folder.read("ec.der"), "certificate"),
        (folder.read("ec.p8"), "private key in DER"),
        (b"\xfe\xed\xfe\xed\0\0\0\x02".to_vec(), "JKS"),
        (b"<html>".to_vec(), "web page"),
        (Vec::new(), "empty"),
        (b"hello".to_vec(), "not a PKCS#12"),
    ] {
        let error = open_bytes(folder.text("other.p12").as_ref(), &bytes, 1_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.to_string().contains(what), "{error}");
        assert!(error.hint().is_some());
    }
}
