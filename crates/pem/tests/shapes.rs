//! The shapes in which keys are handed around: each opens to the key that openssl sees in it.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::process::ExitCode;

use keybearer_conformance::{Trial, program, require, run};
use keybearer_core::{Algorithm, ErrorKind};
use support::{PASSWORD, certificate, entries, open, opened, openssl, public, spki};

const RSA: &str = "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const EC: &str = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const ED: &str = "genpkey -algorithm ED25519";

fn main() -> ExitCode {
    let openssl = require("openssl", || program("openssl", &["version"]));
    run(openssl.trials("shapes of openssl's keys", |_| {
        let trial = |name: &str, test: fn()| {
            Trial::test(name, move || {
                test();
                Ok(())
            })
        };
        vec![
            trial("encrypted PKCS#8", encrypted_pkcs8),
            trial("encrypted before PKCS#8", encrypted_of_old),
            trial("types and containers", types),
            trial("texts around a key", texts),
            trial("DER in a .pem file", der),
            trial("certificates beside the key", certificates),
            trial("certificates that do not belong", strangers),
            trial("keys for RSASSA-PSS alone", pss),
            trial("a scrypt that costs too much", costly_scrypt),
        ]
    }))
}

fn encrypted_pkcs8() {
    let key = openssl(ED, b"");
    let expected = public(&key);
    let mut ways: Vec<String> = ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3"]
        .iter()
        .map(|cipher| format!("-v2 {cipher}"))
        .collect();
    for hash in ["SHA1", "SHA224", "SHA256", "SHA384", "SHA512"] {
        ways.push(format!("-v2 aes-256-cbc -v2prf hmacWith{hash}"));
    }
    ways.push("-scrypt -v2 aes-256-cbc".into());
    ways.push("-scrypt -v2 des3".into());
    ways.push("-v1 PBE-SHA1-3DES".into());
    for way in ways {
        let topk8 = format!("pkcs8 -topk8 {way} -passout pass:{PASSWORD}");
        let pem = openssl(&topk8, &key);
        assert_eq!(opened(&pem), expected, "{way}");
        let der = openssl(&format!("{topk8} -outform DER"), &key);
        assert_eq!(opened(&der), expected, "{way}, DER");
        let error = open(&pem, "wrong").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadSecret, "{way}");
    }
}

fn encrypted_of_old() {
    for (command, make) in [("rsa", RSA), ("ec", EC)] {
        let key = openssl(make, b"");
        let expected = public(&key);
        for cipher in ["aes128", "aes192", "aes256", "des3"] {
            let traditional = if command == "rsa" {
                " -traditional"
            } else {
                ""
            };
            let write = format!("{command}{traditional} -{cipher} -passout pass:{PASSWORD}");
            let pem = openssl(&write, &key);
            let text = String::from_utf8(pem.clone()).unwrap();
            assert!(text.contains("Proc-Type: 4,ENCRYPTED"), "{text}");
            assert_eq!(opened(&pem), expected, "{write}");
            let dos = text.replace('\n', "\r\n");
            assert_eq!(opened(dos.as_bytes()), expected, "{write}, CRLF");
            let escaped = text.replace('\n', "\\n");
            assert_eq!(opened(escaped.as_bytes()), expected, "{write}, \\n");
            let one_line = text.replace('\n', " ");
            assert_eq!(opened(one_line.as_bytes()), expected, "{write}, one line");
            for wrong in ["wrong", "", "Correct-horse"] {
                let error = open(&pem, wrong).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::BadSecret, "{write}");
            }
            assert!(entries(&pem).unwrap().entries[0].note.is_some());
        }
    }
}

