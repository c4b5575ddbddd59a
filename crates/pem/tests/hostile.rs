//! Damaged and hostile PEM files.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    path::Path,
    process::{Command, ExitCode},
};

use keybearer_conformance::{HostileFiles, TestEnv, program, require, run};
use keybearer_core::{ErrorKind, KeyUri, Registry};
use keybearer_pem::Pem;

const DAMAGED: &[ErrorKind] = &[
    ErrorKind::Malformed,
    ErrorKind::BadSecret,
    ErrorKind::KeyMismatch,
    ErrorKind::NotFound,
    ErrorKind::Unsupported,
];
const MALFORMED: &[ErrorKind] = &[ErrorKind::Malformed];
const UNSUPPORTED: &[ErrorKind] = &[ErrorKind::Unsupported];

fn main() -> ExitCode {
    let uri = |path: &Path| {
        KeyUri::literal("pem", path.to_str().unwrap())
            .with_attribute("password-source", "env:PASSWORD")
    };
    let env = TestEnv::new().var("PASSWORD", "correct-horse");
    let registry = Registry::new().with(Pem);
    if let Some(done) = HostileFiles::in_child(&registry, &env.context(), uri) {
        return done;
    }
    let mut trials = vec![text().trial("text that is no key")];
    let openssl = require("openssl", || program("openssl", &["version"]));
    trials.extend(openssl.trials("damaged keys of openssl's", |_| {
        vec![
            plain().trial("damaged keys"),
            encrypted().trial("damaged encrypted keys"),
            costly().trial("keys that ask for much work"),
            largest().trial("the largest files"),
        ]
    }));
    run(trials)
}

fn text() -> HostileFiles {
    let block =
        |tag: &str, body: &str| format!("-----BEGIN {tag}-----\n{body}\n-----END {tag}-----\n");
    HostileFiles::new()
        .file("empty", "", MALFORMED)
        .file("blank", " \r\n\t", MALFORMED)
        .file("garbage", "hello, world".repeat(1000), MALFORMED)
        .file(
            "binary",
            (0..=255).cycle().take(100_000).collect::<Vec<u8>>(),
            MALFORMED,
        )
        .file(
            "half a block",
            "-----BEGIN PRIVATE KEY-----\nMIIE",
            MALFORMED,
        )
        .file("begin alone", "-----BEGIN ", MALFORMED)
        .file(
            "other end",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END CERTIFICATE-----\n",
            MALFORMED,
        )
        .file("no base64", block("PRIVATE KEY", "%%%%"), MALFORMED)
        .file("no bytes", block("PRIVATE KEY", ""), MALFORMED)
        .file(
            "nothing encrypted",
            block("ENCRYPTED PRIVATE KEY", "AAAA"),
            MALFORMED,
        )
        .file("no certificate", block("CERTIFICATE", "AAAA"), MALFORMED)
        .file("no pkcs1", block("RSA PRIVATE KEY", "MAA="), MALFORMED)
        .file("no sec1", block("EC PRIVATE KEY", "MAA="), MALFORMED)
        .file(
            "length of 2 gigabytes",
            block("PRIVATE KEY", "MIR/////AgEA"),
            MALFORMED,
        )
        .file(
            "endless length",
            block("PRIVATE KEY", "MIAwgDCAMIA="),
            MALFORMED,
        )
        .file(
            "public half",
            block("PUBLIC KEY", "AAAA"),
            &[ErrorKind::NotFound],
        )
}

fn plain() -> HostileFiles {
    let mut files = HostileFiles::new();
    for (name, arguments) in [
        ("pkcs8", "genpkey -algorithm ED25519"),
        ("sec1", "ecparam -name prime256v1 -genkey -noout"),
        ("pkcs1", "genrsa -traditional 2048"),
    ] {
        let pem = openssl(arguments);
        let (tag, sound) = decoded(&pem);
        let step = sound.len().div_ceil(200);
        for at in (0..sound.len()).step_by(step) {
            files = files.file(
                format!("{name}-cut-{at}"),
                armoured(&tag, &sound[..at]),
                MALFORMED,
            );
            let mut flipped = sound.clone();
            flipped[at] ^= 0x20;
            // Every seed of 32 bytes is an Ed25519 key, and one of another number than before.
            let kinds = if name == "pkcs8" { &[] } else { DAMAGED };
            files = files.file(
                format!("{name}-flipped-{at}"),
                armoured(&tag, &flipped),
                kinds,
            );
        }
        for end in (0..pem.trim_end().len()).step_by(11) {
            files = files.file(
                format!("{name}-text-{end}"),
                &pem.as_bytes()[..end],
                MALFORMED,
            );
        }
    }
    files
}

fn encrypted() -> HostileFiles {
    let pem = openssl("genpkey -algorithm ED25519 -aes-256-cbc -pass pass:correct-horse");
    let (tag, sound) = decoded(&pem);
    let mut files = HostileFiles::new();
    for at in 0..sound.len() {
        files = files.file(format!("cut-{at}"), armoured(&tag, &sound[..at]), MALFORMED);
        let mut flipped = sound.clone();
        flipped[at] ^= 0x10;
        // In CBC mode a bit of the ciphertext is a bit of the key: it may well decrypt to another one.
        files = files.file(format!("flipped-{at}"), armoured(&tag, &flipped), &[]);
    }
    files
}

