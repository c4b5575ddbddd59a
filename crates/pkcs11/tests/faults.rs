//! What tokens and modules do in the field, and SoftHSM2 never: a module in between that fails as it is told.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod shim;
#[allow(dead_code, reason = "no test program uses all of it")]
mod softhsm;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use keybearer_conformance::{Trial, program, require, verify};
use keybearer_core::{
    Algorithm, Error, ErrorKind, KeyUri, OpenContext, PublicKey, Registry, Result, Signer,
};
use keybearer_pkcs11::Pkcs11;

use shim::Shim;
use softhsm::{SoftHsm, env, main_with};

const TOKENS: [&str; 8] = [
    "job", "limit", "hung", "pin", "always", "keypad", "codes", "locked",
];

fn main() -> ExitCode {
    main_with("faults", shim::variables, prepare, all)
}

fn prepare(here: &SoftHsm) {
    if compiler().is_ok() {
        shim::build(here);
    }
    for token in TOKENS {
        here.make_token(token);
        here.make_key(token, "EC:prime256v1", "01", "job");
    }
    here.make_key("job", "rsa:2048", "02", "rsa");
    for token in ["pin", "always"] {
        here.pkcs11_tool(
            token,
            "--keypairgen --key-type rsa:2048 --id 03 --label always --usage-sign --always-auth",
        );
        here.keep_public_key(token, "03");
    }
}

fn compiler() -> Result<String, String> {
    program("cc", &["--version"])
}

fn all(here: &SoftHsm) -> Vec<Trial> {
    let here = here.clone();
    require("softhsm2", compiler).trials("faults", |_| {
        let trial = |name: &str, test: fn(&SoftHsm, &Shim)| {
            let here = here.clone();
            Trial::test(format!("faults::{name}"), move || {
                test(&here, &Shim::new(&here));
                Ok(())
            })
        };
        vec![
            trial("a_token_that_comes_back_is_used_on", comes_back),
            trial("a_session_limit_is_waited_for_or_told", session_limit),
            trial("a_module_that_hangs_holds_up_nobody_else", hangs),
            trial("a_module_that_hangs_at_its_start_is_told", hangs_at_start),
            trial("a_session_that_was_lost_is_replaced", lost_session),
            trial("what_is_not_transient_is_told_at_once", told_at_once),
            trial("a_changed_pin_is_tried_once", changed_pin),
            trial("a_keypad_needs_no_pin_from_us", keypad),
            trial("without_a_hashing_mechanism_we_hash", we_hash),
        ]
    })
}

/// Stopped and started between two signatures: the same signer goes on, by one more login, and nobody gives the PIN again.
fn comes_back(here: &SoftHsm, shim: &Shim) {
    let signer = open(&shim::uri(here, "token=job;object=job")).unwrap();
    let public = here.public_key("job", "01");
    signs(&signer, Algorithm::Es256, &public);
    let logins = shim.calls("C_Login");
    shim.gone(true);
    let error = sign(&signer, Algorithm::Es256).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("\"job\""), "{error}");
    shim.gone(false);
    signs(&signer, Algorithm::Es256, &public);
    assert_eq!(shim.calls("C_Login"), logins + 1);

    // Whoever asks while it is on its way back need not ask again.
    shim.gone(true);
    let waiting = {
        let signer = signer.clone();
        std::thread::spawn(move || sign(&signer, Algorithm::Es256))
    };
    let asked = shim.calls("C_GetSlotList");
    eventually("the token is looked for", || {
        shim.calls("C_GetSlotList") > asked + 1
    });
    shim.gone(false);
    let signature = waiting.join().unwrap().unwrap();
    verify::aws_lc(&public, Algorithm::Es256, MESSAGE, &signature).unwrap();
}

