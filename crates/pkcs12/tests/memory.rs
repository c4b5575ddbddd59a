//! The largest files that are read, in the forms that are copied most: alone in its process, whose memory is measured.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod common;

use common::{
    Folder, PASSWORD,
    builder::{bag, certificate_bag, content_info, data_safe, large_certificate, pfx, tlv},
    open_file,
};
use keybearer_core::{ErrorKind, Secret};
use keybearer_soft::{
    ber::{Element, tag},
    pbe,
};

/// In KiB.
const LIMIT: u64 = 64 << 10;

#[test]
fn large_files_take_little_memory() {
    let folder = Folder::new();
    let before = peak();
    for name in ["pieces", "certificates", "bags", "sealed"] {
        // Made by another process: its memory is not to be counted.
        let made = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "makes_a_file", "--nocapture"])
            .env("KEYBEARER_TEST_FILE", folder.text(name))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let path = folder.text(name);
        assert!(std::fs::metadata(&path).unwrap().len() > 7 << 20);
        let error = open_file(path.as_ref(), 5_000_000).unwrap_err();
        let kinds = [ErrorKind::NotFound, ErrorKind::Unsupported];
        assert!(kinds.contains(&error.kind()), "{name}: {error:?}");
        let taken = peak() - before;
        assert!(taken < LIMIT, "{name}: {taken} KiB: {error:?}");
        println!("{name}: {taken} KiB: {error}");
    }
}

#[test]
fn makes_a_file() {
    let Ok(path) = std::env::var("KEYBEARER_TEST_FILE") else {
        return;
    };
    let bags = |count| -> Vec<u8> {
        let bags = (0..count).map(|number| bag(3, &certificate_bag(&large_certificate(number))));
        tlv(0x30, &bags.collect::<Vec<_>>().concat())
    };
    let bytes = match path.rsplit('/').next().unwrap() {
        "pieces" => {
            let safes = tlv(0x30, &data_safe(&bags(25)));
            let pieces: Vec<_> = safes.iter().flat_map(|byte| [4, 1, *byte]).collect();
            let content = content_info(&tlv(0x24, &pieces));
            tlv(0x30, &[b"\x02\x01\x03", content.as_slice()].concat())
        }
        "certificates" => pfx(&data_safe(&bags(75)), &[]),
        "bags" => {
            let bags = bag(5, &tlv(5, &[])).repeat(400_000);
            pfx(&data_safe(&tlv(0x30, &bags)), &[])
        }
        _ => pfx(&sealed_safe(&bags(75)), &[]),
    };
    std::fs::write(path, bytes).unwrap();
}

/// An encrypted safe whose ciphertext lies in pieces.
fn sealed_safe(contents: &[u8]) -> Vec<u8> {
    let sealed = pbe::encrypt_pkcs8(&Secret::new(contents), &PASSWORD.into()).unwrap();
    let mut fields = Element::read(&sealed).unwrap().open(tag::SEQUENCE).unwrap();
    let algorithm = fields.next().unwrap().encoding;
    let ciphertext = fields.next().unwrap().content;
    let pieces: Vec<_> = ciphertext
        .chunks(4096)
        .map(|piece| tlv(tag::OCTET_STRING, piece))
        .collect();
    let data = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    let info = [data, algorithm, &tlv(0xa0, &pieces.concat())].concat();
    let encrypted = tlv(0x30, &[b"\x02\x01\0", tlv(0x30, &info).as_slice()].concat());
    let kind = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06";
    tlv(0x30, &[kind.as_slice(), &tlv(0xa0, &encrypted)].concat())
}

/// The most memory that this process has had (proc(5)), in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.unwrap().split_whitespace().nth(1);
    number.unwrap().parse().unwrap()
}
