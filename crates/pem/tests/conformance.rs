//! The suite, over PEM files that openssl made.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    process::{Command, ExitCode},
    sync::Arc,
};

use keybearer_conformance::{TestEnv, UriSubject, run, trials};
use keybearer_core::{KeyUri, PublicKey, Registry};
use keybearer_pem::Pem;

fn main() -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let openssl = |arguments: &str| {
        let made = Command::new("openssl")
            .args(arguments.split(' '))
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    };
    let (plain, locked, twins, public) = (
        path("plain.pem"),
        path("locked.pem"),
        path("twins.pem"),
        path("public.pem"),
    );
    for key in [&plain, &twins] {
        openssl(&format!(
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {key}"
        ));
    }
    openssl(&format!("pkey -in {plain} -pubout -out {public}"));
    openssl(&format!(
        "pkcs8 -topk8 -in {plain} -passout pass:correct-horse -out {locked}"
    ));
    let both = [&plain, &twins].map(|key| std::fs::read(key).unwrap());
    std::fs::write(&twins, both.concat()).unwrap();
    let public = PublicKey::from_file(&std::fs::read(public).unwrap()).unwrap();
    let uri = |path: &str, source: &str| {
        KeyUri::literal("pem", path).with_attribute("password-source", source)
    };
    let subject = UriSubject::new(
        Registry::new().with(Pem),
        uri(&locked, "env:PASSWORD"),
        public,
    )
    .env(
        TestEnv::new()
            .var("PASSWORD", "correct-horse")
            .var("WRONG", "battery-staple"),
    )
    .secret("correct-horse")
    .secret("battery-staple")
    .wrong_secret(uri(&locked, "env:WRONG"))
    .missing_key(uri(&path("missing.pem"), "env:PASSWORD"))
    .twin_keys(uri(&twins, "env:PASSWORD"));
    run(trials("pem", Arc::new(subject)))
}
