//! Private JWKs, written by hand from the numbers of openssl's keys, and files that have no key, which are named.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::process::ExitCode;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_conformance::{Trial, program, require, run};
use keybearer_core::{Algorithm, ErrorKind};
use support::{certificate, entries, open, opened, openssl, public};

const RSA: &str = "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const EC: &str = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const ED: &str = "genpkey -algorithm ED25519";

fn main() -> ExitCode {
    let openssl = require("openssl", || program("openssl", &["version"]));
    run(openssl.trials("JWKs of openssl's keys", |_| {
        let trial = |name: &str, test: fn()| {
            Trial::test(name, move || {
                test();
                Ok(())
            })
        };
        vec![
            trial("each type", each_type),
            trial("sets", sets),
            trial("what a JWK is for", purposes),
            trial("damaged", damaged),
            trial("files without a key", no_keys),
        ]
    }))
}

fn each_type() {
    for (make, write) in [(RSA, rsa as fn(&[u8]) -> String), (EC, ec), (ED, okp)] {
        let key = openssl(make, b"");
        let jwk = format!("{{{}}}", write(&key));
        assert_eq!(opened(jwk.as_bytes()), public(&key), "{make}");
        let pretty = jwk.replace(',', ",\r\n  ");
        assert_eq!(opened(format!("\u{feff}{pretty}").as_bytes()), public(&key));
        let listed = entries(jwk.as_bytes()).unwrap().entries;
        assert!(listed.len() == 1 && listed[0].key_type.is_some());
    }
}

