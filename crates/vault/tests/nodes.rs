//! Nodes that do not answer, and namespaces.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::sync::Arc;

use keybearer_conformance::TestEnv;
use keybearer_core::{Algorithm, Error, ErrorKind, KeyUri, Registry, Result, Signer};
use keybearer_fakes::{
    Kind, Server,
    vault::{Lie, ROOT, Vault as Fake},
};
use keybearer_vault::Vault;

const A: Algorithm = Algorithm::Es256;

async fn open(fake: &Server<Fake>, token: &str, attributes: &str) -> Result<Arc<dyn Signer>> {
    let uri = format!("vault:transit/keys/job?address={}{attributes}", fake.url());
    let uri: KeyUri = uri.parse().unwrap();
    let env = TestEnv::new().var("VAULT_TOKEN", token);
    Registry::new().with(Vault).open(&uri, &env.context()).await
}

async fn refused(fake: &Server<Fake>, token: &str, attributes: &str) -> Error {
    open(fake, token, attributes).await.unwrap_err()
}

/// All at once, as each is tried again for some seconds.
#[tokio::test]
async fn a_node_that_does_not_answer_says_what_it_is() {
    let cases = [
        (429, "is a standby", ""),
        (472, "disaster recovery", ""),
        (473, "is a standby", ""),
        (501, "not initialised", ""),
        (503, "is sealed", ""),
        (503, "is sealed", "&namespace=team"),
        (200, "cannot answer now (HTTP 503)", ""),
    ];
    let asked = cases.map(|(status, part, attributes)| {
        tokio::spawn(async move {
            let fake = Server::start(Fake::default());
            fake.service.make_namespace("team");
            fake.service.lie(&[Lie::Node(status)]);
            let error = refused(&fake, ROOT, attributes).await;
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{status}: {error:?}");
            assert!(error.to_string().contains(part), "{status}: {error}");
        })
    });
    for one in asked {
        one.await.unwrap();
    }
}

/// Its token is not carried to where it points.
#[tokio::test]
async fn a_standby_that_redirects_is_not_followed() {
    let (standby, active) = (
        Server::start(Fake::default()),
        Server::start(Fake::default()),
    );
    active.service.make("job", Kind::P256);
    standby.service.lie(&[Lie::Redirect(active.url())]);
    let error = refused(&standby, ROOT, "").await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    assert!(error.hint().unwrap().contains("active node"), "{error:?}");
    assert_eq!(active.service.requests(), 0);
}

#[tokio::test]
async fn a_key_is_seen_in_its_namespace_alone() {
    let fake = Server::start(Fake::default());
    fake.service.make_in("team/a", "job", Kind::P256);
    let signer = open(&fake, ROOT, "&namespace=team/a").await.unwrap();
    assert!(signer.id().to_string().contains("namespace=team/a"));
    signer.sign(A, b"x").await.unwrap();
    for elsewhere in ["", "&namespace=team/b"] {
        fake.service.make_namespace("team/b");
        let error = refused(&fake, ROOT, elsewhere).await;
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
        assert!(error.hint().unwrap().contains("namespace"), "{error:?}");
    }
    // One that is nowhere.
    let error = refused(&fake, ROOT, "&namespace=nowhere").await;
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
}

#[tokio::test]
async fn the_namespace_may_stand_in_the_environment() {
    let fake = Server::start(Fake::default());
    fake.service.make_in("team", "job", Kind::P256);
    let uri = format!("vault:transit/keys/job?address={}", fake.url());
    let uri: KeyUri = uri.parse().unwrap();
    let registry = Registry::new().with(Vault);
    for name in ["VAULT_NAMESPACE", "BAO_NAMESPACE"] {
        let env = TestEnv::new().var("VAULT_TOKEN", ROOT).var(name, "team");
        let signer = registry.open(&uri, &env.context()).await.unwrap();
        signer.sign(A, b"x").await.unwrap();
        // The id says it, so that it means the same elsewhere.
        assert!(signer.id().to_string().contains("namespace=team"));
    }
}

#[tokio::test]
async fn a_token_of_another_namespace_is_none() {
    let fake = Server::start(Fake::default());
    fake.service.make_in("a", "job", Kind::P256);
    fake.service.make_in("b", "job", Kind::P256);
    let rules = ["read transit/keys/job", "update transit/sign/job"];
    fake.service.allow_in("a", "hvs.token-of-a", &rules);
    let signer = open(&fake, "hvs.token-of-a", "&namespace=a").await.unwrap();
    signer.sign(A, b"x").await.unwrap();
    let error = refused(&fake, "hvs.token-of-a", "&namespace=b").await;
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    assert!(
        error.hint().unwrap().contains("another namespace"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_version_that_signs_no_more_is_told() {
    let fake = Server::start(Fake::default());
    fake.service.make("job", Kind::P256);
    let old = open(&fake, ROOT, "").await.unwrap();
    fake.service.make("job", Kind::P256);
    fake.service.least_version("job", 2);
    let error = refused(&fake, ROOT, "&version=1").await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.to_string().contains("the least is 2"), "{error}");
    // The server says it by 500, which is not tried again: the key's state tells why.
    let before = fake.service.signatures();
    let error = old.sign(A, b"x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.to_string().contains("the least is 2"), "{error}");
    assert_eq!(fake.service.signatures(), before + 1);
}
