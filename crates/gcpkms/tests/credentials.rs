//! Where credentials come from, how long they are used, and what is wrong with them.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{Mutex, atomic::Ordering::SeqCst},
    thread::JoinHandle,
};

use keybearer_conformance::TestEnv;
use keybearer_core::{Error, ErrorKind, KeyUri, OpenContext, Registry};
use keybearer_fakes::{
    Answer, Asked, Server, Service,
    gcp::{Gcp, READ, SIGN},
    nobody,
};
use keybearer_gcpkms::GcpKms;
use serde_json::{Value, json};
use support::{A, SIGNER, by, is, with_key};

const USER: &str = "someone@example.com";

fn uri(fake: &Server<Gcp>, version: &str) -> KeyUri {
    KeyUri::literal("gcpkms", version).with_attribute("endpoint", fake.url())
}

fn with_user() -> (Server<Gcp>, KeyUri, Value) {
    let (fake, version) = with_key();
    fake.service.account(USER, &[SIGN, READ]);
    let file = fake.service.user_file(USER, &fake.url());
    let uri = uri(&fake, &version).with_attribute("credentials-source", "env:CREDENTIALS");
    (fake, uri, file)
}

fn env(credentials: &Value) -> TestEnv {
    TestEnv::new().var("CREDENTIALS", credentials.to_string())
}

/// Without a token that could be spilt.
async fn refused(uri: &KeyUri, env: TestEnv) -> Error {
    let error = by(uri, env).await.unwrap_err();
    for secret in ["hunter2", "GOCSPX", "1//", "PRIVATE"] {
        assert!(!format!("{error:?}").contains(secret), "{error:?}");
    }
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_asked_for_once_for_64_and_again_when_it_is_refused() {
    let (fake, uri, file) = with_user();
    let signer = by(&uri, env(&file)).await.unwrap();
    let asked = || fake.service.token_requests.load(SeqCst);
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
        assert_eq!(asked(), round);
        fake.service.revoke_tokens();
    }
}

#[tokio::test]
async fn a_token_that_ends_is_renewed_before() {
    let (fake, uri, file) = with_user();
    let signer = by(&uri, env(&file)).await.unwrap();
    signer.sign(A, b"x").await.unwrap();
    assert_eq!(fake.service.token_requests.load(SeqCst), 1);
    // From now on they end as soon as they are given out.
    fake.service.lifetime.store(0, SeqCst);
    fake.service.revoke_tokens();
    let before = fake.service.requests.load(SeqCst);
    for _ in 0..3 {
        signer.sign(A, b"x").await.unwrap();
    }
    assert_eq!(fake.service.token_requests.load(SeqCst), 4);
    // One was refused, which was not known to have ended; the others were not used again.
    assert_eq!(fake.service.requests.load(SeqCst), before + 4);
}

/// As when a secret is mounted anew.
#[tokio::test]
async fn a_file_is_read_again_for_a_new_token() {
    let (fake, version) = with_key();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    let write = || {
        let key = fake.service.service_account_file(SIGNER, &fake.url());
        std::fs::write(&file, key.to_string()).unwrap();
    };
    write();
    let path = file.to_str().unwrap();
    let env = TestEnv::new().var("GOOGLE_APPLICATION_CREDENTIALS", path);
    let signer = by(&uri(&fake, &version), env).await.unwrap();
    // Another key of the same account.
    fake.service.account(SIGNER, &[SIGN, READ]);
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(&error, ErrorKind::Unauthenticated, SIGNER);
    write();
    signer.sign(A, b"x").await.unwrap();
    std::fs::remove_file(&file).unwrap();
    fake.service.account(SIGNER, &[SIGN, READ]);
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(&error, ErrorKind::BadSecret, "key.json");
}