fn session_limit(here: &SoftHsm, shim: &Shim) {
    const SESSION_COUNT: u32 = 0xB1;
    let uri = shim::uri(here, "token=limit;object=job");
    let public = here.public_key("limit", "01");
    shim.sessions(0);
    let error = open(&uri).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled, "{error:?}");
    assert!(error.hint().unwrap().contains("other programs"));

    // Another program closes its session while we wait.
    let opening = std::thread::spawn(move || open(&uri));
    let asked = shim.calls("C_OpenSession");
    eventually("a session is asked for", || {
        shim.calls("C_OpenSession") > asked
    });
    shim.sessions(1);
    let signer = opening.join().unwrap().unwrap();

    // One session is enough for everybody, one after the other.
    runtime().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let signer = signer.clone();
            tasks.spawn(async move { signer.sign(Algorithm::Es256, MESSAGE).await });
        }
        while let Some(done) = tasks.join_next().await {
            verify::aws_lc(&public, Algorithm::Es256, MESSAGE, &done.unwrap().unwrap()).unwrap();
        }
    });

    // A session that was lost, with none to be had just then.
    shim.fail("C_SignInit", 0xB3);
    shim.fail("C_OpenSession", SESSION_COUNT);
    signs(&signer, Algorithm::Es256, &public);
}

fn hangs(here: &SoftHsm, shim: &Shim) {
    let uri = shim::uri(here, "token=hung;object=job");
    let public = here.public_key("hung", "01");
    let patient = open(&uri).unwrap();
    let mut context = context();
    context.timeout = Duration::from_millis(300);
    let hasty = runtime().block_on(registry().open(&uri, &context)).unwrap();
    shim.hang("C_Sign");
    let error = sign(&hasty, Algorithm::Es256).unwrap_err();
    assert!(shim.is_hung("C_Sign"));
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("within 0.3 s"), "{error}");
    assert!(error.hint().unwrap().contains("hangs"), "{error:?}");
    // Another session does the work meanwhile, and both do afterwards.
    signs(&patient, Algorithm::Es256, &public);
    shim.release("C_Sign");
    for _ in 0..4 {
        signs(&hasty, Algorithm::Es256, &public);
    }
}

fn hangs_at_start(here: &SoftHsm, shim: &Shim) {
    // A file of its own is a module of its own, which is initialised anew.
    let copy = here.path("slow.so");
    std::fs::copy(shim::module(here), &copy).unwrap();
    let uri = here
        .uri("token=hung;object=job")
        .with_attribute("module-path", &copy);
    let mut hasty = context();
    hasty.timeout = Duration::from_millis(200);
    shim.hang("C_Initialize");
    for _ in 0..3 {
        let error = runtime()
            .block_on(registry().open(&uri, &hasty))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(error.to_string().contains("has not answered"), "{error}");
    }
    assert_eq!(shim.calls("C_Initialize"), 1);
    shim.release("C_Initialize");
    let public = here.public_key("hung", "01");
    signs(&open(&uri).unwrap(), Algorithm::Es256, &public);
}

/// `CKR_SESSION_HANDLE_INVALID` and its like: a new session does what the old one could not, unseen by the caller.
fn lost_session(here: &SoftHsm, shim: &Shim) {
    let signer = open(&shim::uri(here, "token=codes;object=job")).unwrap();
    let public = here.public_key("codes", "01");
    for code in [0xB3, 0xB0, 0x60, 0x82, 0x101, 0x32, 0x30, 0xE0, 0x90] {
        signs(&signer, Algorithm::Es256, &public);
        let opened = shim.calls("C_OpenSession");
        shim.fail("C_SignInit", code);
        signs(&signer, Algorithm::Es256, &public);
        assert_eq!(shim.calls("C_OpenSession"), opened + 1, "0x{code:X}");
    }
    // A device that is out of order a little longer.
    shim.fail("C_SignInit", 0x30);
    shim.fail_again("C_SignInit", 0x32);
    signs(&signer, Algorithm::Es256, &public);
}

