//! The suite, over the strict fake: one key of each type.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(dead_code, reason = "the fake has more than this test needs")]

#[path = "support/mod.rs"]
mod support;

use std::{process::ExitCode, sync::Arc, sync::atomic::Ordering};

use keybearer_conformance::{TestEnv, UriSubject, run, trials};
use keybearer_core::{KeyUri, PublicKey, Registry};
use keybearer_vault::Vault;
use support::{FakeVault, Kind, ROLE, ROOT, SECRET_ID, nobody};

fn main() -> ExitCode {
    let fake = FakeVault::start();
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let der = fake.make(kind.name(), kind);
        let subject = subject(&fake, kind, PublicKey::from_spki_der(&der).unwrap());
        all.extend(trials(kind.name(), Arc::new(subject)));
    }
    run(all)
}

fn subject(fake: &FakeVault, kind: Kind, public: PublicKey) -> UriSubject {
    let uri = |name: &str, address: &str| {
        KeyUri::literal("vault", &format!("transit/keys/{name}"))
            .with_attribute("address", address)
            .with_attribute("token-source", "env:TOKEN")
    };
    let wrong = KeyUri::literal("vault", &format!("transit/keys/{}", kind.name()))
        .with_attribute("address", fake.url())
        .with_attribute("role-id", ROLE)
        .with_attribute("secret-id-source", "env:WRONG");
    let state = fake.state.clone();
    UriSubject::new(
        Registry::new().with(Vault),
        uri(kind.name(), &fake.url()),
        public,
    )
    .env(
        TestEnv::new()
            .var("TOKEN", ROOT)
            .var("WRONG", "battery-staple"),
    )
    .secret(ROOT)
    .secret(SECRET_ID)
    .secret("battery-staple")
    .wrong_secret(wrong)
    .missing_key(uri("missing", &fake.url()))
    .service_down(uri(kind.name(), &nobody()))
    .requests(move || state.requests.load(Ordering::SeqCst))
}