#[tokio::test]
async fn a_file_that_is_none_of_these_is_told() {
    let (fake, version) = with_key();
    let uri = uri(&fake, &version).with_attribute("credentials-source", "env:CREDENTIALS");
    let key = fake.service.service_account_file(SIGNER, &fake.url());
    let but = |name: &str, value: Value| {
        let mut key = key.clone();
        key[name] = value;
        key
    };
    for (json, kind, part) in [
        (
            json!({"type": "external_account", "audience": "//iam.googleapis.com/x"}),
            ErrorKind::Unsupported,
            "metadata server",
        ),
        (
            json!({"type": "gdch_service_account"}),
            ErrorKind::Unsupported,
            "Distributed Cloud",
        ),
        (
            json!({"type": "impersonated_service_account", "source_credentials": {"type": "external_account"}}),
            ErrorKind::Unsupported,
            "federation",
        ),
        (
            but("type", "something".into()),
            ErrorKind::Unsupported,
            "the types are",
        ),
        (but("type", Value::Null), ErrorKind::Malformed, "no type"),
        (
            but("client_email", Value::Null),
            ErrorKind::Malformed,
            "no client_email",
        ),
        (
            but("private_key", "hunter2".into()),
            ErrorKind::Malformed,
            "private_key is not PEM",
        ),
        (
            but("private_key", json!(["hunter2"])),
            ErrorKind::Malformed,
            "not their JSON",
        ),
        (
            json!({"type": "authorized_user", "refresh_token": "1//hunter2"}),
            ErrorKind::Malformed,
            "no client_id",
        ),
        (json!("hunter2"), ErrorKind::Malformed, "line 1"),
    ] {
        let error = refused(&uri, env(&json)).await;
        is(&error, kind, part);
        is(&error, kind, "env:CREDENTIALS");
    }
    let error = refused(&uri, TestEnv::new()).await;
    is(&error, ErrorKind::BadSecret, "CREDENTIALS");
    // A refresh token in the clear to another machine.
    let mut user = fake.service.user_file(SIGNER, &fake.url());
    user["token_uri"] = "http://oauth.example/token".into();
    is(
        &refused(&uri, env(&user)).await,
        ErrorKind::InvalidUri,
        "in the clear",
    );
}

#[tokio::test]
async fn what_the_token_endpoint_refuses_is_told() {
    let (_fake, uri, file) = with_user();
    for (field, value) in [
        ("refresh_token", "1//hunter2"),
        ("client_secret", "GOCSPX-x"),
    ] {
        let mut wrong = file.clone();
        wrong[field] = value.into();
        let error = refused(&uri, env(&wrong)).await;
        is(
            &error,
            ErrorKind::BadSecret,
            "gcloud auth application-default login",
        );
    }
    let at = |url: String| {
        let mut file = file.clone();
        file["token_uri"] = url.into();
        env(&file)
    };
    let error = refused(&uri, at(nobody())).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let page = Server::start(Other(Answer::html));
    is(
        &refused(&uri, at(page.url())).await,
        ErrorKind::Backend,
        "no access token",
    );
    let session = Server::start(Other(|| {
        let body = json!({"error": "invalid_grant", "error_subtype": "invalid_rapt"});
        Answer::json(400, &body)
    }));
    is(
        &refused(&uri, at(session.url())).await,
        ErrorKind::Unauthenticated,
        "log in again",
    );
}

