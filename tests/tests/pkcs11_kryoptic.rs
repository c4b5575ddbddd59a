//! The suite over keys in Kryoptic, a token in software that shares no code with SoftHSM2.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    env,
    process::{Command, ExitCode},
    sync::Arc,
};

use keybearer::{Algorithm, default_registry};
use keybearer_conformance::{
    Requirement, TestEnv, Trial, UriSubject, require, run, trials, verify,
};
use keybearer_tests::{Hsm, kryoptic};

const WRONG_PIN: &str = "battery-staple";

fn main() -> ExitCode {
    if let Some(hsm) = Hsm::inherited("KRYOPTIC_CONF") {
        return run(all(&Arc::new(hsm)));
    }
    let module = match require("kryoptic", kryoptic) {
        Requirement::Missing(missing) => return run(vec![missing.trial("kryoptic")]),
        Requirement::Met(module) => module,
    };
    // The module reads its configuration's place from the environment, which only a parent can set.
    let hsm = Hsm::kryoptic(&module);
    hsm.make_key("rsa:2048", "01", "made", &[]);
    hsm.make_key("EC:prime256v1", "03", "curve", &[]);
    // No P-384: pkcs11-tool does not read its public key.
    hsm.make_key("EC:secp521r1", "04", "twin", &[]);
    hsm.make_key("EC:secp521r1", "05", "twin", &[]);
    hsm.make_key("EC:prime256v1", "06", "always", &["--always-auth"]);
    hsm.make_key(
        "rsa:2048",
        "07",
        "narrow",
        &["--allowed-mechanisms", "SHA256-RSA-PKCS-PSS"],
    );
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(env::args_os().skip(1));
    let ended = hsm.told(&mut again).status().unwrap();
    ended
        .code()
        .map_or(ExitCode::FAILURE, |code| ExitCode::from(code as u8))
}

fn all(hsm: &Arc<Hsm>) -> Vec<Trial> {
    let mut all = Vec::new();
    for (name, locator, id) in [
        ("kryoptic_rsa", "token=jwt;object=made", "01"),
        ("kryoptic_p256", "token=jwt;object=curve;id=%03", "03"),
        ("kryoptic_p521", "token=jwt;id=%05", "05"),
    ] {
        let env = environment();
        let uri = hsm.uri(locator);
        let subject = UriSubject::new(default_registry(), uri.clone(), hsm.public_key(id))
            .env(env.clone())
            .secret(Hsm::PIN)
            .secret(WRONG_PIN)
            .wrong_secret(uri.with_attribute("pin-source", "env:WRONG"))
            .attempts(move || env.uses("WRONG"))
            .missing_key(hsm.uri("token=jwt;object=missing"))
            .twin_keys(hsm.uri("token=jwt;object=twin"))
            .process_variable("KRYOPTIC_CONF");
        all.extend(trials(name, Arc::new(subject)));
    }
    let trial =
        |name: &str, locator: &'static str, id: &'static str, algorithms: &'static [Algorithm]| {
            let hsm = hsm.clone();
            Trial::test(format!("kryoptic::{name}"), move || {
                signs(&hsm, locator, id, algorithms);
                Ok(())
            })
        };
    // CKM_ECDSA_SHA256, which SoftHSM2 does not have, with the PIN at each signature.
    let curve = &[Algorithm::Es256];
    all.push(trial(
        "a_curve_key_that_wants_its_pin_always",
        "token=jwt;object=always",
        "06",
        curve,
    ));
    let narrow = &[Algorithm::Ps256];
    all.push(trial(
        "allowed_mechanisms_are_obeyed",
        "token=jwt;object=narrow",
        "07",
        narrow,
    ));
    all
}

fn signs(hsm: &Hsm, locator: &str, id: &str, algorithms: &[Algorithm]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let context = environment().context();
        let signer = default_registry()
            .open(&hsm.uri(locator), &context)
            .await
            .unwrap();
        assert_eq!(signer.algorithms(), algorithms);
        for algorithm in algorithms.iter().chain(algorithms) {
            let signature = signer.sign(*algorithm, b"message").await.unwrap();
            verify::aws_lc(&hsm.public_key(id), *algorithm, b"message", &signature).unwrap();
        }
    });
}

/// One value for all, so that its counts are shared.
fn environment() -> TestEnv {
    static ENV: std::sync::OnceLock<TestEnv> = std::sync::OnceLock::new();
    ENV.get_or_init(|| TestEnv::new().var("PIN", Hsm::PIN).var("WRONG", WRONG_PIN))
        .clone()
}
