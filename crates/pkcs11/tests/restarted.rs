//! SoftHSM2 stopped and started between two signatures, which for a module is `C_Finalize` and `C_Initialize`: something else
//! in the process does that, as it may while nobody signs. Alone in its program, since it ends everybody's sessions.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[allow(dead_code, reason = "no test program uses all of it")]
mod softhsm;

use std::{process::ExitCode, sync::Arc};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11 as Raw};
use keybearer_conformance::{Trial, verify};
use keybearer_core::{Algorithm, Error, ErrorKind, Registry, Signer};
use keybearer_pkcs11::Pkcs11;

use softhsm::{SoftHsm, env, main_with, park_on};

fn main() -> ExitCode {
    main_with("restarted", |_| Vec::new(), prepare, all)
}

fn prepare(here: &SoftHsm) {
    here.make_token("jwt");
    here.make_key("jwt", "rsa:2048", "01", "job");
}

fn all(here: &SoftHsm) -> Vec<Trial> {
    let here = here.clone();
    vec![Trial::test("restarted::a_signer_goes_on", move || {
        goes_on(&here);
        Ok(())
    })]
}

fn goes_on(here: &SoftHsm) {
    let uri = here.uri("token=jwt;object=job");
    let signer = park_on(Registry::new().with(Pkcs11).open(&uri, &env().context())).unwrap();
    signs(here, &signer).unwrap();

    finalise(here);
    let error = signs(here, &signer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let told = error.to_string();
    assert!(told.contains("CKR_CRYPTOKI_NOT_INITIALIZED"), "{told}");
    initialise(here);
    signs(here, &signer).unwrap();

    finalise(here);
    initialise(here);
    signs(here, &signer).unwrap();

    // The token is away when the module starts, and back when it starts again.
    let (folder, away) = (here.token_folder("jwt"), here.folder.join("away"));
    std::fs::rename(&folder, &away).unwrap();
    finalise(here);
    initialise(here);
    let error = signs(here, &signer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("\"jwt\""), "{error}");
    std::fs::rename(&away, &folder).unwrap();
    finalise(here);
    initialise(here);
    signs(here, &signer).unwrap();
}

fn signs(here: &SoftHsm, signer: &Arc<dyn Signer>) -> Result<(), Error> {
    let signature = park_on(signer.sign(Algorithm::Rs256, b"message"))?;
    let public = here.public_key("jwt", "01");
    verify::aws_lc(&public, Algorithm::Rs256, b"message", &signature).unwrap();
    Ok(())
}

fn finalise(here: &SoftHsm) {
    raw(here).finalize().unwrap();
}

fn initialise(here: &SoftHsm) {
    let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    raw(here).initialize(arguments).unwrap();
}

fn raw(here: &SoftHsm) -> Raw {
    Raw::new(&here.module).unwrap()
}
