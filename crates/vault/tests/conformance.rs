//! The suite, over the strict fake: one key of each type.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{process::ExitCode, sync::Arc};

use keybearer_conformance::{TestEnv, UriSubject, run, trials};
use keybearer_core::{KeyUri, PublicKey, Registry};
use keybearer_fakes::{
    Kind, Server, nobody,
    vault::{ROLE, ROOT, SECRET_ID, Vault as Fake, key_type},
};
use keybearer_vault::Vault;

fn main() -> ExitCode {
    let fake = Server::start(Fake::default());
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let der = fake.service.make(key_type(kind), kind);
        let subject = subject(&fake, kind, PublicKey::from_spki_der(&der).unwrap());
        all.extend(trials(key_type(kind), Arc::new(subject)));
    }
    run(all)
}

fn subject(fake: &Server<Fake>, kind: Kind, public: PublicKey) -> UriSubject {
    let uri = |name: &str, address: &str| {
        KeyUri::literal("vault", &format!("transit/keys/{name}"))
            .with_attribute("address", address)
            .with_attribute("token-source", "env:TOKEN")
    };
    let wrong = KeyUri::literal("vault", &format!("transit/keys/{}", key_type(kind)))
        .with_attribute("address", fake.url())
        .with_attribute("role-id", ROLE)
        .with_attribute("secret-id-source", "env:WRONG");
    let state = fake.service.clone();
    UriSubject::new(
        Registry::new().with(Vault),
        uri(key_type(kind), &fake.url()),
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
    .service_down(uri(key_type(kind), &nobody()))
    .requests(move || state.requests())
}
