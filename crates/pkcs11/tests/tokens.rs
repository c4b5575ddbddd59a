//! What happens to keys, logins and sessions in SoftHSM2: beyond the suite.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[allow(dead_code, reason = "no test program uses all of it")]
mod softhsm;

use std::{
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use cryptoki::{
    context::Pkcs11 as Raw,
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectClass},
    session::SessionState,
    slot::Slot,
};
use keybearer_conformance::{TestEnv, Trial, verify};
use keybearer_core::{
    Algorithm, EcCurve, EntryKind, Error, ErrorKind, KeyUri, OpenContext, PublicKey, Registry,
    Result, Signer,
};
use keybearer_pkcs11::Pkcs11;

use softhsm::{SoftHsm, env, main_with, park_on};

fn main() -> ExitCode {
    main_with("softhsm2", |_| Vec::new(), prepare, all)
}

fn prepare(here: &SoftHsm) {
    for token in [
        "jwt",
        "twin",
        "twin",
        "logout",
        "idle",
        "replaced",
        "vanishing",
    ] {
        here.make_token(token);
    }
    here.make_key("jwt", "rsa:2048", "01", "job");
    here.make_key("jwt", "EC:prime256v1", "02", "curve");
    here.pkcs11_tool(
        "jwt",
        "--keypairgen --key-type rsa:2048 --id 03 --label decrypt --usage-decrypt",
    );
    here.pkcs11_tool(
        "jwt",
        "--keypairgen --key-type rsa:1024 --id 04 --label short --usage-sign",
    );
    here.pkcs11_tool(
        "jwt",
        "--keypairgen --key-type rsa:2048 --id 05 --label always --usage-sign --always-auth",
    );
    here.keep_public_key("jwt", "05");
    here.pkcs11_tool("jwt", "--keypairgen --key-type EC:prime256v1 --id 06 --label always-curve --usage-sign --always-auth");
    here.pkcs11_tool("jwt", "--keygen --key-type aes:32 --id 07 --label secret");
    here.import_key("jwt", "08", "imported");
    here.make_key("jwt", "EC:prime256v1", "09", "lone");
    here.pkcs11_tool("jwt", "--delete-object --type pubkey --id 09");
    for token in ["logout", "idle", "replaced", "vanishing"] {
        here.make_key(token, "EC:prime256v1", "01", "job");
    }
}

fn all(here: &SoftHsm) -> Vec<Trial> {
    let trial = |name: &str, test: fn(&SoftHsm)| {
        let here = here.clone();
        Trial::test(format!("tokens::{name}"), move || {
            test(&here);
            Ok(())
        })
    };
    vec![
        trial("two_hundred_signatures_at_once", two_hundred_at_once),
        trial("one_module_by_two_names", one_module_by_two_names),
        trial("what_is_missing_is_told", what_is_missing_is_told),
        trial(
            "what_a_key_may_not_do_is_told",
            what_a_key_may_not_do_is_told,
        ),
        trial("a_key_that_wants_its_pin_always", always_authenticate),
        trial("a_key_that_is_alone_signs", lone_key),
        trial("entries_are_listed", entries_are_listed),
        trial("a_login_that_was_lost_is_repeated", lost_login),
        trial("the_login_ends_with_the_last_signer", login_ends),
        trial("another_key_under_the_same_name_is_refused", replaced_key),
        trial("no_executor_is_needed", no_executor),
        trial("whoever_waits_is_told_in_time", told_in_time),
        trial("a_token_that_vanishes_is_unavailable", vanishes),
    ]
}

fn two_hundred_at_once(here: &SoftHsm) {
    let public = here.public_key("jwt", "01");
    let signer = open(&here.uri("token=jwt;object=job")).unwrap();
    runtime().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..200_u32 {
            let signer = signer.clone();
            tasks.spawn(async move {
                let algorithm = signer.algorithms()[number as usize % 6];
                let message = format!("message {number}");
                let signature = signer.sign(algorithm, message.as_bytes()).await;
                (algorithm, message, signature)
            });
        }
        while let Some(done) = tasks.join_next().await {
            let (algorithm, message, signature) = done.unwrap();
            verify::aws_lc(&public, algorithm, message.as_bytes(), &signature.unwrap()).unwrap();
        }
    });
}

