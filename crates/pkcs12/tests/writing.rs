//! Stores that are written here, opened by other people's programs: the same keys, chains and names.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod common;

use std::process::ExitCode;

use common::{Folder, PASSWORD};
use keybearer_conformance::{Trial, program, require, run};
use keybearer_core::{Certificate, ErrorKind, PublicKey, Secret, WorkLimit};
use keybearer_pkcs12::{Protection, StoreWriter};
use keybearer_soft::PrivateKey;

type Test = fn(&Folder, &str);

const WAYS: [(&str, Protection); 2] = [
    ("modern.p12", Protection::Modern),
    ("legacy.p12", Protection::Legacy),
];

fn main() -> ExitCode {
    let judged: [(&str, &[&str], Test); 4] = [
        ("openssl", &["version"], openssl),
        ("keytool", &["-help"], keytool),
        ("certtool", &["--version"], certtool),
        ("pk12util", &["-H"], pk12util),
    ];
    let mut trials = Vec::new();
    // openssl makes the keys.
    for (judge, arguments, test) in judged {
        let name = format!("written_for_{judge}");
        let openssl = require("openssl", || program("openssl", &["version"]));
        let trial = |(store, _): &(&'static str, Protection)| {
            let store = *store;
            Trial::test(format!("written_for_{judge}::{store}"), move || {
                test(&written(), store);
                Ok(())
            })
        };
        trials.extend(openssl.trials(&name, |_| {
            let judge = require(judge, || probe(judge, arguments));
            judge.trials(&name, |_| WAYS.iter().map(trial).collect())
        }));
    }
    let openssl = require("openssl", || program("openssl", &["version"]));
    trials.extend(openssl.trials("writing", |_| {
        let test = |name: &str, test: fn(&Folder)| {
            Trial::test(format!("writing::{name}"), move || {
                test(&Folder::new());
                Ok(())
            })
        };
        vec![
            test("what others wrote stays", stays),
            test("an entry is replaced with its chain", replaced),
            test("what is refused", refusals),
        ]
    }));
    run(trials)
}

/// pk12util has no call that succeeds without a store.
fn probe(name: &str, arguments: &[&str]) -> Result<String, String> {
    match program(name, arguments) {
        Err(told) if told.contains("cannot be run") => Err(told),
        found if name != "pk12util" => found,
        _ => Ok(String::new()),
    }
}

