//! Damaged and hostile stores.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::{fs, path::Path, process::ExitCode};

use keybearer_conformance::{HostileFiles, run};
use keybearer_core::{EcCurve, ErrorKind, KeyType, KeyUri, Secret};
use keybearer_jks::StoreWriter;
use support::{Case, PASSWORD, signed};

const DAMAGED: &[ErrorKind] = &[
    ErrorKind::Malformed,
    ErrorKind::BadSecret,
    ErrorKind::Unsupported,
];

fn main() -> ExitCode {
    let case = Case::new();
    let uri = |path: &Path| {
        KeyUri::literal("jks", path.to_str().unwrap())
            .with_attribute("alias", "job")
            .with_attribute("password-source", "env:PASSWORD")
    };
    if let Some(done) = HostileFiles::in_child(&case.registry(), &case.context(), uri) {
        return done;
    }
    let (key, certificate) = case.key(KeyType::Ec(EcCurve::P256), "job").unwrap();
    let password = Secret::from(PASSWORD);
    let mut store = StoreWriter::new();
    store
        .key("job", &key, &password, std::slice::from_ref(&certificate))
        .unwrap();
    store.certificate("trusted", &certificate).unwrap();
    let sound = store.finish(&password).unwrap();
    fs::write(&case.store, &sound).unwrap();
    case.open(&case.uri("job")).unwrap();

    let damaged = HostileFiles::new()
        .file("garbage", b"hello, world".repeat(1000), DAMAGED)
        .file("zeros", vec![0; 1 << 20], DAMAGED)
        .file("magic-alone", &sound[..4], DAMAGED)
        .truncated(&sound, DAMAGED)
        .flipped(&sound, DAMAGED);
    run(vec![
        damaged.trial("damaged stores"),
        hostile(&sound).trial("hostile stores"),
        largest().trial("the largest stores"),
    ])
}

/// Each with a digest that is right.
fn hostile(sound: &[u8]) -> HostileFiles {
    let body = &sound[..sound.len() - 20];
    // The tag, the alias and the date; then the length of the key.
    let key_length = 12 + 4 + 2 + 3 + 8;
    let key = u32::from_be_bytes(body[key_length..key_length + 4].try_into().unwrap());
    let chain_length = key_length + 4 + key as usize;
    let patched = |at: usize, number: u32| {
        let mut bytes = body.to_vec();
        bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
        signed(&bytes)
    };
    let mut files = HostileFiles::new()
        .file("version-0", patched(4, 0), &[ErrorKind::Unsupported])
        .file("version-3", patched(4, 3), &[ErrorKind::Unsupported])
        .file("one-entry-fewer", patched(8, 1), &[ErrorKind::Malformed])
        .file("tag-3", patched(12, 3), &[ErrorKind::Malformed])
        .file(
            "no-key-bytes",
            [&signed(&[&body[..key_length], &[0; 8]].concat())[..]].concat(),
            &[ErrorKind::Malformed],
        );
    for (name, at) in [
        ("entries", 8),
        ("key-length", key_length),
        ("chain", chain_length),
        // After the certificate's type, "X.509".
        ("certificate-length", chain_length + 4 + 7),
    ] {
        for number in [u32::MAX, i32::MAX as u32, 1 << 31] {
            files = files.file(
                format!("{name}-{number}"),
                patched(at, number),
                &[ErrorKind::Malformed],
            );
        }
    }
    for at in chain_length + 15..chain_length + 60 {
        let mut bytes = body.to_vec();
        bytes[at] = 0xff;
        // What a certificate says matters where it is asked for, and not to the key.
        files = files.file(format!("certificate-{at}"), signed(&bytes), &[]);
    }
    for at in key_length + 4..chain_length {
        let mut bytes = body.to_vec();
        bytes[at] ^= 0x40;
        // The parameters of the protector are NULL, and nobody looks at them: two bytes after the object identifier.
        let kinds = if (17..19).contains(&(at - key_length - 4)) {
            &[]
        } else {
            DAMAGED
        };
        files = files.file(format!("key-{at}"), signed(&bytes), kinds);
    }
    files
}

/// 16 MiB of what is small in a file and large in memory.
fn largest() -> HostileFiles {
    const SIZE: usize = (16 << 20) - 100;
    let header = |entries: u32| {
        let mut bytes = vec![0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2];
        bytes.extend(entries.to_be_bytes());
        bytes
    };
    // A certificate of no kind and no bytes, under no name.
    let least = [&[0, 0, 0, 2, 0, 0][..], &[0; 8], &[0, 0, 0, 0, 0, 0]].concat();
    let count = SIZE / least.len();
    let entries = [header(count as u32), least.repeat(count)].concat();
    // A key with a chain of certificates of no bytes.
    let certificate = [&[0, 5][..], b"X.509", &[0, 0, 0, 0]].concat();
    let chain = SIZE / certificate.len() - 10;
    let begin = [&[0, 0, 0, 1, 0, 3][..], b"job", &[0; 8], &[0, 0, 0, 0]].concat();
    let chain = [
        header(1),
        begin.clone(),
        (chain as u32).to_be_bytes().to_vec(),
        certificate.repeat(chain),
    ]
    .concat();
    // One key of all the bytes, and one name of the most.
    let key = [
        header(1),
        begin[..17].to_vec(),
        (SIZE as u32 - 64).to_be_bytes().to_vec(),
        vec![0x30; SIZE - 64],
        vec![0; 4],
    ]
    .concat();
    let name = [
        &[0, 0, 0, 2, 0xff, 0xff][..],
        &[b'a'; 0xffff],
        &[0; 8],
        &[0, 0, 0, 0, 0, 0],
    ]
    .concat();
    let names = [header(255), name.repeat(255)].concat();
    HostileFiles::new()
        .file("entries", signed(&entries), &[ErrorKind::Unsupported])
        .file("chain", signed(&chain), &[ErrorKind::Unsupported])
        .file("key", signed(&key), &[ErrorKind::Malformed])
        .file("names", signed(&names), &[ErrorKind::NotFound])
        .file(
            "too-large",
            vec![0xfe; (16 << 20) + 1],
            &[ErrorKind::Malformed],
        )
}