/// Two registries, and the same file by a link: one `C_Initialize`, one login.
fn one_module_by_two_names(here: &SoftHsm) {
    let link = here.path("link.so");
    std::os::unix::fs::symlink(&here.module, &link).unwrap();
    let uri = here.uri("token=jwt;object=curve");
    let signers = [
        open(&uri).unwrap(),
        open(&uri.clone().with_attribute("module-path", link)).unwrap(),
        open(
            &uri.without_attribute("module-path")
                .with_attribute("module-name", "softhsm2"),
        )
        .unwrap(),
    ];
    for signer in signers {
        signs(&signer, Algorithm::Es256, &here.public_key("jwt", "02"));
    }
}

fn what_is_missing_is_told(here: &SoftHsm) {
    let uri = |locator| here.uri(locator);
    let job = uri("token=jwt;object=job");
    let without_pin = job.clone().without_attribute("pin-source");
    for (uri, kind, told) in [
        (
            uri("token=nowhere"),
            ErrorKind::NotFound,
            "\"jwt\" (serial ",
        ),
        (uri("token=twin"), ErrorKind::Ambiguous, "\"twin\" (serial "),
        (
            uri("token=jwt;object=nothing"),
            ErrorKind::NotFound,
            "object=job;id=%01",
        ),
        (
            uri("token=jwt;id=%0a"),
            ErrorKind::NotFound,
            "object=job;id=%01",
        ),
        (
            uri("token=idle;object=nothing"),
            ErrorKind::NotFound,
            "object=job;id=%01",
        ),
        (
            uri("token=jwt;id=%08;type=cert"),
            ErrorKind::InvalidUri,
            "type=private",
        ),
        (
            uri("token=jwt;library-version=99.9"),
            ErrorKind::NotFound,
            "library-version",
        ),
        (without_pin, ErrorKind::BadSecret, "pin-source=env:NAME"),
        (
            job.clone().with_attribute("pin-source", "env:EMPTY"),
            ErrorKind::BadSecret,
            "pin-source",
        ),
        (
            job.clone().with_attribute("pin-source", "env:UNSET"),
            ErrorKind::BadSecret,
            "UNSET",
        ),
        (
            job.clone().with_attribute("module-path", "/nowhere/hsm.so"),
            ErrorKind::NotFound,
            "libsofthsm2.so",
        ),
        (
            job.with_attribute("module-path", "/etc/passwd"),
            ErrorKind::Backend,
            "module-path",
        ),
    ] {
        let error = open(&uri).unwrap_err();
        assert_eq!(error.kind(), kind, "{uri}: {error:?}");
        let hint = error.hint().unwrap_or_default();
        assert!(hint.contains(told), "{uri}: {hint}");
    }
}

fn what_a_key_may_not_do_is_told(here: &SoftHsm) {
    forbid_signing(here, "decrypt");
    for (locator, kind, told) in [
        (
            "token=jwt;object=decrypt",
            ErrorKind::PermissionDenied,
            "CKA_SIGN",
        ),
        (
            "token=jwt;object=short",
            ErrorKind::Unsupported,
            "1024 bits",
        ),
        (
            "token=jwt;object=always-curve",
            ErrorKind::Unsupported,
            "CKA_ALWAYS_AUTHENTICATE",
        ),
    ] {
        let error = open(&here.uri(locator)).unwrap_err();
        assert_eq!(error.kind(), kind, "{locator}: {error:?}");
        assert!(error.to_string().contains(told), "{locator}: {error}");
    }
    let uri = here.uri("token=jwt;object=decrypt");
    let listed = runtime().block_on(registry().entries(&uri, &context()));
    let note = listed.unwrap().entries.remove(0).note.unwrap();
    assert!(note.contains("CKA_SIGN"), "{note}");
}

/// SoftHSM2 lets every key sign unless it is told otherwise, and pkcs11-tool does not tell it.
fn forbid_signing(here: &SoftHsm, label: &str) {
    let _logged_in = open(&here.uri("token=jwt;object=job")).unwrap();
    let (raw, slot) = raw(here, "jwt");
    let session = raw.open_rw_session(slot).unwrap();
    let template = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::Label(label.into()),
    ];
    let key = session.find_objects(&template).unwrap().remove(0);
    session
        .update_attributes(key, &[Attribute::Sign(false)])
        .unwrap();
}