fn told_at_once(here: &SoftHsm, shim: &Shim) {
    let signer = open(&shim::uri(here, "token=codes;object=job")).unwrap();
    let public = here.public_key("codes", "01");
    for (function, code, kind, name) in [
        ("C_SignInit", 0x6, ErrorKind::Backend, "CKR_FUNCTION_FAILED"),
        ("C_Sign", 0x5, ErrorKind::Backend, "CKR_GENERAL_ERROR"),
        (
            "C_SignInit",
            0x68,
            ErrorKind::PermissionDenied,
            "CKR_KEY_FUNCTION_NOT_PERMITTED",
        ),
        (
            "C_SignInit",
            0x70,
            ErrorKind::UnsupportedAlgorithm,
            "CKR_MECHANISM_INVALID",
        ),
        (
            "C_SignInit",
            0x8000_0102,
            ErrorKind::Backend,
            "CKR_VENDOR_DEFINED 0x80000102",
        ),
    ] {
        let before = shim.calls("C_SignInit");
        shim.fail(function, code);
        let error = sign(&signer, Algorithm::Es256).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(shim.calls("C_SignInit"), before + 1, "{name}");
        // Nothing of it is left in the session.
        signs(&signer, Algorithm::Es256, &public);
    }
    shim.always_fail("C_Login", 0xA4);
    let error = open(&shim::uri(here, "token=locked;object=job")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert!(error.to_string().contains("CKR_PIN_LOCKED"), "{error}");
}

/// A key that wants its PIN at each signature must not lock the token, once the PIN is another.
fn changed_pin(here: &SoftHsm, shim: &Shim) {
    let signer = open(&shim::uri(here, "token=pin;object=always")).unwrap();
    signs(&signer, Algorithm::Rs256, &here.public_key("pin", "03"));
    shim.always_fail("C_Login", 0xA0);
    let before = shim.calls("C_Login");
    for _ in 0..3 {
        let error = sign(&signer, Algorithm::Rs256).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadSecret, "{error:?}");
    }
    assert_eq!(shim.calls("C_Login"), before + 1);
}

fn keypad(here: &SoftHsm, shim: &Shim) {
    const PROTECTED_AUTHENTICATION_PATH: u32 = 0x100;
    shim.flags(0, PROTECTED_AUTHENTICATION_PATH);
    let uri = shim::uri(here, "token=keypad;object=job").without_attribute("pin-source");
    let signer = open(&uri).unwrap();
    signs(&signer, Algorithm::Es256, &here.public_key("keypad", "01"));
    assert_eq!(shim.calls("C_Login"), 1);
}

/// `CKM_RSA_PKCS` over a `DigestInfo`, `CKM_RSA_PKCS_PSS` over a digest.
fn we_hash(here: &SoftHsm, shim: &Shim) {
    shim.hide("0x40 0x41 0x42 0x43 0x44 0x45");
    let signer = open(&shim::uri(here, "token=job;object=rsa")).unwrap();
    let public = here.public_key("job", "02");
    assert_eq!(signer.algorithms().len(), 6);
    for algorithm in signer.algorithms() {
        signs(&signer, *algorithm, &public);
    }
    let error = open(&shim::uri(here, "token=always;object=always")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    let told = error.to_string();
    assert!(told.contains("CKA_ALWAYS_AUTHENTICATE"), "{told}");
    shim.hide("0x1 0xd 0x40 0x41 0x42 0x43 0x44 0x45");
    let error = open(&shim::uri(here, "token=job;object=rsa")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
}

const MESSAGE: &[u8] = b"message";

fn signs(signer: &Arc<dyn Signer>, algorithm: Algorithm, public: &PublicKey) {
    let signature = sign(signer, algorithm).unwrap();
    verify::aws_lc(public, algorithm, MESSAGE, &signature).unwrap();
}

fn sign(signer: &Arc<dyn Signer>, algorithm: Algorithm) -> Result<keybearer_core::Signature> {
    runtime().block_on(signer.sign(algorithm, MESSAGE))
}

fn open(uri: &KeyUri) -> Result<Arc<dyn Signer>, Error> {
    runtime().block_on(registry().open(uri, &context()))
}

fn registry() -> Registry {
    Registry::new().with(Pkcs11)
}

fn context() -> OpenContext {
    env().context()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
