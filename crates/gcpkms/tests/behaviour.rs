//! What the strict fake does when it fails, lies, or is another than before.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use keybearer_conformance::TestEnv;
use keybearer_core::{Algorithm, ErrorKind};
use keybearer_fakes::{
    Server,
    gcp::{GET, Gcp, LIST, Lie, READ, RING, SIGN},
};
use keybearer_gcpkms::{GcpKey, Identity};
use support::{A, SIGNER, at, env_of, is, listed, open, opened, with_key};

#[tokio::test]
async fn a_lie_is_seen() {
    let (fake, version) = with_key();
    let signer = opened(&fake, &version).await;
    for (lie, kind) in [
        (Lie::OtherVersion, ErrorKind::KeyMismatch),
        (Lie::OtherKey, ErrorKind::KeyMismatch),
        (Lie::NoSignature, ErrorKind::Backend),
        (Lie::Html, ErrorKind::Backend),
        (Lie::Truncated, ErrorKind::Backend),
        (
            Lie::Status(400, "INVALID_ARGUMENT", None),
            ErrorKind::UnsupportedAlgorithm,
        ),
        (Lie::Status(404, "NOT_FOUND", None), ErrorKind::NotFound),
    ] {
        fake.service.lie(&[lie]);
        let before = fake.service.requests.load(SeqCst);
        let error = signer.sign(A, b"x").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{lie:?}: {error:?}");
        // Not tried again.
        assert_eq!(fake.service.requests.load(SeqCst), before + 1, "{lie:?}");
        assert!(signer.sign(A, b"x").await.is_ok(), "after {lie:?}");
    }
}

/// Google asks for another try of what was damaged on the way, and it ends.
#[tokio::test]
async fn a_wrong_checksum_is_seen_and_asked_again() {
    let (fake, version) = with_key();
    let signer = opened(&fake, &version).await;
    for lie in [Lie::WrongChecksum, Lie::Unverified] {
        fake.service.lie(&[lie]);
        let before = fake.service.signatures.load(SeqCst);
        signer.sign(A, b"x").await.unwrap();
        assert_eq!(fake.service.signatures.load(SeqCst), before + 2, "{lie:?}");
        fake.service.lie(&[lie; 5]);
        let error = signer.sign(A, b"x").await.unwrap_err();
        is(&error, ErrorKind::Unavailable, "damaged on the way");
        assert_eq!(fake.service.signatures.load(SeqCst), before + 7);
    }
}

