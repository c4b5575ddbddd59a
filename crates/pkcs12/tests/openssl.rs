//! Stores that openssl writes: what is found in them is what was put in.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod common;

use std::{process::ExitCode, sync::Arc};

use common::{Folder, PASSWORD};
use keybearer_conformance::{Trial, program, require, run};
use keybearer_core::{EntryKind, ErrorKind, Result};

type Test = fn(&Folder);

const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const EC: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

/// Options of `openssl pkcs12 -export`, each of which writes another kind of file.
const VARIANTS: &[(&str, &str)] = &[
    ("default", ""),
    ("named", "-name jobcert"),
    ("legacy", "-legacy"),
    ("des3", "-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES"),
    ("des2", "-certpbe PBE-SHA1-2DES -keypbe PBE-SHA1-2DES"),
    (
        "rc2_128",
        "-legacy -certpbe PBE-SHA1-RC2-128 -keypbe PBE-SHA1-RC2-128",
    ),
    (
        "rc4",
        "-legacy -certpbe PBE-SHA1-RC4-128 -keypbe PBE-SHA1-RC4-40",
    ),
    ("aes_128", "-certpbe AES-128-CBC -keypbe AES-128-CBC"),
    ("aes_192", "-certpbe AES-192-CBC -keypbe AES-192-CBC"),
    ("pbes2_des3", "-certpbe DES-EDE3-CBC -keypbe DES-EDE3-CBC"),
    ("mac_sha1", "-macalg sha1"),
    ("mac_sha224", "-macalg sha224"),
    ("mac_sha384", "-macalg sha384"),
    ("mac_sha512", "-macalg sha512"),
    ("mac_once", "-nomaciter"),
    ("no_mac", "-nomac"),
    ("plain_certificates", "-certpbe NONE"),
    ("plain_key", "-keypbe NONE"),
    ("plain", "-certpbe NONE -keypbe NONE"),
    ("plain_without_mac", "-certpbe NONE -keypbe NONE -nomac"),
    ("many_rounds", "-iter 600000"),
    ("one_round", "-iter 1"),
];

const TESTS: &[(&str, Test)] = &[
    ("key_types_are_read", key_types),
    ("names_are_read", names),
    ("passwords_beyond_ascii", passwords),
    ("an_empty_password_needs_none", empty_password),
    ("chains_are_put_in_order", chain),
    ("the_certificate_is_the_keys", tied_certificate),
    ("a_trust_store_is_told", trust_store),
    ("no_mac_is_told", no_mac),
    ("what_is_not_read_is_named", not_read),
    ("a_glance_needs_no_password", glance),
];

fn main() -> ExitCode {
    let openssl = require("openssl", || program("openssl", &["version"]));
    run(openssl.trials("openssl", |_| {
        let folder = Arc::new(Folder::new());
        folder.key("rsa", RSA);
        let variant = |(name, options): &(&'static str, &'static str)| {
            let (folder, name, options) = (folder.clone(), *name, *options);
            Trial::test(format!("openssl::{name}"), move || {
                variant(&folder, name, options);
                Ok(())
            })
        };
        let test = |(name, test): &(&'static str, Test)| {
            let (name, test) = (format!("openssl::{name}"), *test);
            Trial::test(name, move || {
                test(&Folder::new());
                Ok(())
            })
        };
        let variants = VARIANTS.iter().map(variant);
        variants.chain(TESTS.iter().map(test)).collect()
    }))
}

fn variant(folder: &Folder, name: &str, options: &str) {
    let file = format!("{name}.p12");
    let password = format!("-passout pass:{PASSWORD}");
    folder.run(
        "openssl",
        &format!("pkcs12 -export -inkey rsa.pem -in rsa.crt {password} {options} -out {file}"),
    );
    let opened = folder.open(&file, None, Some(PASSWORD)).unwrap();
    assert_eq!(opened.public, folder.public("rsa"));
    assert_eq!(opened.chain, [folder.certificate("rsa.crt")]);

    let entries = folder.entries(&file, Some(PASSWORD)).unwrap();
    assert_eq!(entries.format, "PKCS#12");
    let [entry] = entries.entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!(entry.kind, EntryKind::Key);
    assert_eq!(entry.bits, Some(2048));
    assert_eq!(entry.certificates, opened.chain);

    let is_sealed = name != "plain_without_mac";
    for (password, kind) in [
        (Some("battery-staple"), ErrorKind::BadSecret),
        (None, ErrorKind::BadSecret),
    ] {
        let opened = folder.open(&file, None, password);
        assert_eq!(kind_of(&opened), is_sealed.then_some(kind), "{opened:?}");
    }
}

