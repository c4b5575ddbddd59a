//! What the strict fake does when it fails, lies, or is another than before.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{sync::Arc, time::Duration};

use keybearer_conformance::TestEnv;
use keybearer_core::{Algorithm, Error, ErrorKind, KeyUri, Registry, Result, Signer};
use keybearer_fakes::{
    Kind, Server,
    vault::{Lie, ROLE, ROOT, SECRET_ID, Vault as Fake},
};
use keybearer_vault::{Login, Vault, VaultKey};

const A: Algorithm = Algorithm::Es256;

async fn open(fake: &Server<Fake>, attributes: &str, env: TestEnv) -> Result<Arc<dyn Signer>> {
    let uri = format!("vault:transit/keys/job?address={}{attributes}", fake.url());
    let uri: KeyUri = uri.parse().unwrap();
    Registry::new().with(Vault).open(&uri, &env.context()).await
}

fn root() -> TestEnv {
    TestEnv::new().var("VAULT_TOKEN", ROOT)
}

fn with_key() -> Server<Fake> {
    let fake = Server::start(Fake::default());
    fake.service.make("job", Kind::P256);
    fake
}

fn is(error: &Error, kind: ErrorKind, part: &str) {
    let hint = error.hint().unwrap_or_default();
    assert!(
        error.kind() == kind && format!("{error} {hint}").contains(part),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_lie_is_seen() {
    let fake = with_key();
    let signer = open(&fake, "", root()).await.unwrap();
    for (lie, kind) in [
        (Lie::OtherVersion, ErrorKind::KeyMismatch),
        (Lie::OtherKey, ErrorKind::KeyMismatch),
        (Lie::WrongPrefix, ErrorKind::Backend),
        (Lie::Html, ErrorKind::Backend),
        (Lie::Truncated, ErrorKind::Backend),
        (Lie::Status(400, None), ErrorKind::NotFound),
    ] {
        fake.service.lie(std::slice::from_ref(&lie));
        let error = signer.sign(A, b"x").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{lie:?}: {error:?}");
        assert!(signer.sign(A, b"x").await.is_ok(), "after {lie:?}");
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_not() {
    let fake = with_key();
    let signer = open(&fake, "", root()).await.unwrap();
    let signatures = || fake.service.signatures();
    fake.service
        .lie(&[Lie::Status(429, None), Lie::Status(502, None)]);
    assert!(signer.sign(A, b"x").await.is_ok());
    assert_eq!(signatures(), 3);
    fake.service.lie(&[Lie::Status(500, None)]);
    let error = signer.sign(A, b"x").await.unwrap_err();
    assert_eq!((error.kind(), signatures()), (ErrorKind::Backend, 4));
    // Longer than the time limit: said at once.
    fake.service.lie(&[Lie::Status(429, Some(90))]);
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(&error, ErrorKind::Throttled, "quota");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
}

#[tokio::test]
async fn a_sealed_vault_says_so_and_serves_when_it_is_unsealed() {
    let fake = with_key();
    let signer = open(&fake, "", root()).await.unwrap();
    fake.service.lie(&[Lie::Node(503)]);
    is(
        &signer.sign(A, b"x").await.unwrap_err(),
        ErrorKind::Unavailable,
        "sealed",
    );
    fake.service.lie(&[]);
    assert!(signer.sign(A, b"x").await.is_ok());
}

#[tokio::test]
async fn the_server_may_stop_and_start_between_two_signatures() {
    let mut fake = with_key();
    let signer = open(&fake, "", root()).await.unwrap();
    signer.sign(A, b"x").await.unwrap();
    fake.stop();
    is(
        &signer.sign(A, b"x").await.unwrap_err(),
        ErrorKind::Unavailable,
        "refused",
    );
    fake.restart();
    signer.sign(A, b"x").await.unwrap();
}

#[tokio::test]
async fn the_version_at_opening_stays() {
    let fake = with_key();
    let signer = open(&fake, "", root()).await.unwrap();
    assert!(
        signer.id().to_string().contains("version=1"),
        "{}",
        signer.id()
    );
    fake.service.make("job", Kind::P256);
    signer.sign(A, b"x").await.unwrap();
    let newer = open(&fake, "", root()).await.unwrap();
    assert!(newer.id().to_string().contains("version=2"));
    let error = open(&fake, "&version=3", root()).await.unwrap_err();
    is(&error, ErrorKind::NotFound, "no version 3");
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let fake = with_key();
    fake.service
        .allow("hvs.reader-token", &["read transit/keys/job"]);
    let env = TestEnv::new().var("VAULT_TOKEN", "hvs.reader-token");
    let signer = open(&fake, "", env).await.unwrap();
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(
        &error,
        ErrorKind::PermissionDenied,
        "path \"transit/sign/job\" { capabilities = [\"update\"] }",
    );
}

#[tokio::test]
async fn a_role_that_may_not_read_signs_all_the_same() {
    let fake = with_key();
    fake.service.make("job", Kind::P256);
    fake.service
        .allow("hvs.signer-token", &["update transit/sign/job"]);
    let env = || TestEnv::new().var("VAULT_TOKEN", "hvs.signer-token");
    let error = open(&fake, "", env()).await.unwrap_err();
    is(
        &error,
        ErrorKind::PermissionDenied,
        "read on transit/keys/job",
    );
    let signer = open(&fake, "&alg=ES256", env()).await.unwrap();
    assert!(
        signer.id().to_string().contains("version=2"),
        "{}",
        signer.id()
    );
    signer.sign(A, b"x").await.unwrap();
    let error = signer.public_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn who_is_not_known_hears_where_tokens_were_looked_for() {
    let fake = with_key();
    let error = open(&fake, "", TestEnv::new()).await.unwrap_err();
    is(
        &error,
        ErrorKind::Unauthenticated,
        "VAULT_TOKEN and ~/.vault-token",
    );
    let env = TestEnv::new().var("VAULT_TOKEN", "hvs.revoked-token");
    let error = open(&fake, "", env).await.unwrap_err();
    is(&error, ErrorKind::Unauthenticated, "env:VAULT_TOKEN");
    assert!(!format!("{error:?}").contains("hvs.revoked"));
}

#[tokio::test]
async fn a_file_that_an_agent_rotates_is_read_again() {
    let fake = with_key();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".vault-token");
    std::fs::write(&file, "hvs.first-token\n").unwrap();
    fake.service.allow("hvs.first-token", &["*"]);
    let env = TestEnv::new().var("HOME", home.path().to_str().unwrap());
    let signer = open(&fake, "", env).await.unwrap();
    signer.sign(A, b"x").await.unwrap();
    fake.service.revoke("hvs.first-token");
    fake.service.allow("hvs.second-token", &["*"]);
    std::fs::write(&file, "hvs.second-token\n").unwrap();
    signer.sign(A, b"x").await.unwrap();
    std::fs::write(&file, "").unwrap();
    let error = signer.sign(A, b"x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadSecret);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn app_role_logs_in_once_for_64_and_again_when_its_token_ends() {
    let fake = with_key();
    let env = TestEnv::new().var("SECRET_ID", SECRET_ID);
    let attributes = format!("&role-id={ROLE}&secret-id-source=env:SECRET_ID");
    let signer = open(&fake, &attributes, env).await.unwrap();
    let logins = || fake.service.logins();
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
        assert_eq!(logins(), round);
        fake.service.revoke_logins();
    }
}

#[tokio::test]
async fn a_key_opens_without_a_uri() {
    let fake = with_key();
    let cx = TestEnv::new().context();
    let key = VaultKey::new(&fake.url(), "transit", "job").unwrap();
    let signer = key
        .login(Login::Token(ROOT.into()))
        .open(&cx)
        .await
        .unwrap();
    signer.sign(A, b"x").await.unwrap();
    assert!(!format!("{signer:?}").contains(ROOT));
}