fn types() {
    let rsa = openssl(RSA, b"");
    assert_eq!(opened(&openssl("rsa -traditional", &rsa)), public(&rsa));
    for curve in ["prime256v1", "secp384r1"] {
        // The block EC PARAMETERS comes before the key; the key names its curve too.
        let both = openssl(&format!("ecparam -name {curve} -genkey"), b"");
        assert!(both.starts_with(b"-----BEGIN EC PARAMETERS"));
        assert_eq!(opened(&both), public(&both), "{curve}");
        let alone = openssl(&format!("ecparam -name {curve} -genkey -noout"), b"");
        assert_eq!(opened(&alone), public(&alone), "{curve}");
    }
    // A key that leaves its curve to the block before it: its field [0] is cut out by hand.
    let both = openssl("ecparam -name prime256v1 -genkey", b"");
    let sec1 = openssl("ec -outform DER", &both);
    let mut bare = sec1.clone();
    bare.drain(39..51);
    bare[1] -= 12;
    let key = pem::encode(&pem::Pem::new("EC PRIVATE KEY", bare));
    let parameters = openssl("ecparam -name prime256v1", b"");
    let together = [parameters.as_slice(), key.as_bytes()].concat();
    assert_eq!(opened(&together), public(&both));
    let error = open(key.as_bytes(), "").unwrap_err();
    assert!(
        error.to_string().contains("does not name its curve"),
        "{error}"
    );
    let other = openssl("ecparam -name secp256k1", b"");
    let error = open(&[other.as_slice(), key.as_bytes()].concat(), "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

fn texts() {
    let key = openssl(RSA, b"");
    let text = String::from_utf8(key.clone()).unwrap();
    let utf16 = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let dos = format!("{mark}{}", text.replace('\n', "\r\n"));
        dos.encode_utf16().flat_map(bytes).collect()
    };
    let bag = "Bag Attributes\n    localKeyID: 54 69\nKey Attributes: <No Attributes>\n";
    let body: String = text
        .lines()
        .filter(|line| !line.contains("-----"))
        .collect();
    let shapes: Vec<(&str, Vec<u8>)> = vec![
        ("CRLF", text.replace('\n', "\r\n").into()),
        ("CR", text.replace('\n', "\r").into()),
        ("byte order mark", format!("\u{feff}{text}").into()),
        ("UTF-16LE", utf16("\u{feff}", u16::to_le_bytes)),
        ("UTF-16BE", utf16("\u{feff}", u16::to_be_bytes)),
        ("UTF-16LE, no mark", utf16("", u16::to_le_bytes)),
        ("bag attributes", format!("{bag}{text}").into()),
        (
            "text around",
            format!("the key: of\n{text}\nkeep it \u{e9}\n").into(),
        ),
        ("literal \\n", text.replace('\n', "\\n").into()),
        ("literal \\r\\n", text.replace('\n', "\\r\\n").into()),
        ("escaped twice", text.replace('\n', "\\\\n").into()),
        (
            "quoted",
            format!("KEY=\"{}\"", text.replace('\n', "\\n")).into(),
        ),
        ("spaces for line breaks", text.replace('\n', " ").into()),
        ("no line breaks at all", text.replace('\n', "").into()),
        ("indented", text.replace('\n', "\n    ").into()),
        ("no last line break", text.trim_end().into()),
        (
            "one long line",
            format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n").into(),
        ),
        ("Latin-1 before", [b"cl\xe9:\n", key.as_slice()].concat()),
    ];
    let expected = public(&key);
    for (name, bytes) in shapes {
        assert_eq!(opened(&bytes), expected, "{name}");
    }
    let twins = [key.as_slice(), &openssl(ED, b"")].concat();
    assert_eq!(open(&twins, "").unwrap_err().kind(), ErrorKind::Ambiguous);
    let with_others = [&openssl("pkey -pubout", &key), key.as_slice()].concat();
    assert_eq!(opened(&with_others), expected);
}

fn der() {
    for (name, make, write) in [
        ("PKCS#8", ED, "pkcs8 -topk8 -nocrypt -outform DER"),
        ("PKCS#1", RSA, "rsa -traditional -outform DER"),
        ("SEC1", EC, "ec -outform DER"),
    ] {
        let key = openssl(make, b"");
        assert_eq!(opened(&openssl(write, &key)), public(&key), "{name}");
    }
}

fn certificates() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (ca_key, key) = (openssl(EC, b""), openssl(RSA, b""));
    let ca = certificate(&ca_key, "/CN=ca");
    std::fs::write(path("ca.key"), &ca_key).unwrap();
    std::fs::write(path("ca.crt"), &ca).unwrap();
    std::fs::write(path("key"), &key).unwrap();
    let request = openssl(
        &format!("req -new -subj /CN=leaf -key {}", path("key")),
        b"",
    );
    let sign = format!("x509 -req -CA {} -CAkey {}", path("ca.crt"), path("ca.key"));
    let leaf = openssl(&sign, &request);
    let chain = [&leaf, &ca].map(|pem| openssl("x509 -outform DER", pem));
    for (name, parts) in [
        ("before, in order", [&leaf, &ca, &key]),
        ("before, out of order", [&ca, &leaf, &key]),
        ("after, out of order", [&key, &ca, &leaf]),
        ("around", [&ca, &key, &leaf]),
    ] {
        let signer = open(&parts.map(Vec::as_slice).concat(), "").unwrap();
        let found = support::block_on(signer.certificate_chain()).unwrap();
        let found: Vec<_> = found.iter().map(|one| one.as_der().to_vec()).collect();
        assert_eq!(found, chain, "{name}");
    }
}

fn strangers() {
    let (key, other) = (openssl(EC, b""), openssl(EC, b""));
    let file = [key.clone(), certificate(&other, "/CN=other")].concat();
    let signer = open(&file, "").unwrap();
    assert_eq!(spki(&*signer), public(&key));
    assert!(
        support::block_on(signer.certificate_chain())
            .unwrap()
            .is_empty()
    );
    let listed = entries(&file).unwrap().entries;
    let note = listed[1].note.as_deref().unwrap();
    assert!(
        listed[0].certificates.is_empty() && note.contains("no key"),
        "{note}"
    );
}

fn pss() {
    let make = "genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048";
    let key = openssl(make, b"");
    let signer = open(&key, "").unwrap();
    let all = [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512];
    assert_eq!(
        (signer.algorithms(), spki(&*signer)),
        (&all[..], public(&key))
    );
    let options = |hash: &str, mask: &str, salt: u8| {
        let option = "-pkeyopt rsa_pss_keygen";
        format!("{make} {option}_md:{hash} {option}_mgf1_md:{mask} {option}_saltlen:{salt}")
    };
    let restricted = openssl(&options("sha384", "sha384", 48), b"");
    assert_eq!(
        open(&restricted, "").unwrap().algorithms(),
        [Algorithm::Ps384]
    );
    for odd in [
        options("sha256", "sha512", 32),
        options("sha256", "sha256", 64),
    ] {
        let error = open(&openssl(&odd, b""), "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{odd}");
    }
}

/// openssl writes none: r and N are raised by hand, to 254 MiB.
fn costly_scrypt() {
    let key = openssl(ED, b"");
    let topk8 = format!("pkcs8 -topk8 -passout pass:{PASSWORD} -outform DER");
    let cost = "-scrypt -scrypt_N 1024 -scrypt_r 8 -scrypt_p 1";
    let mut der = openssl(&format!("{topk8} {cost}"), &key);
    let written = [2, 2, 4, 0, 2, 1, 8];
    let at = der.windows(7).position(|part| part == written).unwrap();
    der[at..at + 7].copy_from_slice(&[2, 2, 0x40, 0, 2, 1, 127]);
    let error = open(&der, PASSWORD).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("bytes of memory"), "{error}");
}
