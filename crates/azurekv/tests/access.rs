//! Who may do what, in which state a key signs, and whom a token is for.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(dead_code, reason = "the other tests use more of it")]

mod support;

use std::{
    sync::atomic::Ordering::SeqCst,
    time::{Duration, SystemTime},
};

use keybearer_core::{Algorithm, ErrorKind, PublicKey};
use keybearer_fakes::{
    Kind,
    azure::{Azure, GET, Lie, SIGN, Version},
};
use support::{World, app, is};

const A: Algorithm = Algorithm::Es256;
const READER: &str = "5f2d0c11-reader";
const BLIND: &str = "3b1c9d20-blind";

fn in_seconds(seconds: i64) -> Option<u64> {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    now.checked_add_signed(seconds)
}

#[tokio::test]
async fn a_key_that_does_not_sign_now_says_why() {
    type Change = fn(&mut Version);
    let cases: [(Change, ErrorKind, &str); 4] = [
        (
            |it| it.is_enabled = false,
            ErrorKind::Unsupported,
            "is disabled",
        ),
        (
            |it| it.not_before = in_seconds(3600),
            ErrorKind::Unsupported,
            "is not valid yet",
        ),
        (
            |it| it.expires = in_seconds(-60),
            ErrorKind::Unsupported,
            "has expired",
        ),
        (
            |it| it.operations = vec!["verify"],
            ErrorKind::UnsupportedAlgorithm,
            "key_ops must have sign",
        ),
    ];
    let world = World::new(Azure::vault());
    for (change, kind, part) in cases {
        let kid = world.fake().make("job", Kind::P256);
        let signer = world.open(&world.uri(&kid), &world.env()).await.unwrap();
        world.fake().change(&kid, change);
        // By Azure's word while it is open, and by the key's own when it is opened.
        is(&signer.sign(A, b"x").await.unwrap_err(), kind, part);
        let opened = world.open(&world.uri(&kid), &world.env()).await;
        is(&opened.unwrap_err(), kind, part);
    }
    let missing = format!("https://{}/keys/nobody", keybearer_fakes::azure::VAULT);
    let opened = world.open(&world.uri(&missing), &world.env()).await;
    is(
        &opened.unwrap_err(),
        ErrorKind::NotFound,
        "has no key nobody",
    );
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let reads = [
        (
            Azure::vault(),
            false,
            "get key permission",
            "sign key permission",
        ),
        (
            Azure::vault(),
            true,
            "Microsoft.KeyVault/vaults/keys/read",
            "role Key Vault Crypto User",
        ),
        (
            Azure::managed_hsm(),
            true,
            "role Managed HSM Crypto User",
            "role Managed HSM Crypto User",
        ),
    ];
    for (fake, is_by_roles, read, sign) in reads {
        let world = World::new(fake);
        world.fake().is_by_roles.store(is_by_roles, SeqCst);
        world.fake().register(READER, app(&[GET]));
        world.fake().register("nobody", app(&[]));
        let kid = world.fake().make("job", Kind::P256);
        let env = |client: &str| world.env().var("AZURE_CLIENT_ID", client);
        let signer = world.open(&world.uri(&kid), &env(READER)).await.unwrap();
        let error = signer.sign(A, b"x").await.unwrap_err();
        is(&error, ErrorKind::PermissionDenied, "no sign permission");
        is(&error, ErrorKind::PermissionDenied, sign);
        let error = world.open(&world.uri(&kid), &env("nobody")).await;
        is(&error.unwrap_err(), ErrorKind::PermissionDenied, read);
    }
}

#[tokio::test]
async fn a_firewall_is_told_from_a_missing_permission() {
    let world = World::new(Azure::vault());
    let kid = world.fake().make("job", Kind::P256);
    world
        .fake()
        .lie(&[Lie::Status(403, "ForbiddenByFirewall", None)]);
    let error = world.open(&world.uri(&kid), &world.env()).await;
    is(&error.unwrap_err(), ErrorKind::PermissionDenied, "firewall");
}

/// Of another tenant, say: a new token is tried once, and does not help.
#[tokio::test]
async fn a_token_that_the_vault_does_not_accept_is_told_with_its_source() {
    let world = World::new(Azure::vault());
    let kid = world.fake().make("job", Kind::P256);
    let signer = world.open(&world.uri(&kid), &world.env()).await.unwrap();
    let made = world.fake().tokens_made.load(SeqCst);
    world.fake().lie(&[Lie::Status(401, "", None); 2]);
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(
        &error,
        ErrorKind::Unauthenticated,
        "the token of the environment",
    );
    assert_eq!(world.fake().tokens_made.load(SeqCst), made + 1);
    signer.sign(A, b"x").await.unwrap();
}