#[tokio::test]
async fn a_missing_permission_and_what_else_is_denied_are_told() {
    use keybearer_fakes::gcp::Lie;
    let (fake, version) = with_key();
    let signer = support::opened(&fake, &version).await;
    fake.service.account(SIGNER, &[READ]);
    let signer_of_new_key = support::opened(&fake, &version).await;
    let error = signer_of_new_key.sign(A, b"x").await.unwrap_err();
    is(&error, ErrorKind::PermissionDenied, SIGN);
    let granted = format!("--role roles/cloudkms.signer --member serviceAccount:{SIGNER}");
    is(&error, ErrorKind::PermissionDenied, &granted);
    fake.service.account(SIGNER, &[SIGN]);
    let error = support::open(&fake, &version, SIGNER).await.unwrap_err();
    is(&error, ErrorKind::PermissionDenied, READ);
    is(&error, ErrorKind::PermissionDenied, "alg=RS256");
    for (reason, part) in [
        (
            "SERVICE_DISABLED",
            "gcloud services enable cloudkms.googleapis.com --project p-1",
        ),
        ("BILLING_DISABLED", "billing"),
        ("USER_PROJECT_DENIED", "serviceUsageConsumer"),
        ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "scope"),
        ("SECURITY_POLICY_VIOLATED", "VPC Service Controls"),
        ("IAM_PERMISSION_DENIED", SIGN),
    ] {
        fake.service.lie(&[Lie::Forbidden(reason)]);
        let error = signer.sign(A, b"x").await.unwrap_err();
        is(&error, ErrorKind::PermissionDenied, part);
    }
}

/// What a blind account says is compared with what it may see.
#[tokio::test]
async fn a_blind_account_names_the_one_algorithm() {
    use keybearer_fakes::gcp::GET;
    let (fake, version) = with_key();
    fake.service.account(SIGNER, &[SIGN]);
    let with_alg = |alg: &str| {
        let uri = uri(&fake, &version).with_attribute("credentials-source", "env:CREDENTIALS");
        uri.with_attribute("alg", alg)
    };
    let env = || support::env_of(&fake, SIGNER);
    let signer = by(&with_alg("ES256"), env()).await.unwrap();
    signer.sign(A, b"x").await.unwrap();
    let error = by(&with_alg("ES256,RS256"), env()).await.unwrap_err();
    is(&error, ErrorKind::InvalidUri, "one algorithm");
    let error = by(&with_alg("RS384"), env()).await.unwrap_err();
    is(&error, ErrorKind::UnsupportedAlgorithm, "no RS384");
    // A signature of another kind is not taken for one.
    let signer = by(&with_alg("RS256"), env()).await.unwrap();
    let error = signer.sign(signer.algorithms()[0], b"x").await.unwrap_err();
    is(&error, ErrorKind::Backend, "not of an RSA key");
    fake.service.account(SIGNER, &[SIGN, GET]);
    let error = by(&with_alg("RS256"), support::env_of(&fake, SIGNER)).await;
    is(
        &error.unwrap_err(),
        ErrorKind::UnsupportedAlgorithm,
        "EC_SIGN_P256_SHA256",
    );
}

#[tokio::test]
async fn a_quota_project_is_sent() {
    let fake = Gcp::new();
    fake.account(USER, &[SIGN, READ]);
    let version = fake.make("job", "EC_SIGN_P256_SHA256");
    let fake = Server::start(Recording(fake, Mutex::default()));
    let mut file = fake.service.0.user_file(USER, &fake.url());
    file["quota_project_id"] = "p-quota".into();
    let uri = KeyUri::literal("gcpkms", &version).with_attribute("endpoint", fake.url());
    let uri = uri.with_attribute("credentials-source", "env:CREDENTIALS");
    by(&uri, env(&file)).await.unwrap();
    let by_variable = env(&file).var("GOOGLE_CLOUD_QUOTA_PROJECT", "p-other");
    by(&uri, by_variable).await.unwrap();
    assert_eq!(*fake.service.1.lock().unwrap(), ["p-quota", "p-other"]);
}