fn always_authenticate(here: &SoftHsm) {
    let signer = open(&here.uri("token=jwt;object=always")).unwrap();
    let public = here.public_key("jwt", "05");
    for algorithm in [Algorithm::Rs256, Algorithm::Ps512, Algorithm::Rs256] {
        signs(&signer, algorithm, &public);
    }
}

/// The token has no public half of it: whoever needs that names a file.
fn lone_key(here: &SoftHsm) {
    let uri = here.uri("token=jwt;object=lone");
    let public = here.public_key("jwt", "09");
    let signer = open(&uri).unwrap();
    assert_eq!(signer.algorithms(), [Algorithm::Es256]);
    signs(&signer, Algorithm::Es256, &public);
    let error = runtime().block_on(signer.public_key()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.hint().unwrap().contains("public-key=PATH"));
    let told = open(&uri.with_attribute("public-key", here.path("jwt-09.der"))).unwrap();
    assert_eq!(runtime().block_on(told.public_key()).unwrap(), public);
    signs(&told, Algorithm::Es256, &public);
}

fn entries_are_listed(here: &SoftHsm) {
    let list = |uri: &KeyUri| runtime().block_on(registry().entries(uri, &context()));
    let told = list(&here.uri("token=jwt")).unwrap();
    assert_eq!(told.format, "PKCS#11");
    let find = |alias: &str| {
        let found = told
            .entries
            .iter()
            .find(|entry| entry.alias.as_deref() == Some(alias));
        found.unwrap().clone()
    };
    let imported = find("object=imported;id=%08");
    assert_eq!(
        (imported.kind, imported.certificates.len()),
        (EntryKind::Key, 1)
    );
    assert_eq!(
        (imported.key_type.as_deref(), imported.bits),
        (Some("RSA"), Some(2048))
    );
    assert!(find("object=short;id=%04").note.unwrap().contains("2048"));
    assert_eq!(find("object=secret;id=%07").kind, EntryKind::Secret);
    assert_eq!(
        told.entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::Certificate)
            .count(),
        0
    );

    let one = list(&here.uri("token=jwt;object=job")).unwrap();
    assert_eq!(one.entries.len(), 1);
    let public = list(&here.uri("token=jwt").without_attribute("pin-source")).unwrap();
    assert!(
        public
            .entries
            .iter()
            .all(|entry| entry.kind != EntryKind::Key && entry.note.is_some())
    );
    let error = list(&here.uri("token=idle").without_attribute("pin-source")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadSecret);
}

/// Something else in the process logs the token out: handles die, and the next signature logs in again.
fn lost_login(here: &SoftHsm) {
    let signer = open(&here.uri("token=logout;object=job")).unwrap();
    let public = here.public_key("logout", "01");
    signs(&signer, Algorithm::Es256, &public);
    let (raw, slot) = raw(here, "logout");
    for _ in 0..3 {
        let session = raw.open_ro_session(slot).unwrap();
        assert!(matches!(
            session.get_session_info().unwrap().session_state(),
            SessionState::RoUser
        ));
        session.logout().unwrap();
        signs(&signer, Algorithm::Es256, &public);
    }
}

