//! Who may sign, with which version, and under which name.

use keybearer_conformance::{TestEnv, verify};
use keybearer_core::{Algorithm, ErrorKind, Registry};
use keybearer_tests::Scratch;
use keybearer_vault::Vault;
use serde_json::json;

use crate::place::{Place, runtime};

const A: Algorithm = Algorithm::Es256;

pub(crate) fn blind_role(place: &Place) {
    let key = place.key("ecdsa-p256");
    let sign = format!("transit/sign/{key}");
    let token = place.token("", &[("update", &sign)]);
    let uri = place.uri(&key);
    let error = place.open(&token, &uri).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert!(
        error
            .hint()
            .unwrap()
            .contains(&format!("transit/keys/{key}"))
    );
    let signer = place
        .open(&token, &uri.clone().with_attribute("alg", "ES256"))
        .unwrap();
    assert!(
        signer.id().to_string().contains("version=1"),
        "{}",
        signer.id()
    );
    let signature = runtime().block_on(signer.sign(A, b"message")).unwrap();
    let public = place.public_key(&key);
    verify::aws_lc(&public, A, b"message", &signature).unwrap();
    // A file tells what the role may not ask for.
    let scratch = Scratch::new();
    let file = scratch.write("key.pem", public.to_pem());
    let uri = uri
        .with_attribute("alg", "ES256")
        .with_attribute("public-key", file);
    let signer = place.open(&token, &uri).unwrap();
    assert_eq!(runtime().block_on(signer.public_key()).unwrap(), public);
    runtime().block_on(signer.sign(A, b"message")).unwrap();
    // The server signs with a key of another kind whatever is asked of it.
    for (kind, alg) in [
        ("ecdsa-p256", "RS256"),
        ("ecdsa-p521", "PS512"),
        ("ecdsa-p256", "Ed25519"),
        ("ed25519", "ES256"),
        ("ed25519", "RS256"),
        ("rsa-2048", "ES256"),
        ("rsa-2048", "Ed25519"),
    ] {
        let key = place.key(kind);
        let token = place.token("", &[("update", &format!("transit/sign/{key}"))]);
        for version in [None, Some("1")] {
            let mut uri = place.uri(&key).with_attribute("alg", alg);
            if let Some(version) = version {
                uri = uri.with_attribute("version", version);
            }
            let error = place.open(&token, &uri).unwrap_err();
            let kinds = [ErrorKind::UnsupportedAlgorithm, ErrorKind::Backend];
            assert!(kinds.contains(&error.kind()), "{kind} {alg}: {error:?}");
        }
    }
}

pub(crate) fn unknown_tokens(place: &Place) {
    let key = place.key("ecdsa-p256");
    let (sign, read) = (format!("transit/sign/{key}"), format!("transit/keys/{key}"));
    let token = place.token("", &[("update", &sign), ("read", &read)]);
    let signer = place.open(&token, &place.uri(&key)).unwrap();
    runtime().block_on(signer.sign(A, b"message")).unwrap();
    place.post("", "auth/token/revoke", &json!({"token": token}));
    let error = runtime().block_on(signer.sign(A, b"message")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    let error = place
        .open("hvs.never-was-one", &place.uri(&key))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
}

/// A role with these rights: its id and a secret id.
pub(crate) fn make_role(place: &Place, rules: &[(&str, &str)]) -> (String, String) {
    let name = place.name("role");
    let policies = [place.policy("", rules)];
    let path = format!("auth/approle/role/{name}");
    place.post(
        "",
        &path,
        &json!({"token_policies": policies, "token_ttl": "1h"}),
    );
    let role = place.get(&format!("{path}/role-id"));
    let secret = place.post("", &format!("{path}/secret-id"), &json!({}));
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (
        text(&role["data"]["role_id"]),
        text(&secret["data"]["secret_id"]),
    )
}

pub(crate) fn app_role(place: &Place) {
    let key = place.key("ecdsa-p256");
    let (sign, read) = (format!("transit/sign/{key}"), format!("transit/keys/{key}"));
    let (role, secret) = make_role(place, &[("update", &sign), ("read", &read)]);
    let uri = place
        .uri(&key)
        .with_attribute("role-id", role)
        .with_attribute("secret-id-source", "env:SECRET_ID");
    let open = |secret: &str, uri: &keybearer_core::KeyUri| {
        let env = TestEnv::new().var("SECRET_ID", secret);
        runtime().block_on(Registry::new().with(Vault).open(uri, &env.context()))
    };
    let signer = open(&secret, &uri).unwrap();
    let signature = runtime().block_on(signer.sign(A, b"message")).unwrap();
    verify::aws_lc(&place.public_key(&key), A, b"message", &signature).unwrap();
    let error = open("never-was-one", &uri).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadSecret, "{error:?}");
    let elsewhere = uri.with_attribute("auth-mount", "elsewhere");
    let error = open(&secret, &elsewhere).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
}

