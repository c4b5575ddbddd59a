//! The suite, over keys in SoftHSM2.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[allow(dead_code, reason = "no test program uses all of it")]
mod softhsm;

use std::{process::ExitCode, sync::Arc};

use keybearer_conformance::{Trial, UriSubject, trials};
use keybearer_core::Registry;
use keybearer_pkcs11::Pkcs11;

use softhsm::{PIN, SoftHsm, WRONG_PIN, env, main_with};

fn main() -> ExitCode {
    main_with("softhsm2", |_| Vec::new(), prepare, all)
}

fn prepare(here: &SoftHsm) {
    here.make_token("jwt");
    here.make_key("jwt", "rsa:2048", "01", "made");
    here.import_key("jwt", "02", "imported");
    here.make_key("jwt", "EC:prime256v1", "03", "curve");
    here.import_curve("jwt", "P-384", "04", "twin");
    here.import_curve("jwt", "P-521", "05", "twin");
}

fn all(here: &SoftHsm) -> Vec<Trial> {
    let mut all = Vec::new();
    for (name, locator, id, certificates) in [
        ("softhsm2_rsa", "token=jwt;object=made", "01", 0),
        (
            "softhsm2_imported",
            "token=jwt;id=%02;type=private",
            "02",
            1,
        ),
        ("softhsm2_p256", "token=jwt;object=curve;id=%03", "03", 0),
        ("softhsm2_p384", "token=jwt;id=%04", "04", 0),
        ("softhsm2_p521", "token=jwt;id=%05", "05", 0),
    ] {
        let env = env();
        let uri = here.uri(locator);
        let subject = UriSubject::new(
            Registry::new().with(Pkcs11),
            uri.clone(),
            here.public_key("jwt", id),
        )
        .env(env.clone())
        .secret(PIN)
        .secret(WRONG_PIN)
        .certificates(certificates)
        .wrong_secret(uri.with_attribute("pin-source", "env:WRONG"))
        .attempts(move || env.uses("WRONG"))
        .missing_key(here.uri("token=jwt;object=missing"))
        .twin_keys(here.uri("token=jwt;object=twin"))
        .process_variable("SOFTHSM2_CONF");
        all.extend(trials(name, Arc::new(subject)));
    }
    all
}