#[tokio::test]
async fn a_caller_who_may_not_read_signs_all_the_same() {
    let world = World::new(Azure::vault());
    world.fake().register(BLIND, app(&[SIGN]));
    world.fake().make("job", Kind::P256);
    let kid = world.fake().make("job", Kind::P256);
    let (key, _) = kid.rsplit_once('/').unwrap();
    let env = world.env().var("AZURE_CLIENT_ID", BLIND);
    let error = world.open(&world.uri(key), &env).await.unwrap_err();
    is(&error, ErrorKind::PermissionDenied, "alg=RS256");
    let uri = world.uri(key).with_attribute("alg", "ES256");
    let signer = world.open(&uri, &env).await.unwrap();
    // One signature has told it.
    assert!(signer.id().to_string().contains(&kid), "{}", signer.id());
    world.fake().make("job", Kind::P256);
    signer.sign(A, b"x").await.unwrap();
    let error = signer.public_key().await.unwrap_err();
    is(&error, ErrorKind::PermissionDenied, "public-key=PATH");
    // A version that is named is not asked for.
    let signatures = world.fake().signatures.load(SeqCst);
    let pinned = world.uri(&kid).with_attribute("alg", "ES256");
    let signer = world.open(&pinned, &env).await.unwrap();
    assert_eq!(world.fake().signatures.load(SeqCst), signatures);
    signer.sign(A, b"x").await.unwrap();
    for (wrong, kind) in [
        ("RS256", ErrorKind::UnsupportedAlgorithm),
        ("Ed25519", ErrorKind::UnsupportedAlgorithm),
    ] {
        let uri = world.uri(key).with_attribute("alg", wrong);
        let error = world.open(&uri, &env).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{wrong}: {error:?}");
    }
}

#[tokio::test]
async fn files_tell_what_the_caller_may_not_read() {
    let world = World::new(Azure::vault());
    world.fake().register(BLIND, app(&[SIGN]));
    let kid = world.fake().make("job", Kind::P256);
    let other = world.fake().make("other", Kind::P256);
    let file = |kid: &str| {
        let public = PublicKey::from_spki_der(&world.fake().spki_der(kid)).unwrap();
        let path = world.folder.path().join("public.pem");
        std::fs::write(&path, public.to_pem()).unwrap();
        (public, path.to_str().unwrap().to_owned())
    };
    let env = world.env().var("AZURE_CLIENT_ID", BLIND);
    let uri = world.uri(&kid).with_attribute("alg", "ES256");
    let (public, path) = file(&kid);
    let blind = uri.clone().with_attribute("public-key", &path);
    let signer = world.open(&blind, &env).await.unwrap();
    assert_eq!(signer.public_key().await.unwrap(), public);
    // Who may read it is told of a wrong file.
    let (_, path) = file(&other);
    let wrong = uri.with_attribute("public-key", path);
    let error = world.open(&wrong, &world.env()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyMismatch);
}

#[tokio::test]
async fn a_certificate_is_checked_against_the_key() {
    use keybearer_core::Bound;
    use keybearer_x509::SelfSigned;
    let world = World::new(Azure::vault());
    let (kid, other) = (
        world.fake().make("job", Kind::P256),
        world.fake().make("other", Kind::P256),
    );
    let signer = world.open(&world.uri(&kid), &world.env()).await.unwrap();
    let bound = Bound::new(signer, A).unwrap();
    let made = SelfSigned::new("CN=job").unwrap();
    let made = made.issue(&bound).await.unwrap();
    let path = world.folder.path().join("job.crt");
    std::fs::write(&path, made.to_pem()).unwrap();
    let with = |kid: &str| {
        world
            .uri(kid)
            .with_attribute("certificate", path.to_str().unwrap())
    };
    let signer = world.open(&with(&kid), &world.env()).await.unwrap();
    let chain = signer.certificate_chain().await.unwrap();
    assert_eq!(chain[0].as_der(), made.as_der());
    let error = world.open(&with(&other), &world.env()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyMismatch);
}

/// No token is made, let alone sent, for what a stranger in the vault's place asks for.
#[tokio::test]
async fn a_lying_challenge_gets_no_token() {
    let world = World::new(Azure::vault());
    let kid = world.fake().make("job", Kind::P256);
    for resource in [
        "https://management.azure.com",
        "https://graph.microsoft.com/.default",
        "https://managedhsm.azure.net",
        "https://vault.azure.net.evil.example",
        "https://net",
    ] {
        let challenge =
            format!("Bearer authorization=\"https://login.example/t\", resource=\"{resource}\"");
        world.fake().challenge_with(&challenge);
        let error = world.open(&world.uri(&kid), &world.env()).await;
        is(
            &error.unwrap_err(),
            ErrorKind::KeyMismatch,
            "no token was sent",
        );
    }
    world.fake().challenge_with("Negotiate");
    let error = world.open(&world.uri(&kid), &world.env()).await;
    is(&error.unwrap_err(), ErrorKind::Backend, "for which service");
    let count = (&world.fake().tokens_made, &world.fake().tokens_seen);
    assert_eq!((count.0.load(SeqCst), count.1.load(SeqCst)), (0, 0));
}

/// The time of a request and of its tries is bounded by one limit.
#[tokio::test]
async fn a_service_that_stays_silent_is_given_up() {
    let world = World::new(Azure::vault());
    let kid = world.fake().make("job", Kind::P256);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", silent.local_addr().unwrap());
    let uri = world.uri(&kid).with_attribute("endpoint", endpoint);
    let mut cx = world.context(&world.env());
    cx.timeout = Duration::from_millis(300);
    let began = std::time::Instant::now();
    let error = support::registry().open(&uri, &cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
}