pub(crate) fn versions(place: &Place) {
    let key = place.key("rsa-2048");
    let first = place.public_key(&key);
    let signer = place.open(&place.root, &place.uri(&key)).unwrap();
    place.post("", &format!("transit/keys/{key}/rotate"), &json!({}));
    let signature = runtime()
        .block_on(signer.sign(Algorithm::Rs256, b"message"))
        .unwrap();
    verify::aws_lc(&first, Algorithm::Rs256, b"message", &signature).unwrap();
    let newer = place.open(&place.root, &place.uri(&key)).unwrap();
    assert!(
        newer.id().to_string().contains("version=2"),
        "{}",
        newer.id()
    );
    let signature = runtime()
        .block_on(newer.sign(Algorithm::Ps256, b"message"))
        .unwrap();
    verify::aws_lc(
        &place.public_key(&key),
        Algorithm::Ps256,
        b"message",
        &signature,
    )
    .unwrap();
    let refused = |version: &str| {
        let uri = place.uri(&key).with_attribute("version", version);
        place.open(&place.root, &uri).unwrap_err()
    };
    assert_eq!(refused("3").kind(), ErrorKind::NotFound);
    let config = format!("transit/keys/{key}/config");
    place.post("", &config, &json!({"min_decryption_version": 2}));
    let error = refused("1");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    let error = runtime()
        .block_on(signer.sign(Algorithm::Rs256, b"message"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
}

/// OpenBao has it: a key that signs no more, and may again.
pub(crate) fn soft_deleted(place: &Place) {
    let key = place.key("ecdsa-p256");
    let signer = place.open(&place.root, &place.uri(&key)).unwrap();
    let sign = || runtime().block_on(signer.sign(A, b"message"));
    sign().unwrap();
    let path = format!("transit/keys/{key}/soft-delete");
    place.delete(&path);
    let at_opening = place.open(&place.root, &place.uri(&key)).unwrap_err();
    for error in [sign().unwrap_err(), at_opening] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("soft-delete-restore"), "{error:?}");
    }
    place.post("", &format!("{path}-restore"), &json!({}));
    sign().unwrap();
}

/// A quota of one signature a minute: told at once, with the time that the server asks for.
pub(crate) fn quota(place: &Place) {
    let key = place.key("ecdsa-p256");
    let signer = place.open(&place.root, &place.uri(&key)).unwrap();
    let headers = json!({"enable_rate_limit_response_headers": true});
    place.post("", "sys/quotas/config", &headers);
    let path = format!("transit/sign/{key}");
    let one_a_minute = json!({"path": path, "rate": 1, "interval": "60s"});
    let quota = format!("sys/quotas/rate-limit/{key}");
    place.post("", &quota, &one_a_minute);
    let sign = || runtime().block_on(signer.sign(A, b"message"));
    sign().unwrap();
    let error = sign().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled, "{error:?}");
    let wait = error.retry_after().unwrap().as_secs();
    assert!((30..=60).contains(&wait), "{error:?}");
    place.delete(&quota);
    sign().unwrap();
}

pub(crate) fn names(place: &Place) {
    let error = place.open(&place.root, &place.uri("missing")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    let uri = place
        .uri("x")
        .to_string()
        .replace("transit/keys", "elsewhere/keys");
    let error = place.open(&place.root, &uri.parse().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
}
