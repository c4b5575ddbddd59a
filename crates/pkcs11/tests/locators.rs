//! RFC 7512 against a real module: each part of a URI finds the key, and finds nothing when it is another.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[allow(dead_code, reason = "no test program uses all of it")]
mod softhsm;

use std::{
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use cryptoki::{
    context::Pkcs11 as Raw,
    mechanism::Mechanism,
    object::{Attribute, AttributeType},
    session::UserType,
    types::AuthPin,
};
use keybearer_conformance::{Trial, verify};
use keybearer_core::{
    Algorithm, EcCurve, EntryKind, Error, ErrorKind, KeyUri, PublicKey, Registry, Signer,
};
use keybearer_pkcs11::Pkcs11;

use softhsm::{PIN, SoftHsm, env, main_with};

const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
const ED448: &[u8] = b"\x06\x03\x2b\x65\x71";

fn main() -> ExitCode {
    main_with("locators", |_| Vec::new(), prepare, all)
}

fn prepare(here: &SoftHsm) {
    for token in ["here; there/50%?", "other", "open"] {
        here.make_token(token);
    }
    for token in ["here; there/50%?", "other"] {
        here.pkcs11_tool(
            token,
            "--keypairgen --key-type EC:prime256v1 --id 3b00ff --label job --usage-sign",
        );
    }
    std::fs::write(here.folder.join("pin"), format!("{PIN}\n")).unwrap();
}

fn all(here: &SoftHsm) -> Vec<Trial> {
    let trial = |name: &str, test: fn(&SoftHsm)| {
        let here = here.clone();
        Trial::test(format!("locators::{name}"), move || {
            test(&here);
            Ok(())
        })
    };
    vec![
        trial("each_part_tells_keys_apart", each_part),
        trial("the_pin_is_where_the_uri_says", pin_sources),
        trial("modules_are_named_once", modules),
        trial("a_key_without_login_and_twins", without_login),
        trial("ed25519_and_nothing_like_it", edwards),
    ]
}

fn each_part(here: &SoftHsm) {
    let raw = raw(here);
    let label = "here; there/50%?";
    let slot = slot(&raw, label);
    let (token, place) = (
        raw.get_token_info(slot).unwrap(),
        raw.get_slot_info(slot).unwrap(),
    );
    let library = raw.get_library_info().unwrap();
    let version = library.library_version();
    let by_name = "token=here%3B%20there%2F50%25%3F";
    let serial = format!("serial={}", token.serial_number());
    // With these alone the token is the one that is meant.
    for unique in [
        by_name.to_owned(),
        serial.clone(),
        format!("slot-id={}", slot.id()),
        format!("slot-description={}", encoded(place.slot_description())),
    ] {
        opens(here, &format!("{unique};object=job"));
    }
    // These are true of both, and narrow nothing down.
    for (name, value) in [
        ("manufacturer", token.manufacturer_id()),
        ("model", token.model()),
        ("slot-manufacturer", place.manufacturer_id()),
        ("library-description", library.library_description()),
        ("library-manufacturer", library.manufacturer_id()),
        (
            "library-version",
            &format!("{}.{}", version.major(), version.minor()),
        ),
    ] {
        let value = encoded(value);
        opens(here, &format!("{serial};object=job;{name}={value}"));
        let error = open(&here.uri(&format!("object=job;{name}={value}"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{name}: {error:?}");
        let other = if name == "library-version" {
            "9.9"
        } else {
            "Acme"
        };
        let error = open(&here.uri(&format!("{serial};{name}={other}"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error:?}");
    }
    for wrong in [
        "serial=0",
        "slot-id=4711",
        "slot-description=Acme",
        "token=",
    ] {
        let error = open(&here.uri(wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{wrong}: {error:?}");
    }
    // A name differs by case, an identifier by each byte; a byte may be written as itself.
    opens(here, &format!("{by_name};id=%3b%00%FF;type=private"));
    for wrong in ["object=Job", "id=%3b%00", "object=job;id=%01"] {
        let error = open(&here.uri(&format!("{by_name};{wrong}"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{wrong}: {error:?}");
    }
    for kind in ["cert", "public", "secret-key", "data"] {
        let error = open(&here.uri(&format!("{by_name};object=job;type={kind}"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidUri, "{kind}: {error:?}");
    }
}

fn pin_sources(here: &SoftHsm) {
    let without = here
        .uri("token=other;object=job")
        .without_attribute("pin-source");
    let file = here.path("pin");
    for (name, value) in [
        ("pin-source", format!("file:{file}")),
        ("pin-source", format!("file://{file}")),
        ("pin-source", "env:PIN".into()),
        ("pin-value", PIN.into()),
    ] {
        let signer = open(&without.clone().with_attribute(name, &value)).unwrap();
        assert!(!format!("{signer:?} {}", signer.id()).contains(PIN));
    }
    for (name, value, kind) in [
        // RFC 7512 section 4.2 lets a program be run, and says why not to.
        ("pin-source", "|/usr/bin/pin", ErrorKind::InvalidUri),
        ("pin-source", "file:/nowhere/pin", ErrorKind::BadSecret),
        ("pin-value", "", ErrorKind::BadSecret),
    ] {
        let error = open(&without.clone().with_attribute(name, value)).unwrap_err();
        assert_eq!(error.kind(), kind, "{value}: {error:?}");
    }
    let both = without
        .with_attribute("pin-value", PIN)
        .with_attribute("pin-source", "env:PIN");
    let error = open(&both).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUri, "{error:?}");
    assert!(!format!("{error:?} {error}").contains(PIN));
}

fn modules(here: &SoftHsm) {
    let without = here
        .uri("token=other;object=job")
        .without_attribute("module-path");
    let file = here.module.to_str().unwrap();
    open(&without.clone().with_attribute("module-name", "softhsm2")).unwrap();
    // By the name that this user's p11-kit has for it.
    let home = here.folder.join("home");
    let settings = home.join(".config/pkcs11/modules");
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::write(settings.join("our-hsm.module"), format!("module: {file}\n")).unwrap();
    let named = without.clone().with_attribute("module-name", "our-hsm");
    let cx = env().var("HOME", home.to_str().unwrap()).context();
    runtime().block_on(registry().open(&named, &cx)).unwrap();
    for (uri, kind, hint) in [
        (without.clone(), ErrorKind::InvalidUri, "module-path=FILE"),
        (
            without
                .clone()
                .with_attribute("module-name", "softhsm2")
                .with_attribute("module-path", file),
            ErrorKind::InvalidUri,
            "one of them",
        ),
        (
            without.clone().with_attribute("module-name", file),
            ErrorKind::InvalidUri,
            "module-path=FILE",
        ),
        (
            without.with_attribute("module-name", "nobodys"),
            ErrorKind::NotFound,
            "module-path=FILE",
        ),
    ] {
        let error = open(&uri).unwrap_err();
        assert_eq!(error.kind(), kind, "{uri}: {error:?}");
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
    }
}

/// A key that everybody may use (`CKA_PRIVATE` is false) needs no PIN; two of one name and identifier are told so.
fn without_login(here: &SoftHsm) {
    let everybody = KeyUri::new("pkcs11", "token=open;object=everybodys")
        .with_attribute("module-path", here.module.to_str().unwrap());
    let public = generate(here, "everybodys", P256, false);
    let signer = open(&everybody).unwrap();
    let public = PublicKey::from_ec_point(EcCurve::P256, &public[2..]).unwrap();
    signs(&signer, Algorithm::Es256, &public);

    generate(here, "mine", P256, true);
    let mine = here.uri("token=open;object=mine");
    open(&mine).unwrap();
    let error = open(&mine.clone().without_attribute("pin-source")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadSecret, "{error:?}");

    generate(here, "mine", P256, true);
    let error = open(&mine).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error:?}");
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("object=mine;id=%07") && hint.contains("another CKA_ID"),
        "{hint}"
    );
}

fn edwards(here: &SoftHsm) {
    let point = generate(here, "ed25519", ED25519, true);
    let signer = open(&here.uri("token=open;object=ed25519")).unwrap();
    assert_eq!(signer.algorithms(), [Algorithm::Ed25519]);
    let public = PublicKey::from_ed25519(&point[point.len() - 32..]).unwrap();
    signs(&signer, Algorithm::Ed25519, &public);

    generate(here, "ed448", ED448, true);
    let uri = here.uri("token=open;object=ed448");
    let error = open(&uri).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.hint().unwrap().contains("Ed25519"), "{error:?}");
    let listed = runtime().block_on(registry().entries(&uri, &env().context()));
    let entry = listed.unwrap().entries.remove(0);
    assert!(
        entry.kind == EntryKind::Key && entry.note.is_some(),
        "{entry:?}"
    );
}

/// A key pair made inside by cryptoki, since pkcs11-tool makes none that everybody may use; its point in DER.
fn generate(here: &SoftHsm, label: &str, curve: &[u8], private: bool) -> Vec<u8> {
    // One at a time, lest one log the other out.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let raw = raw(here);
    let session = raw.open_rw_session(slot(&raw, "open")).unwrap();
    let pin = AuthPin::new(PIN.into());
    let logged_in = session.login(UserType::User, Some(&pin));
    let name = [
        Attribute::Token(true),
        Attribute::Id(vec![7]),
        Attribute::Label(label.into()),
    ];
    let public = [&name[..], &[Attribute::EcParams(curve.into())]].concat();
    let secret = [
        &name[..],
        &[Attribute::Sign(true), Attribute::Private(private)],
    ]
    .concat();
    let mechanism = if curve == P256 {
        Mechanism::EccKeyPairGen
    } else {
        Mechanism::EccEdwardsKeyPairGen
    };
    let (public, _) = session
        .generate_key_pair(&mechanism, &public, &secret)
        .unwrap();
    let point = session
        .get_attributes(public, &[AttributeType::EcPoint])
        .unwrap()
        .remove(0);
    if logged_in.is_ok() {
        session.logout().unwrap();
    }
    match point {
        Attribute::EcPoint(point) => point,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn opens(here: &SoftHsm, locator: &str) {
    let signer = open(&here.uri(locator)).unwrap();
    assert_eq!(signer.algorithms(), [Algorithm::Es256], "{locator}");
}

fn signs(signer: &Arc<dyn Signer>, algorithm: Algorithm, public: &PublicKey) {
    let signed = runtime().block_on(signer.sign(algorithm, b"message"));
    verify::aws_lc(public, algorithm, b"message", &signed.unwrap()).unwrap();
}

fn open(uri: &KeyUri) -> Result<Arc<dyn Signer>, Error> {
    runtime().block_on(registry().open(uri, &env().context()))
}

fn registry() -> Registry {
    Registry::new().with(Pkcs11)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// The module by cryptoki itself, which whoever comes first has initialised.
fn raw(here: &SoftHsm) -> Raw {
    let _opened = open(&here.uri("token=other;object=job")).unwrap();
    Raw::new(Path::new(&here.module)).unwrap()
}

fn slot(raw: &Raw, token: &str) -> cryptoki::slot::Slot {
    let slots = raw.get_slots_with_token().unwrap();
    let is_it = |slot: &cryptoki::slot::Slot| raw.get_token_info(*slot).unwrap().label() == token;
    slots.into_iter().find(is_it).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}
