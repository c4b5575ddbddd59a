//! Encrypted PKCS#8, there and back, and what a hostile file asks for.

use keybearer_core::{ErrorKind, KeyType, Secret, WorkLimit};

use super::*;
use crate::PrivateKey;

fn budget() -> WorkBudget {
    WorkBudget::new(WorkLimit::default())
}

#[test]
fn what_is_encrypted_is_decrypted() {
    let key = PrivateKey::generate(KeyType::Ed25519)
        .unwrap()
        .to_pkcs8_der();
    let password = Secret::from("p\u{e4}ssw\u{f6}rd\u{1f511}");
    let encrypted = encrypt_pkcs8(&key, &password).unwrap();
    assert_eq!(
        decrypt_pkcs8(&encrypted, &password, &mut budget()).unwrap(),
        key
    );
    let error = decrypt_pkcs8(&encrypted, &"other".into(), &mut budget()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadSecret);
}

#[test]
fn both_ways_are_decrypted_and_differ_each_time() {
    let plain = Secret::new(b"\x30\x03\x02\x01\x07".as_slice());
    for password in ["p\u{e4}ssw\u{f6}rd\u{1f511}", ""] {
        let password = Secret::from(password);
        for how in [
            Encryption::Aes256 { rounds: 1_000 },
            Encryption::TripleDesSha1 { rounds: 1_000 },
        ] {
            let made = encrypt(&plain, &password, how).unwrap();
            let again = encrypt(&plain, &password, how).unwrap();
            assert_ne!(made.ciphertext, again.ciphertext);
            assert_ne!(
                made.algorithm_identifier_der,
                again.algorithm_identifier_der
            );
            let read = |password: &Secret| {
                let identifier = &made.algorithm_identifier_der;
                decrypt(identifier, &made.ciphertext, password, &mut budget())
            };
            assert_eq!(read(&password).unwrap(), plain);
            let error = read(&"other".into()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadSecret);
        }
    }
    let none = encrypt(&plain, &"a".into(), Encryption::Aes256 { rounds: 0 });
    assert_eq!(none.unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn a_new_mac_is_verified() {
    let password = Secret::from("p\u{e4}ss\u{1f511}");
    for hash in [MacHash::Sha1, MacHash::Sha256] {
        let made = NewPkcs12Mac::new(b"content", &password, hash, 1_000).unwrap();
        let mac = Pkcs12Mac {
            algorithm_identifier_der: &made.algorithm_identifier_der,
            digest: &made.digest,
            salt: &made.salt,
            rounds: 1_000,
        };
        mac.verify(b"content", &password, &mut budget()).unwrap();
        for (content, password) in [(b"Content", &password), (b"content", &"other".into())] {
            let error = mac.verify(content, password, &mut budget()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadSecret);
        }
    }
}

#[test]
fn more_rounds_than_allowed_are_not_begun() {
    let key = PrivateKey::generate(KeyType::Ed25519)
        .unwrap()
        .to_pkcs8_der();
    let encrypted = encrypt_pkcs8(&key, &"a".into()).unwrap();
    let mut small = WorkBudget::new(WorkLimit::new(599_999, 64 << 20));
    let error = decrypt_pkcs8(&encrypted, &"a".into(), &mut small).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let told = format!("{error} {}", error.hint().unwrap_or_default()).replace(',', "");
    assert!(told.contains("600000") && told.contains("599999"), "{told}");
}

#[test]
fn truncated_and_flipped_files_are_refused_without_a_panic() {
    let key = PrivateKey::generate(KeyType::Ed25519)
        .unwrap()
        .to_pkcs8_der();
    let encrypted = encrypt_pkcs8(&key, &"a".into()).unwrap();
    for end in 0..encrypted.len() {
        assert!(decrypt_pkcs8(&encrypted[..end], &"a".into(), &mut budget()).is_err());
    }
    // A flipped algorithm, length or count never asks for more work than this.
    for at in 0..encrypted.len() {
        let mut flipped = encrypted.clone();
        flipped[at] ^= 0x10;
        let mut little = WorkBudget::new(WorkLimit::new(1_000, 1 << 20));
        assert!(decrypt_pkcs8(&flipped, &"a".into(), &mut little).is_err());
    }
}
