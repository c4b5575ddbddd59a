//! The suite, over the strict fake: one key of each type in a vault, and two in a Managed HSM.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(dead_code, reason = "the other test uses more of it")]

mod support;

use std::{process::ExitCode, sync::Arc, sync::atomic::Ordering};

use keybearer_conformance::{UriSubject, run, trials};
use keybearer_core::{Algorithm, PublicKey};
use keybearer_fakes::{
    Kind,
    azure::{Azure, SIGN, TOKEN_PREFIX},
    nobody,
};
use support::{SECRET, World, app, registry};

fn main() -> ExitCode {
    let vault = World::new(Azure::vault());
    let hsm = World::new(Azure::managed_hsm());
    let mut all = Vec::new();
    for (name, kind) in [
        ("rsa2048", Kind::Rsa2048),
        ("rsa3072", Kind::Rsa3072),
        ("rsa4096", Kind::Rsa4096),
        ("p256", Kind::P256),
        ("p384", Kind::P384),
        ("p521", Kind::P521),
    ] {
        let kid = vault.fake().make(name, kind);
        all.extend(trials(name, Arc::new(subject(&vault, &kid))));
    }
    for (name, kind) in [("hsm_rsa2048", Kind::Rsa2048), ("hsm_p384", Kind::P384)] {
        let kid = hsm.fake().make(&name.replace('_', "-"), kind);
        all.extend(trials(name, Arc::new(subject(&hsm, &kid))));
    }
    all.extend(trials("blind", Arc::new(blind(&vault))));
    run(all)
}

fn subject(world: &World, kid: &str) -> UriSubject {
    let public = PublicKey::from_spki_der(&world.fake().spki_der(kid)).unwrap();
    // The current version, as most people write it.
    let (key, _) = kid.rsplit_once('/').unwrap();
    let (keys, _) = key.rsplit_once('/').unwrap();
    let down = nobody().replace("http:", "https:");
    let state = world.server.service.clone();
    UriSubject::new(registry(), world.uri(key), public)
        .context(world.context(&world.env()))
        .secret(SECRET)
        .secret(TOKEN_PREFIX)
        .missing_key(world.uri(&format!("{keys}/missing")))
        .service_down(world.uri(key).with_attribute("endpoint", down))
        .requests(move || state.requests.load(Ordering::SeqCst))
}

/// A caller who may sign and not read.
fn blind(world: &World) -> UriSubject {
    const BLIND: &str = "3b1c9d20-blind";
    world.fake().register(BLIND, app(&[SIGN]));
    let kid = world.fake().make("blind", Kind::P256);
    let public = PublicKey::from_spki_der(&world.fake().spki_der(&kid)).unwrap();
    let env = world.env().var("AZURE_CLIENT_ID", BLIND);
    let signs = |kid: &str| world.uri(kid).with_attribute("alg", "ES256");
    let missing = kid.replace("/blind/", "/missing/");
    let down = nobody().replace("http:", "https:");
    let state = world.server.service.clone();
    UriSubject::new(registry(), signs(&kid), public)
        .context(world.context(&env))
        .algorithms(vec![Algorithm::Es256])
        .tells_public_key(false)
        .secret(SECRET)
        .secret(TOKEN_PREFIX)
        .missing_key(signs(missing.rsplit_once('/').unwrap().0))
        .service_down(signs(&kid).with_attribute("endpoint", down))
        .requests(move || state.requests.load(Ordering::SeqCst))
}
