//! Shapes of stores that the standard allows and no program here writes: put together from openssl's parts.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod common;

use std::process::ExitCode;

use common::{
    Folder,
    builder::{bag, bag_fields, certificate_bag, data_safe, pfx, tlv},
    open,
};
use keybearer_conformance::{Trial, program, require, run};
use keybearer_core::{ErrorKind, KeyUri};

type Test = fn(&Folder);

const TESTS: &[(&str, Test)] = &[
    ("keys_without_names_are_counted", unnamed),
    ("keys_of_one_name_are_told_apart_by_fingerprint", namesakes),
    ("bags_in_bags", nested),
    ("a_tie_to_another_keys_certificate_is_not_believed", mistied),
    ("keys_and_certificates_without_ties", untied),
    (
        "revocation_lists_and_unknown_bags_are_passed_over",
        passed_over,
    ),
];

fn main() -> ExitCode {
    let openssl = require("openssl", || program("openssl", &["version"]));
    run(openssl.trials("shapes", |_| {
        let trial = |(name, test): &(&'static str, Test)| {
            let (name, test) = (format!("shapes::{name}"), *test);
            Trial::test(name, move || {
                let folder = Folder::new();
                for key in ["first", "second"] {
                    folder.key(key, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
                    folder.run(
                        "openssl",
                        &format!("pkcs8 -topk8 -nocrypt -in {key}.pem -outform DER -out {key}.p8"),
                    );
                }
                test(&folder);
                Ok(())
            })
        };
        TESTS.iter().map(trial).collect()
    }))
}

fn unnamed(folder: &Folder) {
    let bags = [key(folder, "first", &[]), key(folder, "second", &[])];
    let uri = store(folder, &bags.concat());
    let error = open(&uri).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    assert!(error.hint().unwrap().contains("\"1\", \"2\""), "{error:?}");
    for (alias, name) in [("1", "first"), ("2", "second")] {
        let opened = open(&uri.clone().with_attribute("alias", alias)).unwrap();
        assert_eq!(opened.public, folder.public(name));
        assert_eq!(open(&opened.id).unwrap().public, opened.public);
    }
}

fn namesakes(folder: &Folder) {
    let name = friendly_name("job");
    let bags = [key(folder, "first", &name), key(folder, "second", &name)];
    let uri = store(folder, &bags.concat()).with_attribute("alias", "job");
    let error = open(&uri).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    assert!(error.hint().unwrap().contains("spki-sha256"), "{error:?}");
    let spki = folder.run(
        "openssl",
        "pkey -in second.pem -pubout -outform DER -out second.spki",
    );
    assert!(spki.is_empty());
    let digest = folder.run("openssl", "dgst -sha256 -r second.spki");
    let digest = String::from_utf8(digest).unwrap();
    let digest = digest.split(' ').next().unwrap();
    let opened = open(&uri.with_attribute("spki-sha256", digest)).unwrap();
    assert_eq!(opened.public, folder.public("second"));
}

fn nested(folder: &Folder) {
    let name = friendly_name("deep");
    let inner = [
        key(folder, "first", &name),
        certificate(folder, "first", &[]),
    ];
    let inner = tlv(0x30, &inner.concat());
    let uri = store(folder, &bag(6, &tlv(0x30, &bag(6, &inner))));
    let opened = open(&uri).unwrap();
    assert_eq!(opened.id.attribute("alias"), Some("deep"));
    assert_eq!(opened.chain, [folder.certificate("first.crt")]);
}

fn mistied(folder: &Folder) {
    let id = local_key_id(7);
    let bags = [
        certificate(folder, "second", &id),
        certificate(folder, "first", &[]),
        key(folder, "first", &id),
    ];
    let opened = open(&store(folder, &bags.concat())).unwrap();
    assert_eq!(opened.public, folder.public("first"));
    assert_eq!(opened.chain, [folder.certificate("first.crt")]);
}

fn untied(folder: &Folder) {
    let bags = [
        certificate(folder, "first", &[]),
        certificate(folder, "second", &[]),
        key(folder, "second", &friendly_name("b")),
        key(folder, "first", &friendly_name("a")),
    ];
    let uri = store(folder, &bags.concat());
    for (alias, name) in [("a", "first"), ("b", "second")] {
        let opened = open(&uri.clone().with_attribute("alias", alias)).unwrap();
        assert_eq!(opened.chain, [folder.certificate(&format!("{name}.crt"))]);
    }
    let entries = folder.entries("store.p12", None).unwrap().entries;
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert!(entries.iter().all(|entry| entry.certificates.len() == 1));
}

fn passed_over(folder: &Folder) {
    let bags = [
        bag(4, &tlv(0x30, &[])),
        bag(9, &tlv(0x30, &[])),
        bag(3, &certificate_bag(b"no certificate")),
        key(folder, "first", &[]),
    ];
    let uri = store(folder, &bags.concat());
    assert_eq!(open(&uri).unwrap().public, folder.public("first"));
    let entries = folder.entries("store.p12", None).unwrap().entries;
    let notes: Vec<_> = entries
        .iter()
        .map(|entry| entry.note.clone().unwrap())
        .collect();
    assert_eq!(notes.len(), 4);
    for told in ["revocation list", "unknown type", "damaged", "no MAC"] {
        assert!(notes.iter().any(|note| note.contains(told)), "{notes:?}");
    }
}

/// A store without a MAC.
fn store(folder: &Folder, bags: &[u8]) -> KeyUri {
    let bytes = pfx(&data_safe(&tlv(0x30, bags)), &[]);
    std::fs::write(folder.text("store.p12"), bytes).unwrap();
    folder.uri("store.p12")
}

fn key(folder: &Folder, name: &str, attributes: &[u8]) -> Vec<u8> {
    with(
        bag_fields(1, &folder.read(&format!("{name}.p8"))),
        attributes,
    )
}

fn certificate(folder: &Folder, name: &str, attributes: &[u8]) -> Vec<u8> {
    let certificate = folder.certificate(&format!("{name}.crt"));
    with(
        bag_fields(3, &certificate_bag(certificate.as_der())),
        attributes,
    )
}

fn with(fields: Vec<u8>, attributes: &[u8]) -> Vec<u8> {
    let attributes = match attributes {
        [] => Vec::new(),
        some => tlv(0x31, some),
    };
    tlv(0x30, &[fields, attributes].concat())
}

fn friendly_name(name: &str) -> Vec<u8> {
    let units: Vec<_> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
    attribute(20, &tlv(0x1e, &units))
}

fn local_key_id(id: u8) -> Vec<u8> {
    attribute(21, &tlv(0x04, &[id]))
}

/// An attribute of PKCS#9 (RFC 2985).
fn attribute(number: u8, value: &[u8]) -> Vec<u8> {
    let oid = [
        b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09".as_slice(),
        &[number],
    ]
    .concat();
    tlv(0x30, &[oid, tlv(0x31, value)].concat())
}
