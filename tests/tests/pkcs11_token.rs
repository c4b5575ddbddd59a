//! The whole path with a key in an HSM: a certificate over it, an org that knows it, a token, and what `check` says.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::process::{Command, ExitCode};

use keybearer_conformance::{Trial, require, run};
use keybearer_tests::{Hsm, Org, WholePath, assert_step_failed, keybearer, ran, softhsm2, tool};

const WRONG_PIN: &str = "battery-staple";

fn main() -> ExitCode {
    run(
        require("softhsm2", softhsm2).trials("pkcs11_token", |module| {
            let trial = |name: &str, test: fn(&str)| {
                Trial::test(format!("pkcs11_token::{name}"), move || {
                    test(module);
                    Ok(())
                })
            };
            vec![
                trial("from_a_key_to_a_token", token),
                trial("the_certificate_beside_the_key", certificate_beside),
                trial("sources_tell_of_it", |_| sources()),
            ]
        }),
    )
}

fn token(module: &str) {
    let hsm = Hsm::softhsm2(module);
    hsm.make_key("rsa:2048", "01", "job", &[]);
    let key = hsm.uri("token=jwt;object=job").to_string();
    let by = |command: &mut Command| {
        with_pin(&hsm, command);
    };
    let path = WholePath::walk(&key, Hsm::PIN, by);
    let check = |key: &str| path.check(key, &[Hsm::PIN, WRONG_PIN], by);
    let whole = format!("{key}&certificate={}", path.certificate);
    assert_eq!(check(&whole)["ok"], true);
    let uri = |locator| hsm.uri(locator).to_string();
    for (key, detail, cure) in [
        (
            uri("token=jwt;object=nothing"),
            "object=nothing",
            "object=job;id=%01",
        ),
        (uri("token=elsewhere"), "no such token", "\"jwt\" (serial "),
        (key.replace("env:PIN", "env:WRONG"), "PIN", "tried once"),
        (key.replace("env:PIN", "env:UNSET"), "UNSET", "UNSET"),
        (
            key.replace(module, "/nowhere.so"),
            "/nowhere.so",
            "libsofthsm2.so",
        ),
    ] {
        assert_step_failed(&check(&key), "key", detail, cure);
    }
}

/// `cert export` and `x5c` find the certificate in the token, by the public key that it certifies.
fn certificate_beside(module: &str) {
    let hsm = Hsm::softhsm2(module);
    let key = hsm.uri("token=jwt;object=job").to_string();
    let mut made = keybearer(&["key", "new", &key, "--subject", "CN=inside"]);
    ran(with_pin(&hsm, &mut made)).ok();
    let exported = ran(with_pin(&hsm, &mut keybearer(&["cert", "export", &key]))).ok();
    std::fs::write(hsm.path("inside.crt"), exported).unwrap();
    let subject = tool(
        "openssl",
        &["x509", "-in", &hsm.path("inside.crt"), "-noout", "-subject"],
    );
    assert!(subject.contains("inside"), "{subject}");
    let org = Org::with_certificate(hsm.path("inside.crt").as_ref());
    let mut command = org.keybearer(&["check", "--json", "--key", &key]);
    let told = ran(with_pin(&hsm, &mut command)).json();
    assert_eq!(told["ok"], true, "{told}");
}

fn sources() {
    let told = ran(&mut keybearer(&["sources", "--json"])).json();
    let sources = told["sources"].as_array().unwrap();
    let source = sources.iter().find(|source| source["scheme"] == "pkcs11");
    assert_eq!(source.unwrap()["available"], true);
}

fn with_pin<'a>(hsm: &Hsm, command: &'a mut Command) -> &'a mut Command {
    hsm.told(command)
        .env("PIN", Hsm::PIN)
        .env("WRONG", WRONG_PIN)
        .env_remove("UNSET")
}