fn key_types(folder: &Folder) {
    for (name, kind) in [
        ("p256", EC),
        ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        ("ed25519", "-algorithm ED25519"),
        ("rsa4096", "-algorithm RSA -pkeyopt rsa_keygen_bits:4096"),
    ] {
        folder.key(name, kind);
        export(folder, name, "");
        let opened = folder
            .open(&format!("{name}.p12"), None, Some(PASSWORD))
            .unwrap();
        assert_eq!(opened.public, folder.public(name));
        assert_eq!(opened.chain.len(), 1);
    }
}

fn names(folder: &Folder) {
    folder.key("ec", EC);
    for name in ["J\u{f6}b", "\u{5de5}\u{4f5c}", "a b\"c"] {
        folder.run_words(
            "openssl",
            &[
                "pkcs12",
                "-export",
                "-inkey",
                "ec.pem",
                "-in",
                "ec.crt",
                "-name",
                name,
                "-passout",
                "pass:correct-horse",
                "-out",
                "named.p12",
            ],
        );
        let entries = folder.entries("named.p12", Some(PASSWORD)).unwrap();
        assert_eq!(entries.entries[0].alias.as_deref(), Some(name));
        let upper = name.to_uppercase();
        for asked in [None, Some(name), Some(upper.as_str())] {
            let opened = folder.open("named.p12", asked, Some(PASSWORD)).unwrap();
            assert_eq!(opened.id.attribute("alias"), Some(name));
        }
        let missing = folder
            .open("named.p12", Some("other"), Some(PASSWORD))
            .unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let listed = name.escape_debug().to_string();
        assert!(missing.hint().unwrap().contains(&listed), "{missing:?}");
    }
    // Without a name: as keytool counts.
    export(folder, "ec", "");
    assert!(folder.open("ec.p12", Some("1"), Some(PASSWORD)).is_ok());
    let opened = folder.open("ec.p12", None, Some(PASSWORD)).unwrap();
    assert_eq!(opened.id.attribute("alias"), None);
}

fn passwords(folder: &Folder) {
    folder.key("ec", EC);
    for (number, password) in [
        "p\u{e4}ssw\u{f6}rd\u{20ac}",
        "key\u{1f511}",
        " with spaces ",
        "x",
    ]
    .iter()
    .enumerate()
    {
        for options in [&[][..], &["-legacy"]] {
            let pass = format!("pass:{password}");
            let file = format!("{number}.p12");
            let words = [
                &[
                    "pkcs12", "-export", "-inkey", "ec.pem", "-in", "ec.crt", "-passout", &pass,
                    "-out", &file,
                ],
                options,
            ]
            .concat();
            folder.run_words("openssl", &words);
            let opened = folder.open(&file, None, Some(password)).unwrap();
            assert_eq!(opened.public, folder.public("ec"));
        }
    }
}

fn empty_password(folder: &Folder) {
    folder.key("ec", EC);
    for options in ["", "-legacy", "-nomac", "-iter 600000"] {
        folder.run(
            "openssl",
            &format!(
                "pkcs12 -export -inkey ec.pem -in ec.crt -passout pass: {options} -out empty.p12"
            ),
        );
        for password in [None, Some("")] {
            let opened = folder.open("empty.p12", None, password).unwrap();
            assert_eq!(opened.public, folder.public("ec"), "{options}");
            assert_eq!(
                folder.entries("empty.p12", password).unwrap().entries.len(),
                1
            );
        }
        let wrong = folder.open("empty.p12", None, Some("x"));
        assert_eq!(kind_of(&wrong), Some(ErrorKind::BadSecret));
    }
}

