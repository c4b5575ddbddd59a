//! Good and bad files.

use std::fs;

use keybearer_core::{Algorithm, Bound, KeyType};
use keybearer_soft::{PrivateKey, SoftSigner};
use keybearer_x509::SelfSigned;

use super::*;
use crate::model::{Policy, TokenFormat};

async fn certificate() -> Certificate {
    let key = PrivateKey::generate(KeyType::Ed25519).unwrap();
    let signer = SoftSigner::new(&"pem:/k".parse().unwrap(), &key, &[]).unwrap();
    let bound = Bound::new(std::sync::Arc::new(signer), Algorithm::Ed25519).unwrap();
    let certificate = SelfSigned::new("CN=a").unwrap().issue(&bound).await;
    certificate.unwrap()
}

#[tokio::test]
async fn every_key_is_read_and_paths_are_relative_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("keys")).unwrap();
    let (a, b) = (certificate().await, certificate().await);
    fs::write(path("keys/a.crt"), a.to_pem()).unwrap();
    fs::write(path("b.der"), b.as_der()).unwrap();
    let text = r#"
        [[user]]
        name = "ann@example.org"
        [[user]]
        name = "bob@example.org"
        active = false
        login-limit = 5

        [[app]]
        client-id = "one"
        certificate = "keys/a.crt"
        [[app]]
        client-id = "two"
        certificate = ["keys/a.crt", "b.der"]
        policy = "self-authorize"
        users = ["ann@example.org"]
        token-format = "jwt"
        session-seconds = 60
        reuse-session = false
        client-secret-value = "s"
    "#;
    fs::write(path("org.toml"), text).unwrap();
    let file = OrgFile::read(&path("org.toml")).unwrap();
    let [ann, bob] = &file.users[..] else {
        panic!("{file:?}")
    };
    assert_eq!((ann.active, ann.login_limit), (true, 3600));
    assert_eq!((bob.active, bob.login_limit), (false, 5));
    let [one, two] = &file.apps[..] else {
        panic!("{file:?}")
    };
    assert_eq!(one.certificates, std::slice::from_ref(&a));
    assert_eq!((one.policy, &one.users), (None, &None));
    assert_eq!(one.token_format, TokenFormat::Opaque);
    assert_eq!(one.session, App::SESSION);
    assert!(one.reuse_session && one.secret.is_none());
    assert_eq!(two.certificates, [a, b]);
    assert_eq!(two.policy, Some(Policy::SelfAuthorize));
    assert_eq!(two.users, Some(vec!["ann@example.org".to_owned()]));
    assert_eq!(two.token_format, TokenFormat::Jwt);
    assert_eq!(two.session, Duration::from_secs(60));
    assert!(!two.reuse_session && two.secret.is_some());
}

#[test]
fn an_unknown_key_names_the_nearest() {
    for (text, message, hint) in [
        ("[[users]]", "unknown key \"users\" in the file", "user"),
        (
            "[[user]]\nlogin_limit = 1",
            "unknown key \"login_limit\" in [[user]]",
            "login-limit",
        ),
        (
            "[[app]]\nsession = 1",
            "unknown key \"session\" in [[app]]",
            "session-seconds",
        ),
        (
            "[[app]]\nclient_id = \"a\"",
            "unknown key \"client_id\" in [[app]]",
            "client-id",
        ),
    ] {
        let error = parse(text, Path::new("")).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(
            error.hint(),
            Some(format!("did you mean \"{hint}\"?").as_str())
        );
    }
}

#[tokio::test]
async fn bad_values_are_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.crt"), certificate().await.to_pem()).unwrap();
    fs::write(
        folder.path().join("key.pem"),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    let app = "[[app]]\nclient-id = \"a\"\ncertificate = \"a.crt\"\n";
    for (text, part) in [
        ("user = 1".to_owned(), "user is not a table of a list"),
        (
            "[user]\nname = \"a\"".into(),
            "user is not a table of a list",
        ),
        ("\n[[user]]\nname = hunter2".into(), "line 3: "),
        ("[[user]]".into(), "[[user]] has no name"),
        ("[[user]]\nname = \"\"".into(), "[[user]] has no name"),
        (
            "[[user]]\nname = \"a\"\nactive = \"yes\"".into(),
            "active in [[user]] is not true or false",
        ),
        (
            "[[user]]\nname = \"a\"\nlogin-limit = -1".into(),
            "login-limit in [[user]] is not a number",
        ),
        (
            "[[app]]\nclient-id = \"a\"".into(),
            "[[app]] \"a\" has no certificate",
        ),
        (
            "[[app]]\ncertificate = \"a.crt\"".into(),
            "[[app]] has no client-id",
        ),
        (
            "[[app]]\nclient-id = \"a\"\ncertificate = \"none.crt\"".into(),
            "none.crt cannot be read",
        ),
        (
            "[[app]]\nclient-id = \"a\"\ncertificate = \"key.pem\"".into(),
            "key.pem is no certificate",
        ),
        (
            format!("{app}policy = \"open\""),
            "a policy is admin-approved or self-authorize",
        ),
        (
            format!("{app}token-format = \"saml\""),
            "a token format is opaque or jwt",
        ),
        (
            format!("{app}users = [1]"),
            "users in [[app]] is not a string or a list of strings",
        ),
        (
            format!("{app}reuse-session = 1"),
            "reuse-session in [[app]] is not true or false",
        ),
    ] {
        let error = parse(&text, folder.path()).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let error = OrgFile::read(&folder.path().join("none.toml")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    fs::write(folder.path().join("org.toml"), "[[users]]").unwrap();
    let error = OrgFile::read(&folder.path().join("org.toml")).unwrap_err();
    assert!(
        error.to_string().contains("org.toml: unknown key"),
        "{error}"
    );
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn lifetimes_beyond_reason_are_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.crt"), certificate().await.to_pem()).unwrap();
    let text = format!(
        "[[app]]\nclient-id = \"a\"\ncertificate = \"a.crt\"\nsession-seconds = {}",
        i64::MAX
    );
    let file = parse(&text, folder.path()).unwrap();
    let ends = std::time::SystemTime::now().checked_add(file.apps[0].session);
    assert!(ends.is_some());
}