fn sets() {
    let (one, two) = (openssl(EC, b""), openssl(ED, b""));
    let (one_jwk, two_jwk) = (ec(&one), okp(&two));
    let (two_public, _) = two_jwk.split_once(",\"d\"").unwrap();
    let set =
        format!("{{\"keys\":[{{{two_public}}},{{\"kty\":\"oct\",\"k\":\"AA\"}},{{{one_jwk}}}]}}");
    assert_eq!(opened(set.as_bytes()), public(&one));
    let several = format!("{{\"keys\":[{{{one_jwk}}},{{{two_jwk}}}]}}");
    let error = open(several.as_bytes(), "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    assert_eq!(entries(several.as_bytes()).unwrap().entries.len(), 2);
    let encryption =
        format!("{{\"keys\":[{{{one_jwk},\"use\":\"enc\"}},{{{two_jwk},\"use\":\"sig\"}}]}}");
    assert_eq!(opened(encryption.as_bytes()), public(&two));
    let error = open(format!("{{{two_public}}}").as_bytes(), "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

fn purposes() {
    let key = openssl(RSA, b"");
    let jwk = rsa(&key);
    let pem = String::from_utf8(certificate(&key, "/CN=a")).unwrap();
    let x5c: String = pem.lines().filter(|line| !line.contains("-----")).collect();
    let named = format!(
        "{{{jwk},\"alg\":\"PS384\",\"kid\":\"\\u00e9\",\"x5c\":[\"{}\"]}}",
        x5c.replace('/', "\\/")
    );
    let signer = open(named.as_bytes(), "").unwrap();
    assert_eq!(signer.algorithms(), [Algorithm::Ps384]);
    let chain = support::block_on(signer.certificate_chain()).unwrap();
    assert_eq!(chain.len(), 1);
    for (alg, kind) in [
        ("ES256", ErrorKind::UnsupportedAlgorithm),
        ("RSA-OAEP", ErrorKind::Unsupported),
    ] {
        let other = format!("{{{jwk},\"alg\":\"{alg}\"}}");
        assert_eq!(
            open(other.as_bytes(), "").unwrap_err().kind(),
            kind,
            "{alg}"
        );
    }
}

/// No error holds a digit of the key.
fn damaged() {
    let key = openssl(EC, b"");
    let jwk = format!("{{{}}}", ec(&key));
    let (_, private) = jwk.split_once("\"d\":\"").unwrap();
    let private = &private[..20];
    let other = ec(&openssl(EC, b""));
    let (_, other) = other.split_once("\"d\":").unwrap();
    let (own, _) = jwk.split_once("\"d\":").unwrap();
    for (bad, kind) in [
        (jwk[..jwk.len() - 1].to_owned(), ErrorKind::Malformed),
        (
            jwk.replace("\"d\":\"", "\"d\":\"\\u0041"),
            ErrorKind::Malformed,
        ),
        (jwk.replace("\"d\":\"", "\"d\":\"!"), ErrorKind::Malformed),
        (jwk.replace("\"y\"", "\"z\""), ErrorKind::Malformed),
        (jwk.replace("P-256", "P-257"), ErrorKind::Unsupported),
        (format!("{own}\"d\":{other}}}"), ErrorKind::KeyMismatch),
        (format!("[{jwk}]"), ErrorKind::Malformed),
    ] {
        let error = open(bad.as_bytes(), "").unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(!format!("{error:?}").contains(private), "{error:?}");
    }
    let rsa = format!("{{{}}}", rsa(&openssl(RSA, b"")));
    let error = open(rsa.replace("\"p\":", "\"pp\":").as_bytes(), "").unwrap_err();
    assert!(error.to_string().contains("\"p\""), "{error}");
}

fn no_keys() {
    let key = openssl(EC, b"");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &key).unwrap();
    let certificate_pem = certificate(&key, "/CN=a");
    let crt = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(crt.path(), &certificate_pem).unwrap();
    let request = format!("req -new -subj /CN=a -key {}", file.path().display());
    let pkcs7 = format!("crl2pkcs7 -nocrl -certfile {}", crt.path().display());
    let cases: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        ("certificate", certificate_pem.clone(), "certificates and no private key", "certificate="),
        ("certificate in DER", openssl("x509 -outform DER", &certificate_pem), "a certificate in DER", "certificate=FILE"),
        ("request", openssl(&request, b""), "a certificate request", "the key that it was made with"),
        ("request in DER", openssl(&format!("{request} -outform DER"), b""), "a certificate request in DER", "the key that it was made with"),
        ("PKCS#7", openssl(&pkcs7, b""), "a PKCS#7 file", "openssl pkcs7 -in FILE -print_certs"),
        ("PKCS#7 in DER", openssl(&format!("{pkcs7} -outform DER"), b""), "a PKCS#7 file", "openssl pkcs7 -inform DER"),
        ("public key", openssl("pkey -pubout", &key), "a public key", "the private key"),
        ("public key in DER", public(&key), "a public key in DER", "the private key"),
        ("trusted", openssl("x509 -trustout -addtrust serverAuth", &certificate_pem), "trust settings", "openssl x509 -in FILE"),
        ("curve", openssl("ecparam -name prime256v1", b""), "a curve without a key", "-genkey"),
        ("OpenSSH", b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n".to_vec(), "OpenSSH", "ssh-keygen -p -m PKCS8"),
        ("PGP", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY\n=AAAA\n-----END PGP PRIVATE KEY BLOCK-----\n".to_vec(), "PGP", "keybearer key new"),
        ("login page", b"\xef\xbb\xbf\r\n<!DOCTYPE html><title>Sign in</title>".to_vec(), "a web page", "from its source"),
        ("empty", Vec::new(), "empty", "from its source"),
    ];
    for (name, bytes, what, cure) in cases {
        let error = open(&bytes, "").unwrap_err();
        assert!(error.to_string().contains(what), "{name}: {error}");
        let hint = error.hint().unwrap();
        assert!(hint.contains(cure), "{name}: {hint}");
    }
}

fn rsa(key: &[u8]) -> String {
    let der = openssl("rsa -traditional -outform DER", key);
    let mut rest = &der[4..];
    let mut numbers = Vec::new();
    while !rest.is_empty() {
        let (header, len) = match rest[1] {
            0x81 => (3, usize::from(rest[2])),
            0x82 => (4, usize::from(rest[2]) << 8 | usize::from(rest[3])),
            short => (2, usize::from(short)),
        };
        let number = &rest[header..header + len];
        numbers.push(number.strip_prefix(&[0]).unwrap_or(number));
        rest = &rest[header + len..];
    }
    let names = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
    let fields = names.iter().zip(&numbers[1..]);
    let fields: String = fields.map(|(name, number)| field(name, number)).collect();
    format!("\"kty\":\"RSA\"{fields}")
}

/// SEC1 on P-256: the private number after seven bytes, the point at the end.
fn ec(key: &[u8]) -> String {
    let der = openssl("ec -outform DER", key);
    let point = &der[der.len() - 64..];
    format!(
        "\"kty\":\"EC\",\"crv\":\"P-256\"{}{}{}",
        field("x", &point[..32]),
        field("y", &point[32..]),
        field("d", &der[7..39]),
    )
}

fn okp(key: &[u8]) -> String {
    let (private, public) = (openssl("pkey -outform DER", key), public(key));
    format!(
        "\"kty\":\"OKP\",\"crv\":\"Ed25519\"{}{}",
        field("x", &public[public.len() - 32..]),
        field("d", &private[private.len() - 32..]),
    )
}

fn field(name: &str, number: &[u8]) -> String {
    format!(",\"{name}\":\"{}\"", URL_SAFE_NO_PAD.encode(number))
}