#[tokio::test]
async fn a_machine_that_is_none_of_googles_is_told() {
    let (fake, version) = with_key();
    let uri = uri(&fake, &version);
    let page = Server::start(Other(Answer::html));
    let nobody = nobody();
    let host = |url: &str| url.trim_start_matches("http://").to_owned();
    for (host, part) in [
        (host(&nobody), "refused"),
        (host(&page.url()), "what answered is none"),
        (host(&fake.url()), "this machine has no service account"),
    ] {
        let env = TestEnv::new().var("GCE_METADATA_HOST", host.as_str());
        let error = refused(&uri, env).await;
        is(&error, ErrorKind::Unauthenticated, part);
        is(&error, ErrorKind::Unauthenticated, &host);
    }
    let env = TestEnv::new().var("NO_GCE_CHECK", "true");
    is(
        &refused(&uri, env).await,
        ErrorKind::Unauthenticated,
        "not asked: NO_GCE_CHECK",
    );
}

/// As in GKE, where it names the project's pool of workloads.
#[tokio::test]
async fn a_machine_may_have_an_identity_that_is_no_account() {
    let (fake, version) = with_key();
    let pool = "p-1.svc.id.goog";
    fake.service.account(pool, &[READ]);
    fake.service.machine_is(pool);
    let host = fake.address().to_string();
    let env = TestEnv::new().var("GCE_METADATA_HOST", host.as_str());
    let signer = by(&uri(&fake, &version), env).await.unwrap();
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(&error, ErrorKind::PermissionDenied, pool);
    is(&error, ErrorKind::PermissionDenied, "--member MEMBER");
}

/// A proxy that was given is taken for Cloud KMS, in the universe of the credentials, and not for the metadata server.
#[tokio::test]
async fn a_proxy_and_a_universe_hold() {
    let (fake, version) = with_key();
    fake.service.machine_is(SIGNER);
    let uri = KeyUri::literal("gcpkms", &version);
    let (address, asked) = proxy();
    let host = fake.address().to_string();
    let env = TestEnv::new().var("GCE_METADATA_HOST", host.as_str());
    let mut cx = env.context();
    cx.network.proxy = Some(address.into());
    cx.timeout = std::time::Duration::from_secs(2);
    assert!(open(&uri, &cx).await.is_err());
    assert_eq!(
        asked.join().unwrap(),
        "CONNECT cloudkms.googleapis.com:443 HTTP/1.1"
    );
    assert!(fake.service.tokens_made.load(SeqCst) > 0);

    let mut file = fake.service.service_account_file(SIGNER, &fake.url());
    file["universe_domain"] = "example.goog".into();
    let uri = uri.with_attribute("credentials-source", "env:CREDENTIALS");
    let (address, asked) = proxy();
    let mut cx = self::env(&file).context();
    cx.network.proxy = Some(address.into());
    cx.timeout = std::time::Duration::from_secs(2);
    assert!(open(&uri, &cx).await.is_err());
    assert_eq!(
        asked.join().unwrap(),
        "CONNECT cloudkms.example.goog:443 HTTP/1.1"
    );

    // No token of one universe goes to another.
    let env = self::env(&file).var("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "other.goog");
    let error = refused(&uri, env).await;
    is(&error, ErrorKind::Unauthenticated, "example.goog");
    is(&error, ErrorKind::Unauthenticated, "other.goog");
}

async fn open(uri: &KeyUri, cx: &OpenContext) -> Result<(), Error> {
    Registry::new().with(GcpKms).open(uri, cx).await.map(drop)
}

/// A proxy that lets nobody through: its address, and the first line that it is sent.
fn proxy() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        let refusal = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(refusal).unwrap();
        line.trim().into()
    });
    (address, asked)
}

/// Something else than Google.
struct Other(fn() -> Answer);

impl Service for Other {
    fn answer(&self, _asked: &Asked) -> Answer {
        self.0()
    }
}

/// Google, and the quota projects that Cloud KMS was told.
struct Recording(Gcp, Mutex<Vec<String>>);

impl Service for Recording {
    fn answer(&self, asked: &Asked) -> Answer {
        if asked.path() != "/token" {
            let project = asked.header("x-goog-user-project").to_owned();
            self.1.lock().unwrap().push(project);
        }
        self.0.answer(asked)
    }
}
