//! What reaches the module, as OpenSC's pkcs11-spy writes it down.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[allow(dead_code, reason = "no test program uses all of it")]
mod softhsm;

use std::{fs, path::PathBuf, process::ExitCode, sync::Arc};

use keybearer_conformance::{Trial, require};
use keybearer_core::{Algorithm, ErrorKind, KeyUri, Registry, Result, Signer};
use keybearer_pkcs11::Pkcs11;

use softhsm::{SoftHsm, env, main_with};

const SPIES: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so",
    "/usr/lib/aarch64-linux-gnu/pkcs11-spy.so",
    "/usr/lib/x86_64-linux-gnu/pkcs11/pkcs11-spy.so",
    "/usr/lib64/pkcs11-spy.so",
    "/opt/homebrew/lib/pkcs11-spy.so",
];

fn main() -> ExitCode {
    let variables = |here: &SoftHsm| {
        vec![
            ("PKCS11SPY", here.module.clone()),
            ("PKCS11SPY_OUTPUT", here.folder.join("spy.log")),
        ]
    };
    main_with("calls", variables, prepare, all)
}

fn prepare(here: &SoftHsm) {
    here.make_token("jwt");
    here.make_key("jwt", "rsa:2048", "01", "job");
}

fn all(here: &SoftHsm) -> Vec<Trial> {
    let here = here.clone();
    require("softhsm2", spy).trials("calls::are_as_few_as_can_be", |spy| {
        vec![Trial::test("calls::are_as_few_as_can_be", move || {
            as_few_as_can_be(&here, &spy);
            Ok(())
        })]
    })
}

fn spy() -> Result<String, String> {
    let found = SPIES.iter().find(|path| PathBuf::from(path).is_file());
    found
        .map(|path| (*path).to_owned())
        .ok_or_else(|| "OpenSC's pkcs11-spy.so is in none of its usual places".into())
}

fn as_few_as_can_be(here: &SoftHsm, spy: &str) {
    let uri = here
        .uri("token=jwt;object=job")
        .with_attribute("module-path", spy);
    let wrong = uri.clone().with_attribute("pin-source", "env:WRONG");
    let calls = |name: &str| {
        let log = fs::read(here.folder.join("spy.log")).unwrap();
        let log = String::from_utf8_lossy(&log).into_owned();
        let is_call = |line: &&str| {
            line.split_once(": ")
                .is_some_and(|(_, call)| call.trim() == name)
        };
        log.lines().filter(is_call).count()
    };

    // A wrong PIN is spent once, however often it is given.
    for _ in 0..3 {
        assert_eq!(open(&wrong).unwrap_err().kind(), ErrorKind::BadSecret);
    }
    assert_eq!(calls("C_Login"), 1);

    // One login for all who open, and none for a wrong PIN beside it.
    let signers: Vec<_> = (0..4).map(|_| open(&uri).unwrap()).collect();
    assert_eq!(calls("C_Login"), 2);
    assert_eq!(open(&wrong).unwrap_err().kind(), ErrorKind::BadSecret);
    assert_eq!(calls("C_Login"), 2);

    // A refusal costs no call, and a signature only its own: one C_SignInit, and C_Sign for the length and the bytes.
    let count = || {
        [
            "C_SignInit",
            "C_Sign",
            "C_FindObjectsInit",
            "C_OpenSession",
            "C_GetSessionInfo",
        ]
        .map(calls)
    };
    sign(&signers[0], Algorithm::Rs256).unwrap();
    let before = count();
    let error = sign(&signers[0], Algorithm::Es256).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm);
    assert_eq!(count(), before);
    for _ in 0..10 {
        sign(&signers[0], Algorithm::Rs256).unwrap();
    }
    let after = count();
    assert_eq!(after[0] - before[0], 10);
    assert_eq!(after[1] - before[1], 20);
    assert_eq!(
        after[2..],
        before[2..],
        "one caller needs one session, and looks the key up once"
    );
    assert_eq!(calls("C_Initialize"), 1);
    assert_eq!(calls("C_Finalize"), 0);
}

fn open(uri: &KeyUri) -> Result<Arc<dyn Signer>> {
    let context = env().context();
    runtime().block_on(Registry::new().with(Pkcs11).open(uri, &context))
}

fn sign(signer: &Arc<dyn Signer>, algorithm: Algorithm) -> Result<()> {
    runtime()
        .block_on(signer.sign(algorithm, b"message"))
        .map(|_| ())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}
