//! What the double does when it fails, lies, or is another than before.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(dead_code, reason = "the other tests use more of it")]

mod support;

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use keybearer_azurekv::{AzureKey, Login};
use keybearer_core::{Algorithm, ErrorKind};
use keybearer_fakes::{
    Kind,
    azure::{Azure, Lie, TENANT},
};
use support::{CLIENT, SECRET, World, is};

const A: Algorithm = Algorithm::Es256;

fn with_key() -> (World, String) {
    let world = World::new(Azure::vault());
    let kid = world.fake().make("job", Kind::P256);
    (world, kid)
}

#[tokio::test]
async fn a_lie_is_seen() {
    let (world, kid) = with_key();
    let signer = world.open(&world.uri(&kid), &world.env()).await.unwrap();
    for (lie, kind) in [
        (Lie::OtherVersion, ErrorKind::KeyMismatch),
        (Lie::OtherVault, ErrorKind::KeyMismatch),
        (Lie::OtherKey, ErrorKind::KeyMismatch),
        (Lie::Short, ErrorKind::Backend),
        (Lie::Html, ErrorKind::Backend),
        (Lie::Truncated, ErrorKind::Backend),
        (Lie::Status(400, "", None), ErrorKind::UnsupportedAlgorithm),
        (Lie::Status(500, "", None), ErrorKind::Unavailable),
    ] {
        // What is transient is told when it stays so.
        world.fake().lie(&[lie; 5]);
        let error = signer.sign(A, b"x").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{lie:?}: {error:?}");
        world.fake().lie(&[]);
        assert!(signer.sign(A, b"x").await.is_ok(), "after {lie:?}");
    }
}

#[tokio::test]
async fn a_lie_is_seen_at_opening() {
    let (world, kid) = with_key();
    for (lie, kind) in [
        (Lie::OtherVersion, ErrorKind::KeyMismatch),
        (Lie::OtherVault, ErrorKind::KeyMismatch),
        (Lie::Html, ErrorKind::Backend),
    ] {
        world.fake().lie(&[lie]);
        let opened = world.open(&world.uri(&kid), &world.env()).await;
        assert_eq!(opened.unwrap_err().kind(), kind, "{lie:?}");
    }
}