/// A store in each of the two ways: `Job ä` with a chain of three, and `second` beside it.
fn written() -> Folder {
    let folder = Folder::new();
    authority(&folder);
    folder.key("second", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let chain = ["job.crt", "sub.crt", "root.crt"].map(|name| folder.certificate(name));
    for (name, protection) in WAYS {
        let mut store = StoreWriter::new(&Secret::from(PASSWORD), protection).unwrap();
        store
            .key(Some("Job \u{e4}"), &key(&folder, "job"), &chain)
            .unwrap();
        let second = [folder.certificate("second.crt")];
        store
            .key(Some("second"), &key(&folder, "second"), &second)
            .unwrap();
        std::fs::write(folder.text(name), store.finish().unwrap()).unwrap();
    }
    folder
}

/// `job.crt`, issued by `sub.crt`, issued by `root.crt`.
fn authority(folder: &Folder) {
    folder.key("root", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    for (name, kind, issuer) in [
        (
            "sub",
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            "root",
        ),
        ("job", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "sub"),
    ] {
        folder.run("openssl", &format!("genpkey {kind} -out {name}.pem"));
        folder.run(
            "openssl",
            &format!("req -new -key {name}.pem -subj /CN={name} -out {name}.csr"),
        );
        let extensions = match name {
            "sub" => "basicConstraints=critical,CA:TRUE",
            _ => "basicConstraints=CA:FALSE",
        };
        std::fs::write(folder.text("extensions"), extensions).unwrap();
        folder.run(
            "openssl",
            &format!(
                "x509 -req -in {name}.csr -CA {issuer}.crt -CAkey {issuer}.pem -CAcreateserial -days 30 -extfile extensions -out {name}.crt"
            ),
        );
    }
}

fn key(folder: &Folder, name: &str) -> PrivateKey {
    let arguments = format!("pkcs8 -topk8 -nocrypt -outform DER -in {name}.pem");
    PrivateKey::from_pkcs8_der(&folder.run("openssl", &arguments)).unwrap()
}

fn openssl(folder: &Folder, store: &str) {
    let out = folder.run(
        "openssl",
        &format!("pkcs12 -in {store} -passin pass:{PASSWORD} -nodes"),
    );
    let out = String::from_utf8_lossy(&out).into_owned();
    assert_eq!(out.matches("BEGIN PRIVATE KEY").count(), 2);
    assert_eq!(out.matches("friendlyName: second").count(), 2);
    assert_eq!(out.matches("friendlyName: Job ").count(), 2);
    assert_eq!(out.matches("localKeyID").count(), 4);
    let certificates = Certificate::from_file(out.as_bytes()).unwrap();
    for name in ["job.crt", "sub.crt", "root.crt", "second.crt"] {
        assert!(certificates.contains(&folder.certificate(name)), "{name}");
    }
    assert_eq!(certificates.len(), 4);
    check_keys(folder, &out);
    let told = folder.run_both(
        "openssl",
        &format!("pkcs12 -in {store} -passin pass:{PASSWORD} -info -noout"),
    );
    let expected: &[&str] = match store {
        "modern.p12" => &[
            "sha256, Iteration 100000",
            "PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256",
        ],
        _ => &[
            "sha1, Iteration 50000",
            "pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 50000",
        ],
    };
    for part in expected {
        assert!(told.contains(part), "{told}");
    }
    let wrong = std::process::Command::new("openssl")
        .args(["pkcs12", "-in", &folder.text(store), "-noout"])
        .args(["-passin", "pass:wrong"])
        .output()
        .unwrap();
    assert!(!wrong.status.success());
}

/// Checks the private keys of a PEM text, in their order, against those that were written.
fn check_keys(folder: &Folder, text: &str) {
    let parts: Vec<_> = text.split("-----BEGIN ").skip(1).collect();
    let keys = parts.iter().filter(|part| {
        let label = part.lines().next().unwrap_or_default();
        label.contains("PRIVATE KEY")
    });
    let mut names = ["job", "second"].iter();
    for part in keys {
        let name = names.next().unwrap();
        std::fs::write(folder.text("out.pem"), format!("-----BEGIN {part}")).unwrap();
        let arguments = format!("pkey -in out.pem -pubout -passin pass:{PASSWORD}");
        let public = folder.run("openssl", &arguments);
        assert_eq!(PublicKey::from_file(&public).unwrap(), folder.public(name));
    }
    assert_eq!(names.next(), None, "{text}");
}

fn keytool(folder: &Folder, store: &str) {
    let common = format!("-keystore {store} -storepass {PASSWORD}");
    let list = folder.run("keytool", &format!("-list -v {common}"));
    let list = String::from_utf8_lossy(&list).into_owned();
    for part in [
        "contains 2 entries",
        "Certificate chain length: 3",
        "Certificate chain length: 1",
        "Alias name: second",
        "Alias name: job",
    ] {
        assert!(list.contains(part), "{list}");
    }
    assert_eq!(list.matches("PrivateKeyEntry").count(), 2);
    // It decrypts the keys too, and openssl finds in what it makes of them the same ones.
    folder.run(
        "keytool",
        &format!(
            "-importkeystore -noprompt -srckeystore {store} -srcstorepass {PASSWORD} -destkeystore again.p12 -deststoretype PKCS12 -deststorepass {PASSWORD}"
        ),
    );
    let again = folder
        .open("again.p12", Some("job \u{e4}"), Some(PASSWORD))
        .unwrap();
    assert_eq!(again.public, folder.public("job"));
    assert_eq!(again.chain.len(), 3);
}

fn certtool(folder: &Folder, store: &str) {
    let told = folder.run_both(
        "certtool",
        &format!("--p12-info --inder --infile {store} --password {PASSWORD}"),
    );
    assert!(told.contains("Friendly name: second"), "{told}");
    check_keys(folder, &told);
    let certificates = Certificate::from_file(told.as_bytes()).unwrap();
    for name in ["job.crt", "sub.crt", "root.crt", "second.crt"] {
        assert!(certificates.contains(&folder.certificate(name)), "{name}");
    }
}

fn pk12util(folder: &Folder, store: &str) {
    std::fs::create_dir(folder.text("nss")).unwrap();
    folder.run("certutil", "-N -d nss --empty-password");
    folder.run("pk12util", &format!("-i {store} -d nss -W {PASSWORD}"));
    let keys = folder.run("certutil", "-K -d nss");
    let keys = String::from_utf8_lossy(&keys).into_owned();
    assert!(
        keys.contains("rsa") && keys.contains("ec"),
        "both keys: {keys}"
    );
    assert!(keys.contains("second") && keys.contains("Job"), "{keys}");
    let certificate = folder.run("certutil", "-L -d nss -n second -a");
    let certificate = Certificate::from_file(&certificate).unwrap().remove(0);
    assert_eq!(certificate, folder.certificate("second.crt"));
}

/// A store of openssl's gets one more entry: its own key, certificate and names stay, and openssl reads both.
fn stays(folder: &Folder) {
    folder.key("first", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    folder.key("more", "-algorithm ED25519");
    folder.run(
        "openssl",
        &format!(
            "pkcs12 -export -legacy -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -name First -inkey first.pem -in first.crt -passout pass:{PASSWORD} -out store.p12"
        ),
    );
    let mut store = read(folder, "store.p12");
    assert_eq!(store.find("FIRST"), Some("First"));
    assert!(store.has_keys());
    store
        .key(
            Some("more"),
            &key(folder, "more"),
            &[folder.certificate("more.crt")],
        )
        .unwrap();
    std::fs::write(folder.text("store.p12"), store.finish().unwrap()).unwrap();
    for (alias, name) in [("First", "first"), ("more", "more")] {
        let opened = folder
            .open("store.p12", Some(alias), Some(PASSWORD))
            .unwrap();
        assert_eq!(opened.public, folder.public(name));
        assert_eq!(
            opened.chain,
            [folder.certificate(&format!("{name}.crt"))],
            "{name}"
        );
    }
    let told = folder.run_both(
        "openssl",
        &format!("pkcs12 -in store.p12 -passin pass:{PASSWORD} -info -nodes"),
    );
    assert!(told.contains("Shrouded Keybag: pbeWithSHA1And3-KeyTripleDES-CBC"));
    assert!(told.contains("Shrouded Keybag: PBES2"), "{told}");
    assert_eq!(told.matches("BEGIN PRIVATE KEY").count(), 2);
}

/// The replaced key's certificates go, but not those that another key needs.
fn replaced(folder: &Folder) {
    authority(folder);
    folder.key("other", "-algorithm ED25519");
    let sub = folder.certificate("sub.crt");
    let root = folder.certificate("root.crt");
    let mut store = StoreWriter::new(&Secret::from(PASSWORD), Protection::Modern).unwrap();
    let job = [folder.certificate("job.crt"), sub.clone(), root.clone()];
    store.key(Some("Job"), &key(folder, "job"), &job).unwrap();
    store
        .key(
            Some("sub"),
            &key(folder, "sub"),
            &[sub.clone(), root.clone()],
        )
        .unwrap();
    let other = [folder.certificate("other.crt")];
    store
        .key(Some("jOB"), &key(folder, "other"), &other)
        .unwrap();
    std::fs::write(folder.text("a.p12"), store.finish().unwrap()).unwrap();
    let certificates = |name: &str| {
        let out = folder.run(
            "openssl",
            &format!("pkcs12 -in {name} -passin pass:{PASSWORD} -nokeys"),
        );
        Certificate::from_file(&out).unwrap()
    };
    let found = certificates("a.p12");
    assert!(!found.contains(&job[0]));
    for kept in [&sub, &root, &other[0]] {
        assert!(found.contains(kept));
    }
    let mut store = read(folder, "a.p12");
    store
        .key(Some("sub"), &key(folder, "other"), &other)
        .unwrap();
    std::fs::write(folder.text("a.p12"), store.finish().unwrap()).unwrap();
    let found = certificates("a.p12");
    assert!(found.iter().all(|found| *found == other[0]), "{found:?}");
    let entries = folder.entries("a.p12", Some(PASSWORD)).unwrap().entries;
    let names: Vec<_> = entries.iter().map(|entry| entry.alias.clone()).collect();
    assert_eq!(names, [Some("jOB".into()), Some("sub".into())]);
}

fn refusals(folder: &Folder) {
    folder.key("first", "-algorithm ED25519");
    folder.key("other", "-algorithm ED25519");
    let new = |password: &[u8]| StoreWriter::new(&Secret::new(password), Protection::Modern);
    for password in [b"".as_slice(), b"\xff\xfe"] {
        assert_eq!(new(password).unwrap_err().kind(), ErrorKind::BadSecret);
    }
    let mut store = new(PASSWORD.as_bytes()).unwrap();
    let first = key(folder, "first");
    let other = [folder.certificate("other.crt")];
    let error = store.key(Some("first"), &first, &other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("another key"), "{error}");
    assert!(store.key(Some(""), &first, &[]).is_err());
    assert!(!store.has_keys());
    store.key(None, &first, &[]).unwrap();
    assert!(!format!("{store:?}").contains(PASSWORD), "{store:?}");
    std::fs::write(folder.text("bare.p12"), store.finish().unwrap()).unwrap();
    let opened = folder.open("bare.p12", None, Some(PASSWORD)).unwrap();
    assert_eq!(opened.public, folder.public("first"));
    assert!(opened.chain.is_empty());
    let bytes = folder.read("bare.p12");
    let wrong = StoreWriter::read(
        &bytes,
        &Secret::from("wrong"),
        Protection::Modern,
        WorkLimit::default(),
    );
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::BadSecret);
    folder.run(
        "openssl",
        &format!(
            "pkcs12 -export -nomac -inkey first.pem -in first.crt -passout pass:{PASSWORD} -out unvouched.p12"
        ),
    );
    let unvouched = StoreWriter::read(
        &folder.read("unvouched.p12"),
        &Secret::from(PASSWORD),
        Protection::Modern,
        WorkLimit::default(),
    );
    assert_eq!(unvouched.unwrap_err().kind(), ErrorKind::Unsupported);
}

fn read(folder: &Folder, name: &str) -> StoreWriter {
    let password = Secret::from(PASSWORD);
    let (bytes, work) = (folder.read(name), WorkLimit::default());
    StoreWriter::read(&bytes, &password, Protection::Modern, work).unwrap()
}