#[tokio::test]
async fn a_lie_about_the_public_key_is_seen() {
    let (fake, version) = with_key();
    for (lie, kind) in [
        (Lie::OtherVersion, ErrorKind::KeyMismatch),
        (Lie::Html, ErrorKind::Backend),
        (Lie::Truncated, ErrorKind::Backend),
    ] {
        fake.service.lie(&[lie]);
        let error = open(&fake, &version, SIGNER).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{lie:?}: {error:?}");
    }
    fake.service.lie(&[Lie::WrongChecksum]);
    open(&fake, &version, SIGNER).await.unwrap();
    // One that is not the signing one is seen at the first signature.
    fake.service.lie(&[Lie::OtherKey]);
    let signer = open(&fake, &version, SIGNER).await.unwrap();
    let error = signer.sign(A, b"x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyMismatch);
    assert!(error.key().unwrap().contains("cryptoKeyVersions/1"));
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_not() {
    let (fake, version) = with_key();
    let signer = opened(&fake, &version).await;
    let requests = || fake.service.requests.load(SeqCst);
    let before = requests();
    fake.service.lie(&[
        Lie::Status(429, "RESOURCE_EXHAUSTED", None),
        Lie::Status(503, "UNAVAILABLE", Some(0)),
        Lie::Status(500, "INTERNAL", None),
    ]);
    signer.sign(A, b"x").await.unwrap();
    assert_eq!(requests(), before + 4);
    fake.service.lie(&[Lie::Status(501, "UNIMPLEMENTED", None)]);
    let error = signer.sign(A, b"x").await.unwrap_err();
    assert_eq!((error.kind(), requests()), (ErrorKind::Backend, before + 5));
    // Longer than the time limit: said at once.
    fake.service
        .lie(&[Lie::Status(429, "RESOURCE_EXHAUSTED", Some(90))]);
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(&error, ErrorKind::Throttled, "quota");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
}

#[tokio::test]
async fn the_server_may_stop_and_start_between_two_signatures() {
    let (mut fake, version) = with_key();
    let signer = opened(&fake, &version).await;
    signer.sign(A, b"x").await.unwrap();
    fake.stop();
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(&error, ErrorKind::Unavailable, "refused");
    fake.restart();
    signer.sign(A, b"x").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_given_up_harm_nothing() {
    let (fake, version) = with_key();
    let signer = opened(&fake, &version).await;
    for _ in 0..20 {
        let call = tokio::spawn({
            let signer = signer.clone();
            async move { signer.sign(A, b"x").await }
        });
        tokio::task::yield_now().await;
        call.abort();
    }
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let signer = signer.clone();
            tokio::spawn(async move { signer.sign(A, b"x").await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_state_in_which_it_does_not_sign_is_told() {
    let (fake, version) = with_key();
    fake.service.account(SIGNER, &[SIGN, READ, GET]);
    let signer = opened(&fake, &version).await;
    // Enabled by the time its state is asked for.
    fake.service
        .lie(&[Lie::Status(400, "FAILED_PRECONDITION", None)]);
    signer.sign(A, b"x").await.unwrap();
    for (state, kind, part) in [
        ("DISABLED", ErrorKind::Unsupported, "versions enable 1"),
        (
            "DESTROY_SCHEDULED",
            ErrorKind::Unsupported,
            "versions restore 1",
        ),
        ("DESTROYED", ErrorKind::NotFound, "its key is gone"),
        ("PENDING_IMPORT", ErrorKind::Unsupported, "imported"),
        (
            "GENERATION_FAILED",
            ErrorKind::Unsupported,
            "GENERATION_FAILED",
        ),
    ] {
        fake.service.set_state(&version, state);
        is(&signer.sign(A, b"x").await.unwrap_err(), kind, part);
        is(
            &open(&fake, &version, SIGNER).await.unwrap_err(),
            kind,
            part,
        );
    }
    // Who may not ask for the state hears what it may be.
    fake.service.account(SIGNER, &[SIGN, READ]);
    let error = open(&fake, &version, SIGNER).await.unwrap_err();
    is(&error, ErrorKind::Unsupported, "versions describe 1");
}

/// It is waited for within the time limit.
#[tokio::test]
async fn a_version_that_is_still_being_made_is_waited_for() {
    let (fake, version) = with_key();
    fake.service.account(SIGNER, &[SIGN, READ, GET]);
    fake.service.set_state(&version, "PENDING_GENERATION");
    let state = fake.service.clone();
    let made = async {
        let before = state.requests.load(SeqCst);
        while state.requests.load(SeqCst) < before + 4 {
            tokio::task::yield_now().await;
        }
        state.set_state(&version, "ENABLED");
    };
    let (opened, ()) = tokio::join!(open(&fake, &version, SIGNER), made);
    opened.unwrap();
    // Where it is the only one, it needs no name.
    fake.service.account(SIGNER, &[SIGN, READ, GET, LIST]);
    fake.service.set_state(&version, "PENDING_GENERATION");
    let made = async {
        let before = state.requests.load(SeqCst);
        while state.requests.load(SeqCst) < before + 4 {
            tokio::task::yield_now().await;
        }
        state.set_state(&version, "ENABLED");
    };
    let key = format!("{RING}/job");
    let (opened, ()) = tokio::join!(open(&fake, &key, SIGNER), made);
    opened.unwrap();
}

#[tokio::test]
async fn a_key_of_another_purpose_is_told() {
    let fake = Server::start(Gcp::new());
    fake.service.account(SIGNER, &[SIGN, READ, GET]);
    let version = fake.service.make("crypt", "GOOGLE_SYMMETRIC_ENCRYPTION");
    let error = open(&fake, &version, SIGNER).await.unwrap_err();
    is(
        &error,
        ErrorKind::UnsupportedAlgorithm,
        "GOOGLE_SYMMETRIC_ENCRYPTION",
    );
    // It signs, and nothing of JOSE's.
    let version = fake.service.make("raw", "RSA_SIGN_RAW_PKCS1_2048");
    let error = open(&fake, &version, SIGNER).await.unwrap_err();
    is(
        &error,
        ErrorKind::UnsupportedAlgorithm,
        "RSA_SIGN_RAW_PKCS1_2048",
    );
}

#[tokio::test]
async fn a_key_without_a_version_is_its_only_enabled_one() {
    let (fake, first) = with_key();
    fake.service.account(SIGNER, &[SIGN, READ, LIST]);
    let key = format!("{RING}/job");
    let signer = open(&fake, &key, SIGNER).await.unwrap();
    assert!(signer.id().to_string().contains(&first), "{}", signer.id());
    let second = fake.service.make("job", "RSA_SIGN_PKCS1_2048_SHA256");
    let error = open(&fake, &key, SIGNER).await.unwrap_err();
    is(
        &error,
        ErrorKind::Ambiguous,
        "1 (EC_SIGN_P256_SHA256), 2 (RSA_SIGN_PKCS1_2048_SHA256)",
    );
    // The signer stays with what it was opened on.
    signer.sign(A, b"x").await.unwrap();
    fake.service.set_state(&first, "DISABLED");
    let signer = open(&fake, &key, SIGNER).await.unwrap();
    assert!(signer.id().to_string().contains(&second));
    assert_eq!(signer.algorithms(), [Algorithm::Rs256]);
    fake.service.set_state(&second, "DESTROYED");
    let error = open(&fake, &key, SIGNER).await.unwrap_err();
    is(&error, ErrorKind::NotFound, "no version that is enabled");
    fake.service.account(SIGNER, &[SIGN, READ]);
    let error = open(&fake, &key, SIGNER).await.unwrap_err();
    is(&error, ErrorKind::PermissionDenied, LIST);
    is(&error, ErrorKind::PermissionDenied, "cryptoKeyVersions/1");
}

#[tokio::test]
async fn the_versions_of_a_key_are_listed() {
    let (fake, first) = with_key();
    fake.service.account(SIGNER, &[LIST]);
    let second = fake.service.make("job", "RSA_SIGN_PKCS1_3072_SHA256");
    fake.service.set_state(&first, "DISABLED");
    fake.service.page.store(1, SeqCst);
    let listed = listed(&fake, &format!("{RING}/job")).await.unwrap();
    let told: Vec<_> = listed
        .entries
        .iter()
        .map(|it| {
            (
                it.alias.as_deref().unwrap(),
                it.bits.unwrap(),
                it.note.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (first.as_str(), 256, "DISABLED, EC_SIGN_P256_SHA256"),
            (second.as_str(), 3072, "signs RS256"),
        ]
    );
    assert_eq!(
        support::listed(&fake, &second).await.unwrap().entries.len(),
        1
    );
    for missing in [format!("{RING}/none"), format!("{second}9")] {
        let error = support::listed(&fake, &missing).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    }
    fake.service.account(SIGNER, &[SIGN]);
    let error = support::listed(&fake, &first).await.unwrap_err();
    is(&error, ErrorKind::PermissionDenied, LIST);
}

#[tokio::test]
async fn a_key_opens_without_a_uri() {
    let (fake, version) = with_key();
    let token = fake.service.access_token(SIGNER);
    let key = GcpKey::new(&version)
        .unwrap()
        .endpoint(&fake.url())
        .unwrap();
    let key = key.identity(Identity::AccessToken(token.as_str().into()));
    let cx = TestEnv::new().context();
    let signer = key.open(&cx).await.unwrap();
    signer.sign(A, b"x").await.unwrap();
    assert!(!format!("{signer:?}").contains(&token));
    // It ends, and there is no other.
    fake.service.revoke_tokens();
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(
        &error,
        ErrorKind::Unauthenticated,
        "the token of the program",
    );
    assert!(!format!("{error:?}").contains(&token));
}

/// What answers there is given no token.
#[tokio::test]
async fn an_endpoint_in_the_clear_is_refused() {
    let (fake, version) = with_key();
    let env = env_of(&fake, SIGNER);
    let error = at(&version, "http://kms.example", env).await.unwrap_err();
    is(&error, ErrorKind::InvalidUri, "in the clear");
}
