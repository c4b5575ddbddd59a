//! Keys that are made inside SoftHSM2.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[allow(dead_code, reason = "no test program uses all of it")]
mod softhsm;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use keybearer_conformance::{Trial, verify};
use keybearer_core::{
    Algorithm, Certificate, Certify, EcCurve, Error, ErrorKind, KeyMaker, KeySpec, KeyType, KeyUri,
    Provider, Result, Signer, async_trait,
};
use keybearer_pkcs11::Pkcs11;

use softhsm::{SoftHsm, env, main_with};

fn main() -> ExitCode {
    let tokens = |here: &SoftHsm| TOKENS.iter().for_each(|token| here.make_token(token));
    main_with("making", |_| Vec::new(), tokens, all)
}

/// One for each trial: SoftHSM2 calls an object broken (`CKR_GENERAL_ERROR` and others) where a thread lists a token's
/// objects while another makes one.
const TOKENS: [&str; 3] = ["pairs", "kept", "whole"];

fn all(here: &SoftHsm) -> Vec<Trial> {
    let trial = |name: &str, test: fn(&SoftHsm)| {
        let here = here.clone();
        Trial::test(format!("making::{name}"), move || {
            test(&here);
            Ok(())
        })
    };
    vec![
        trial("a_pair_and_its_certificate", pair_and_certificate),
        trial("what_is_there_is_not_replaced", not_replaced),
        trial("whole_or_not_at_all", whole_or_not_at_all),
    ]
}

fn pair_and_certificate(here: &SoftHsm) {
    for (locator, key_type, algorithm) in [
        (
            "token=pairs;object=curve",
            KeyType::Ec(EcCurve::P256),
            Algorithm::Es256,
        ),
        (
            "token=pairs;object=rsa;id=%01%ff",
            KeyType::Rsa { bits: 2048 },
            Algorithm::Ps256,
        ),
    ] {
        let uri = here.uri(locator);
        let made = make(&uri, key_type, &Outline).unwrap();
        let again = block_on(Pkcs11.open(&uri, &env().context())).unwrap();
        assert_eq!(made.id(), again.id());
        let public = block_on(made.public_key()).unwrap();
        assert_eq!(public.key_type(), key_type);
        assert_eq!(block_on(again.certificate_chain()).unwrap().len(), 1);
        let signature = block_on(again.sign(algorithm, b"message")).unwrap();
        verify::aws_lc(&public, algorithm, b"message", &signature).unwrap();
    }
}

fn not_replaced(here: &SoftHsm) {
    let uri = here.uri("token=kept;object=old;id=%02");
    let old = make(&uri, KeyType::Ec(EcCurve::P384), &Outline).unwrap();
    for locator in [
        "token=kept;object=old",
        "token=kept;object=old;id=%02",
        "token=kept;object=other;id=%02",
    ] {
        let error = make(&here.uri(locator), KeyType::Ec(EcCurve::P384), &Outline).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{locator}: {error:?}");
        assert!(error.to_string().contains("already"), "{error}");
    }
    let now = block_on(Pkcs11.open(&uri, &env().context())).unwrap();
    assert_eq!(
        block_on(now.public_key()).unwrap(),
        block_on(old.public_key()).unwrap()
    );

    for (locator, key_type, kind) in [
        (
            "token=kept",
            KeyType::Ec(EcCurve::P256),
            ErrorKind::InvalidUri,
        ),
        (
            "token=kept;object=small",
            KeyType::Rsa { bits: 1024 },
            ErrorKind::Unsupported,
        ),
    ] {
        let error = make(&here.uri(locator), key_type, &Outline).unwrap_err();
        assert_eq!(error.kind(), kind, "{locator}: {error:?}");
    }
    let nobody = here
        .uri("token=kept;object=nobody")
        .without_attribute("pin-source");
    let error = make(&nobody, KeyType::Ec(EcCurve::P256), &Outline).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadSecret);
}

fn whole_or_not_at_all(here: &SoftHsm) {
    let uri = here.uri("token=whole;object=half");
    let error = make(&uri, KeyType::Ec(EcCurve::P256), &Refuses).unwrap_err();
    assert_eq!(error.to_string(), "no certificate for you");
    let began = Instant::now();
    // The pair goes in its own time, since whoever asked for it may have left.
    while !block_on(Pkcs11.entries(&uri, &env().context()))
        .unwrap()
        .entries
        .is_empty()
    {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the pair is still there"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    make(&uri, KeyType::Ec(EcCurve::P256), &Outline).unwrap();
}

fn make(uri: &KeyUri, key_type: KeyType, certify: &dyn Certify) -> Result<Arc<dyn Signer>> {
    block_on(Pkcs11.make(uri, &KeySpec::new(key_type), certify, &env().context()))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// A certificate that has the outline of one and the right key: more of it is not looked at here.
struct Outline;

#[async_trait]
impl Certify for Outline {
    async fn certify(&self, key: Arc<dyn Signer>) -> Result<Vec<Certificate>> {
        let public = key.public_key().await?;
        let empty: &[u8] = &[0x30, 0];
        let version: &[u8] = &[0xa0, 0];
        let serial: &[u8] = &[2, 1, 1];
        // A name of its own, so that none of these seems to be issued by another.
        let name = sequence(&public.key_bytes()[10..30]);
        let fields = [
            version,
            serial,
            empty,
            &name,
            empty,
            &name,
            public.spki_der(),
        ]
        .concat();
        let body = [&sequence(&fields)[..], empty, &[3, 1, 0]].concat();
        Ok(vec![Certificate::from_der(sequence(&body))?])
    }
}

struct Refuses;

#[async_trait]
impl Certify for Refuses {
    async fn certify(&self, _: Arc<dyn Signer>) -> Result<Vec<Certificate>> {
        Err(Error::new(ErrorKind::Backend, "no certificate for you"))
    }
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head: &[u8] = match length {
        [0, short @ 0..128] => &[0x30, short],
        [0, byte] => &[0x30, 0x81, byte],
        [high, low] => &[0x30, 0x82, high, low],
    };
    [head, content].concat()
}
