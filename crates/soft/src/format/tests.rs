//! First bytes, and what follows from them.

use super::*;

#[test]
fn the_first_bytes_tell() {
    let cases: [(&[u8], Format); 18] = [
        (b"", Format::Empty),
        (b" \r\n", Format::Empty),
        (b"\xfe\xed\xfe\xed\0\0\0\x02", Format::Jks),
        (b"\xce\xce\xce\xce\0\0\0\x02", Format::Jceks),
        (b"Bag Attributes\n-----BEGIN PRIVATE KEY-----", Format::Pem),
        (b"0\n-----BEGIN CERTIFICATE-----", Format::Pem),
        (
            b"\x30\x82\x09\0\x02\x01\x03\x30\x82\x08\0\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01",
            Format::Pkcs12,
        ),
        (
            b"\x30\x80\x02\x01\x03\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01",
            Format::Pkcs12,
        ),
        (
            b"\x30\x82\x04\0\x02\x01\0\x30\x0d\x06\x09\x2a",
            Format::Pkcs8,
        ),
        (b"\x30\x82\x04\0\x02\x01\0\x02\x82\x01\x01\0", Format::Pkcs1),
        (b"\x30\x77\x02\x01\x01\x04\x20", Format::Sec1),
        (
            b"\x30\x82\x04\0\x30\x04\x06\x02\x2a\x03\x04\x82\x01\0",
            Format::EncryptedPkcs8,
        ),
        (
            b"\x30\x82\x04\0\x30\x04\x06\x02\x2a\x03\x03\x82\x01\0",
            Format::PublicKey,
        ),
        (
            b"\x30\x82\x04\0\x30\x82\x03\0\xa0\x03\x02\x01\x02",
            Format::Certificate,
        ),
        (b"<!DOCTYPE html>", Format::WebPage),
        (b"PuTTY-User-Key-File-3: ssh-rsa", Format::Putty),
        (b"PK\x03\x04\x14\0\0\0", Format::Zip),
        (b"hello", Format::Unknown),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Format::of(bytes), expected, "{bytes:x?}");
    }
}

#[test]
fn texts_in_other_clothes_are_told() {
    let utf16: Vec<u8> = "\u{feff}-----BEGIN PRIVATE KEY-----"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: [(&[u8], Format); 13] = [
        (&utf16, Format::Pem),
        (b"\xef\xbb\xbf<html>", Format::WebPage),
        (b"\xef\xbb\xbf", Format::Empty),
        (b"{\"kty\":\"EC\"}", Format::Jwk),
        (b"{\"error\":\"login\"}", Format::Unknown),
        (b"LS0tLS1CRUdJTiBQUklWQVRF", Format::Base64Pem),
        (b"MIIF+wIBAzCCBbEGCSqG\r\n", Format::Base64),
        (b"/u3+7QAAAAIAAAAB", Format::Base64),
        (b"MIIF is no key", Format::Unknown),
        (b"ssh-ed25519 AAAAC3Nza", Format::SshPublic),
        (b"\x95\x03\x98\x04", Format::Pgp),
        (b"PK\x03\x04\x14\0\x09\0", Format::EncryptedZip),
        (b"PK\x03\x04\x14\0\x08\0", Format::Zip),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Format::of(bytes), expected, "{bytes:x?}");
    }
}

#[test]
fn requests_and_old_certificates_are_told_apart() {
    let request = b"\x30\x82\x02\0\x30\x82\x01\0\x02\x01\0\x30\x0d\x31\x0b\x30\x09";
    assert_eq!(Format::of(request), Format::CertificateRequest);
    let version_1 = b"\x30\x82\x02\0\x30\x82\x01\0\x02\x01\x07\x30\x0d\x06\x09\x2a\x86";
    assert_eq!(Format::of(version_1), Format::Certificate);
    let bcfks =
        b"\x30\x82\x0a\x41\x30\x82\x09\x83\x30\x81\x95\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
    assert_eq!(Format::of(bcfks), Format::Bcfks);
    let pkcs7 = b"\x30\x82\x02\0\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    assert_eq!(Format::of(pkcs7), Format::Pkcs7);
    assert_eq!(Format::of(b"\x30\x03\x05\0\0"), Format::OtherDer);
}

#[test]
fn stores_of_bouncy_castle_are_told_apart() {
    let store = |version: u8, rest: &[u8]| {
        let start = [
            &[0, 0, 0, version, 0, 0, 0, 20][..],
            &[7; 20],
            &[0, 0, 7, 0x77],
        ];
        Format::of(&[&start.concat(), rest].concat())
    };
    assert_eq!(store(2, b"\x04\0\x03jwt"), Format::Bks);
    assert_eq!(store(1, b"\x04\0\x03jwt"), Format::Bks);
    assert_eq!(store(1, b"\xfe\x44\x39\x9c"), Format::Uber);
    assert_eq!(store(3, b""), Format::Unknown);
}

#[test]
fn every_beginning_is_something() {
    let bytes =
        b"\x30\x82\x09\0\x02\x01\x03\x30\x82\x08\0\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    for end in 1..bytes.len() {
        for flip in 0..=255 {
            let mut bytes = bytes[..end].to_vec();
            bytes[end - 1] ^= flip;
            let error = Format::of(&bytes).instead_of("JKS store");
            assert!(!error.to_string().is_empty() && error.hint().is_some());
        }
    }
}