/// ring does not verify P-521, but the length of a signature and the version are checked.
#[tokio::test]
async fn an_rsa_signature_is_as_long_as_its_key() {
    let (world, _) = with_key();
    for (name, kind, algorithm) in [
        ("rsa", Kind::Rsa2048, Algorithm::Ps384),
        ("p521", Kind::P521, Algorithm::Es512),
    ] {
        let kid = world.fake().make(name, kind);
        let signer = world.open(&world.uri(&kid), &world.env()).await.unwrap();
        for lie in [Lie::Short, Lie::OtherVersion] {
            world.fake().lie(&[lie]);
            assert!(signer.sign(algorithm, b"x").await.is_err(), "{name}");
        }
        assert!(signer.sign(algorithm, b"x").await.is_ok());
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_not() {
    let (world, kid) = with_key();
    let signer = world.open(&world.uri(&kid), &world.env()).await.unwrap();
    let requests = || world.fake().requests.load(SeqCst);
    let before = requests();
    world.fake().lie(&[
        Lie::Status(429, "", Some(1)),
        Lie::Status(503, "", None),
        Lie::Status(504, "", None),
    ]);
    let began = std::time::Instant::now();
    signer.sign(A, b"x").await.unwrap();
    assert_eq!(requests(), before + 4);
    assert!(began.elapsed() >= Duration::from_secs(1));
    // Longer than the time limit: said at once.
    world.fake().lie(&[Lie::Status(429, "", Some(90))]);
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(&error, ErrorKind::Throttled, "slower requests");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
    assert_eq!(requests(), before + 5);
    world
        .fake()
        .lie(&[Lie::Status(403, "ForbiddenByPolicy", None)]);
    let error = signer.sign(A, b"x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(requests(), before + 6);
}

#[tokio::test]
async fn the_service_may_stop_and_start_between_two_signatures() {
    let (mut world, kid) = with_key();
    let signer = world.open(&world.uri(&kid), &world.env()).await.unwrap();
    signer.sign(A, b"x").await.unwrap();
    world.server.stop();
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(&error, ErrorKind::Unavailable, "refused");
    world.server.restart();
    signer.sign(A, b"x").await.unwrap();
}

#[tokio::test]
async fn the_version_at_opening_stays() {
    let (world, kid) = with_key();
    let (key, _) = kid.rsplit_once('/').unwrap();
    let signer = world.open(&world.uri(key), &world.env()).await.unwrap();
    assert!(signer.id().to_string().contains(&kid), "{}", signer.id());
    let newer = world.fake().make("job", Kind::P256);
    signer.sign(A, b"x").await.unwrap();
    let signer = world.open(&world.uri(key), &world.env()).await.unwrap();
    assert!(signer.id().to_string().contains(&newer));
    let missing = format!("{key}/00000000000000000000000000000000");
    let error = world.open(&world.uri(&missing), &world.env()).await;
    is(&error.unwrap_err(), ErrorKind::NotFound, "in version 0000");
}

/// A key that is put in place of another, with the same name and version, as no real service does.
#[tokio::test]
async fn another_key_of_the_same_name_is_noticed() {
    let (world, kid) = with_key();
    let signer = world.open(&world.uri(&kid), &world.env()).await.unwrap();
    world.fake().replace(&kid);
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(
        &error,
        ErrorKind::KeyMismatch,
        "the key that the vault showed",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_login_for_64_and_another_when_tokens_are_taken_back() {
    let (world, kid) = with_key();
    let signer = world.open(&world.uri(&kid), &world.env()).await.unwrap();
    for round in 1..=2 {
        let calls: Vec<_> = (0..64)
            .map(|_| {
                let signer = signer.clone();
                tokio::spawn(async move { signer.sign(A, b"x").await })
            })
            .collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert_eq!(world.fake().tokens_made.load(SeqCst), round);
        world.fake().revoke_tokens();
    }
}

/// Nobody's signature meets the end of a token: it is not used in the last tenth of its time.
#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let (world, kid) = with_key();
    world.fake().lifetime.store(2, SeqCst);
    let signer = world.open(&world.uri(&kid), &world.env()).await.unwrap();
    let (made, seen) = (&world.fake().tokens_made, &world.fake().tokens_seen);
    let before = (made.load(SeqCst), seen.load(SeqCst));
    tokio::time::sleep(Duration::from_millis(1850)).await;
    signer.sign(A, b"x").await.unwrap();
    // A second token, and no refusal in between.
    let after = (made.load(SeqCst), seen.load(SeqCst));
    assert_eq!(after, (before.0 + 1, before.1 + 1));
}

#[tokio::test]
async fn a_key_opens_without_a_uri() {
    let (world, kid) = with_key();
    let key = AzureKey::new(&kid).unwrap().endpoint(world.server.url());
    let login = Login::Secret {
        tenant_id: TENANT.into(),
        client_id: CLIENT.into(),
        secret: SECRET.into(),
    };
    assert!(!format!("{login:?}").contains(SECRET));
    let cx = world.context(&world.login_env());
    let signer = key.login(login).open(&cx).await.unwrap();
    signer.sign(A, b"x").await.unwrap();
    assert!(!format!("{signer:?}").contains(SECRET));
}

/// Nothing is asked for that the key cannot do.
#[tokio::test]
async fn what_azure_has_not_is_refused_before_a_request() {
    let (world, kid) = with_key();
    let signer = world.open(&world.uri(&kid), &world.env()).await.unwrap();
    let before = world.fake().requests.load(SeqCst);
    for algorithm in [Algorithm::Rs256, Algorithm::Es384, Algorithm::Ed25519] {
        let error = signer.sign(algorithm, b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm);
    }
    assert_eq!(world.fake().requests.load(SeqCst), before);
}
