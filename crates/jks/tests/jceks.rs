//! JCEKS stores of keytool's.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::{fs, path::Path, process::ExitCode};

use keybearer_conformance::{Failed, HostileFiles, Trial, program, require, run};
use keybearer_core::{Algorithm, EntryKind, ErrorKind, KeyType, KeyUri, Provider as _, WorkLimit};
use keybearer_jks::Jks;
use support::{Case, PASSWORD, signed};

const REFUSED: &[ErrorKind] = &[
    ErrorKind::Malformed,
    ErrorKind::BadSecret,
    ErrorKind::Unsupported,
];

fn main() -> ExitCode {
    let case = Case::new();
    // Deriving a key takes a second without optimisation: it is asked for where it is what is tried.
    let uri = |path: &Path| {
        let alias = if path.ends_with("rounds") {
            "job"
        } else {
            "none"
        };
        KeyUri::literal("jks", path.to_str().unwrap())
            .with_attribute("alias", alias)
            .with_attribute("password-source", "env:PASSWORD")
            .with_attribute("key-password-source", "env:OTHER")
    };
    if let Some(done) = HostileFiles::in_child(&case.registry(), &case.context(), uri) {
        return done;
    }
    let keytool = require("keytool", || program("keytool", &["-help"]));
    run(keytool.trials("JCEKS stores of keytool's", |_| {
        let case = store();
        let sound = fs::read(&case.store).unwrap();
        vec![
            damaged(&sound).trial("damaged JCEKS stores"),
            hostile(&sound).trial("hostile JCEKS stores"),
            Trial::test("keys of a JCEKS store", move || opened(&case)),
        ]
    }))
}

/// A key, a secret key and a password before and after it, a trusted certificate, and a key with the store's password.
fn store() -> Case {
    let case = Case::new();
    let keytool = |arguments: &str| {
        let common = format!("-storetype JCEKS -storepass {PASSWORD}");
        case.keytool(&format!("{arguments} {common}")).unwrap()
    };
    keytool(&format!(
        "-genseckey -alias aes -keyalg AES -keysize 256 -keypass {PASSWORD}"
    ));
    keytool("-genkeypair -keyalg RSA -alias job -dname CN=job -keypass other-password");
    keytool(&format!(
        "-genseckey -alias mac -keyalg HmacSHA256 -keysize 256 -keypass {PASSWORD}"
    ));
    let certificate = case.store.with_extension("crt");
    fs::write(&certificate, keytool("-exportcert -rfc -alias job")).unwrap();
    keytool(&format!(
        "-importcert -noprompt -alias trusted -file {}",
        certificate.display()
    ));
    keytool(&format!(
        "-genkeypair -keyalg EC -groupname secp256r1 -alias ec -dname CN=ec -keypass {PASSWORD}"
    ));
    case
}

fn opened(case: &Case) -> Result<(), Failed> {
    let own = case
        .uri("JOB")
        .with_attribute("key-password-source", "env:OTHER");
    for (uri, alias, password, algorithm) in [
        (own.clone(), "job", "other-password", Algorithm::Rs256),
        (case.uri("ec"), "ec", PASSWORD, Algorithm::Es256),
    ] {
        let signer = case.open(&uri)?;
        case.block(signer.sign(algorithm, b"header.claims"))?;
        let public = case.public_through_pkcs12(alias, password)?;
        if case.block(signer.public_key())? != public
            || case.block(signer.certificate_chain())?.len() != 1
        {
            return Err(format!("{alias}: {signer:?}").into());
        }
    }
    let told = case.block(Jks.entries(&case.uri("job"), &case.context()))?;
    let mut kinds: Vec<_> = told
        .entries
        .iter()
        .map(|entry| (entry.alias.as_deref(), entry.kind))
        .collect();
    kinds.sort_by_key(|(alias, _)| alias.map(str::to_owned));
    let expected = [
        ("aes", EntryKind::Secret),
        ("ec", EntryKind::Key),
        ("job", EntryKind::Key),
        ("mac", EntryKind::Secret),
        ("trusted", EntryKind::Certificate),
    ];
    if told.format != "JCEKS" || kinds != expected.map(|(alias, kind)| (Some(alias), kind)) {
        return Err(format!("{told:?}").into());
    }
    for (uri, kind) in [
        (case.uri("job"), ErrorKind::BadSecret),
        (
            own.clone().with_attribute("password-source", "env:OTHER"),
            ErrorKind::BadSecret,
        ),
        (case.uri("aes"), ErrorKind::NotFound),
        (case.uri("trusted"), ErrorKind::NotFound),
    ] {
        let error = case.open(&uri).unwrap_err();
        if error.kind() != kind {
            return Err(format!("{uri}: {error:?}").into());
        }
    }
    // keytool's 200,000 rounds.
    let mut context = case.context();
    context.work = WorkLimit::new(199_999, 1 << 20);
    let error = case
        .block(case.registry().open(&own, &context))
        .unwrap_err();
    if error.kind() != ErrorKind::Unsupported || !error.to_string().contains("200000 rounds") {
        return Err(format!("{error:?}").into());
    }
    let error = case
        .make(&case.uri("new"), KeyType::Ed25519, false)
        .unwrap_err();
    if error.kind() != ErrorKind::Unsupported {
        return Err(format!("{error:?}").into());
    }
    Ok(())
}