/// Root, intermediate and leaf, in the wrong order in the file.
fn chain(folder: &Folder) {
    folder.key("root", EC);
    folder.key("leaf", EC);
    for (name, issuer) in [("middle", "root"), ("leaf", "middle")] {
        if name == "middle" {
            folder.run("openssl", &format!("genpkey {EC} -out middle.pem"));
        }
        folder.run(
            "openssl",
            &format!("req -new -key {name}.pem -subj /CN={name} -out {name}.csr"),
        );
        folder.run(
            "openssl",
            &format!("x509 -req -in {name}.csr -CA {issuer}.crt -CAkey {issuer}.pem -CAcreateserial -days 30 -out {name}.crt"),
        );
    }
    let pool = [folder.read("root.crt"), folder.read("middle.crt")].concat();
    std::fs::write(folder.text("pool.crt"), pool).unwrap();
    export(folder, "leaf", "-certfile pool.crt");
    let opened = folder.open("leaf.p12", None, Some(PASSWORD)).unwrap();
    let expected = ["leaf.crt", "middle.crt", "root.crt"].map(|name| folder.certificate(name));
    assert_eq!(opened.chain, expected);
    let entries = folder.entries("leaf.p12", Some(PASSWORD)).unwrap();
    assert_eq!(entries.entries.len(), 1);
    assert_eq!(entries.entries[0].certificates, expected);
}

/// Two certificates of one key: the one that shares the key's id comes first, also where it stands last.
fn tied_certificate(folder: &Folder) {
    folder.key("ec", EC);
    folder.run(
        "openssl",
        "req -x509 -key ec.pem -subj /CN=renewed -days 30 -out renewed.crt",
    );
    std::fs::write(
        folder.text("both.crt"),
        [folder.read("renewed.crt"), folder.read("ec.crt")].concat(),
    )
    .unwrap();
    folder.run(
        "openssl",
        &format!("pkcs12 -export -inkey ec.pem -in ec.crt -certfile both.crt -passout pass:{PASSWORD} -out ec.p12"),
    );
    let opened = folder.open("ec.p12", None, Some(PASSWORD)).unwrap();
    assert_eq!(opened.chain.first(), Some(&folder.certificate("ec.crt")));
}

fn trust_store(folder: &Folder) {
    folder.key("ca", EC);
    folder.run(
        "openssl",
        &format!(
            "pkcs12 -export -nokeys -in ca.crt -caname Root -passout pass:{PASSWORD} -out trust.p12"
        ),
    );
    let error = folder.open("trust.p12", None, Some(PASSWORD)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("\"Root\""), "{error}");
    let entries = folder.entries("trust.p12", Some(PASSWORD)).unwrap();
    assert_eq!(entries.entries[0].kind, EntryKind::Certificate);
    assert_eq!(
        entries.entries[0].certificates,
        [folder.certificate("ca.crt")]
    );
}

fn no_mac(folder: &Folder) {
    folder.key("ec", EC);
    for options in ["-nomac", "-nomac -keypbe NONE -certpbe NONE"] {
        export(folder, "ec", options);
        let entries = folder.entries("ec.p12", Some(PASSWORD)).unwrap();
        let note = entries.entries[0].note.clone().unwrap();
        assert!(note.contains("no MAC"), "{note}");
    }
}

fn not_read(folder: &Folder) {
    folder.key("ec", EC);
    for (options, name) in [
        (
            "-certpbe CAMELLIA-256-CBC -keypbe CAMELLIA-256-CBC",
            "Camellia-256",
        ),
        ("-macalg sha3-256", "2.16.840.1.101.3.4.2.8"),
    ] {
        export(folder, "ec", options);
        let error = folder.open("ec.p12", None, Some(PASSWORD)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// openssl encrypts the certificates and the key, but not the key's name.
fn glance(folder: &Folder) {
    folder.key("ec", EC);
    export(folder, "ec", "-name jobcert");
    let entries = folder.entries("ec.p12", None).unwrap();
    assert_eq!(entries.entries.len(), 1);
    assert_eq!(entries.entries[0].alias.as_deref(), Some("jobcert"));
    assert!(
        entries.entries[0]
            .note
            .as_deref()
            .unwrap()
            .contains("not checked")
    );
}

fn export(folder: &Folder, name: &str, options: &str) {
    folder.run(
        "openssl",
        &format!("pkcs12 -export -inkey {name}.pem -in {name}.crt -passout pass:{PASSWORD} {options} -out {name}.p12"),
    );
}

fn kind_of<T>(result: &Result<T>) -> Option<ErrorKind> {
    result.as_ref().err().map(|error| error.kind())
}