fn login_ends(here: &SoftHsm) {
    let uri = here.uri("token=idle;object=job");
    let (first, second) = (open(&uri).unwrap(), open(&uri).unwrap());
    let (raw, slot) = raw(here, "idle");
    let state = || {
        let session = raw.open_ro_session(slot).unwrap();
        session.get_session_info().unwrap().session_state()
    };
    drop(first);
    signs(&second, Algorithm::Es256, &here.public_key("idle", "01"));
    assert!(matches!(state(), SessionState::RoUser));
    drop(second);
    let began = Instant::now();
    while matches!(state(), SessionState::RoUser) {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the token is still logged in"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    // And it is used again as if nothing had been.
    signs(
        &open(&uri).unwrap(),
        Algorithm::Es256,
        &here.public_key("idle", "01"),
    );
}

fn replaced_key(here: &SoftHsm) {
    let signer = open(&here.uri("token=replaced;object=job")).unwrap();
    signs(
        &signer,
        Algorithm::Es256,
        &here.public_key("replaced", "01"),
    );
    // By this process, since SoftHSM2 loses sight of a token to which another writes.
    let (raw, slot) = raw(here, "replaced");
    let session = raw.open_rw_session(slot).unwrap();
    let name = [Attribute::Id(vec![1]), Attribute::Label("job".into())];
    for object in session.find_objects(&name).unwrap() {
        session.destroy_object(object).unwrap();
    }
    let error = runtime()
        .block_on(signer.sign(Algorithm::Es256, b"x"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");

    let p256 = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    let public = [
        &name[..],
        &[Attribute::Token(true), Attribute::EcParams(p256.into())],
    ]
    .concat();
    let private = [&name[..], &[Attribute::Token(true), Attribute::Sign(true)]].concat();
    let (public, _) = session
        .generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)
        .unwrap();
    let error = runtime()
        .block_on(signer.sign(Algorithm::Es256, b"x"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyMismatch, "{error:?}");

    let point = session
        .get_attributes(public, &[AttributeType::EcPoint])
        .unwrap()
        .remove(0);
    let Attribute::EcPoint(point) = point else {
        panic!("{point:?}");
    };
    // An OCTET STRING of 65 bytes around the point.
    let public = PublicKey::from_ec_point(EcCurve::P256, &point[2..]).unwrap();
    let pinned = signer
        .id()
        .uri()
        .clone()
        .with_attribute("pin-source", "env:PIN");
    signs(&open(&pinned).unwrap(), Algorithm::Es256, &public);
}

fn no_executor(here: &SoftHsm) {
    let uri = here.uri("token=jwt;object=job");
    let (registry, context) = (registry(), context());
    let signer = park_on(registry.open(&uri, &context)).unwrap();
    let signature = park_on(signer.sign(Algorithm::Rs256, b"message")).unwrap();
    verify::aws_lc(
        &here.public_key("jwt", "01"),
        Algorithm::Rs256,
        b"message",
        &signature,
    )
    .unwrap();
}

fn told_in_time(here: &SoftHsm) {
    let uri = here.uri("token=jwt;object=job");
    let mut hasty = context();
    hasty.timeout = Duration::ZERO;
    let error = runtime()
        .block_on(registry().open(&uri, &hasty))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    // What was given up harms nobody.
    signs(
        &open(&uri).unwrap(),
        Algorithm::Rs256,
        &here.public_key("jwt", "01"),
    );
}

/// SoftHSM2 itself does not see it again before it is initialised anew (`restarted`); `faults` has a token that comes back by itself.
fn vanishes(here: &SoftHsm) {
    let signer = open(&here.uri("token=vanishing;object=job")).unwrap();
    signs(
        &signer,
        Algorithm::Es256,
        &here.public_key("vanishing", "01"),
    );
    let away = here.folder.join("away");
    std::fs::rename(here.token_folder("vanishing"), away).unwrap();
    let error = runtime()
        .block_on(signer.sign(Algorithm::Es256, b"x"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.is_transient());
}

fn signs(signer: &Arc<dyn Signer>, algorithm: Algorithm, public: &PublicKey) {
    let signature = runtime()
        .block_on(signer.sign(algorithm, b"message"))
        .unwrap();
    verify::aws_lc(public, algorithm, b"message", &signature).unwrap();
}

fn open(uri: &KeyUri) -> Result<Arc<dyn Signer>, Error> {
    runtime().block_on(registry().open(uri, &context()))
}

fn registry() -> Registry {
    Registry::new().with(Pkcs11)
}

fn context() -> OpenContext {
    let env: TestEnv = env().var("EMPTY", "");
    env.context()
}

/// Without a timer, since not every program's executor has one.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// The module by cryptoki itself, which keybearer has initialised, and a token's slot.
fn raw(here: &SoftHsm, token: &str) -> (Raw, Slot) {
    let raw = Raw::new(Path::new(&here.module)).unwrap();
    let slots = raw.get_slots_with_token().unwrap();
    let is_it = |slot: &Slot| raw.get_token_info(*slot).unwrap().label() == token;
    let slot = slots.into_iter().find(is_it).unwrap();
    (raw, slot)
}