fn damaged(sound: &[u8]) -> HostileFiles {
    let mut files = HostileFiles::new();
    for at in (0..sound.len()).step_by(3) {
        let mut flipped = sound.to_vec();
        flipped[at] ^= 0x80;
        files = files.file(format!("flipped-{at}"), flipped, REFUSED).file(
            format!("cut-{at}"),
            &sound[..at],
            REFUSED,
        );
    }
    files
}

/// With a digest that is right: secret keys whose serialized objects are endless, and iteration counts.
fn hostile(sound: &[u8]) -> HostileFiles {
    let body = &sound[..sound.len() - 20];
    let mut files = HostileFiles::new();
    let secret = body
        .windows(4)
        .position(|bytes| bytes == [0xac, 0xed, 0, 5])
        .unwrap();
    for at in secret + 4..secret + 330 {
        for value in [0x00, 0x70, 0x71, 0x73, 0x75, 0xff] {
            let mut bytes = body.to_vec();
            bytes[at] = value;
            // What nobody looks at may be anything.
            files = files.file(format!("object-{at}-{value}"), signed(&bytes), &[]);
        }
    }
    // 200,000, as DER writes it, becomes 8 million.
    let rounds = [2, 3, 3, 0x0d, 0x40];
    let mut bytes = body.to_vec();
    let places: Vec<_> = (0..body.len() - 5)
        .filter(|at| body[*at..at + 5] == rounds)
        .collect();
    assert!(places.len() >= 2);
    for at in places {
        bytes[at + 2] = 0x7f;
    }
    files = files.file("rounds", signed(&bytes), &[ErrorKind::Unsupported]);
    let header = [
        &[
            0xce, 0xce, 0xce, 0xce, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0,
        ][..],
        &[0; 8],
    ]
    .concat();
    // Arrays in arrays, an array of four billion objects, a string of 2^63 bytes.
    let array = [
        &[0x75, 0x72, 0, 2][..],
        b"[L",
        &[0; 8],
        &[2, 0, 0, 0x78, 0x70],
        &[0xff; 4],
    ]
    .concat();
    let again = [0x75, 0x71, 0, 0x7e, 0, 0, 0xff, 0xff, 0xff, 0xff];
    let stream = [0xac, 0xed, 0, 5];
    for (name, object) in [
        ("arrays", [&array[..], &again.repeat(1 << 20)].concat()),
        ("nulls", [&array[..], &[0x70].repeat(8 << 20)].concat()),
        ("string", [&[0x7c, 0x80][..], &[0; 7]].concat()),
        (
            "classes",
            [
                &[0x73][..],
                &[0x72, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0x78].repeat(1 << 19),
            ]
            .concat(),
        ),
    ] {
        let bytes = [&header[..], &stream, &object].concat();
        files = files.file(name, signed(&bytes), &[ErrorKind::Malformed]);
    }
    files
}