/// The costs that a file names for its own key derivation.
fn costly() -> HostileFiles {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.pem");
    std::fs::write(&plain, openssl("genpkey -algorithm ED25519")).unwrap();
    let plain = plain.display();
    let topk8 = format!("pkcs8 -topk8 -in {plain} -passout pass:correct-horse");
    let pbkdf2 = decoded(&openssl(&format!("{topk8} -iter 70000")));
    let scrypt = decoded(&openssl(&format!(
        "{topk8} -scrypt -scrypt_N 1024 -scrypt_r 8 -scrypt_p 1"
    )));
    let number = |value: &[u8]| [&[2, value.len() as u8], value].concat();
    // 70,000 in three bytes; N in two bytes, then r and p in one each.
    let before = number(&[0x01, 0x11, 0x70]);
    let costs = [number(&[0x04, 0x00]), number(&[8]), number(&[1])].concat();
    let mut files = HostileFiles::new();
    for (name, value) in [
        ("iterations-2-billion", &[0x77, 0x35, 0x94, 0x00][..]),
        ("iterations-2-to-the-63", &[0x7f; 8]),
        ("iterations-2-to-the-1000", &[0x7f; 126]),
    ] {
        let bytes = replaced(&pbkdf2.1, &before, &number(value));
        files = files.file(name, armoured(&pbkdf2.0, &bytes), UNSUPPORTED);
    }
    for (name, value) in [("iterations-0", &[0][..]), ("iterations-negative", &[0x80])] {
        let bytes = replaced(&pbkdf2.1, &before, &number(value));
        files = files.file(name, armoured(&pbkdf2.0, &bytes), DAMAGED);
    }
    let big: &[u8] = &[0x7f; 7];
    for (name, n, r, p) in [
        ("scrypt-n", &[0x40, 0, 0, 0][..], &[8][..], &[1][..]),
        ("scrypt-r", &[0x04, 0], big, &[1]),
        ("scrypt-p", &[0x04, 0], &[8], &[0x3f, 0xff, 0xff, 0xff]),
        ("scrypt-all", &[0x40, 0, 0, 0, 0, 0, 0], big, big),
    ] {
        let value = [number(n), number(r), number(p)].concat();
        let bytes = replaced(&scrypt.1, &costs, &value);
        files = files.file(name, armoured(&scrypt.0, &bytes), DAMAGED);
    }
    files
}

/// What is small in a file and large in memory; the last one fills the derivation's own allowance of 64 MiB.
fn largest() -> HostileFiles {
    const SIZE: usize = (4 << 20) - 100;
    let empty = "-----BEGIN A-----\n-----END A-----\n";
    let certificate = openssl("req -x509 -newkey ed25519 -nodes -subj /CN=a -keyout /dev/null");
    HostileFiles::new()
        .file("empty blocks", empty.repeat(SIZE / empty.len()), DAMAGED)
        .file(
            "certificates",
            certificate.repeat(SIZE / certificate.len()),
            &[ErrorKind::NotFound],
        )
        .file(
            "one block",
            armoured("PRIVATE KEY", &vec![0x30; SIZE / 4 * 3 - SIZE / 64]),
            DAMAGED,
        )
        .file("line breaks spelled out", "\\n".repeat(SIZE / 2), DAMAGED)
        .file("no letters", vec![0xff; SIZE], DAMAGED)
        .file("begins", "-----BEGIN ".repeat(SIZE / 11), DAMAGED)
        .file("more than the most", vec![b'\n'; 16 << 20], MALFORMED)
        .file(
            "far more than the most",
            vec![b'A'; (16 << 20) + 1],
            MALFORMED,
        )
}

fn openssl(arguments: &str) -> String {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .output()
        .unwrap();
    assert!(output.status.success(), "openssl {arguments}");
    String::from_utf8(output.stdout).unwrap()
}

fn decoded(pem: &str) -> (String, Vec<u8>) {
    let block = pem::parse(pem).unwrap();
    (block.tag().to_owned(), block.into_contents())
}

fn armoured(tag: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(tag, der))
}

/// DER with one part in place of another, and the lengths of all that it is in put right.
fn replaced(der: &[u8], part: &[u8], by: &[u8]) -> Vec<u8> {
    let at = der.windows(part.len()).position(|window| window == part);
    rebuilt(der, at.unwrap(), part, by)
}

fn rebuilt(der: &[u8], at: usize, part: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut offset = 0;
    while offset < der.len() {
        let rest = &der[offset..];
        if offset == at {
            out.extend(by);
            offset += part.len();
            continue;
        }
        let (header, length) = match rest[1] {
            short @ 0..=0x7f => (2, usize::from(short)),
            0x81 => (3, usize::from(rest[2])),
            _ => (4, usize::from(rest[2]) << 8 | usize::from(rest[3])),
        };
        let content = &rest[header..header + length];
        let inside = at > offset && at < offset + header + length;
        let content = if inside {
            rebuilt(content, at - offset - header, part, by)
        } else {
            content.to_vec()
        };
        out.push(rest[0]);
        match content.len() {
            short @ 0..=0x7f => out.push(short as u8),
            middle @ 0x80..=0xff => out.extend([0x81, middle as u8]),
            long => out.extend([0x82, (long >> 8) as u8, long as u8]),
        }
        out.extend(content);
        offset += header + length;
    }
    out
}
