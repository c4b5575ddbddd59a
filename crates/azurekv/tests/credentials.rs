//! Who we are to Azure: each source of credentials, their order, and what is said where none works.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(dead_code, reason = "the other tests use more of it")]

mod support;

use std::{sync::Arc, time::Duration};

use keybearer_azurekv::{AzureKey, AzureKv, Login};
use keybearer_conformance::TestEnv;
use keybearer_core::{
    Algorithm, Attribute, Bound, Certificate, ErrorKind, KeyType, KeyUri, OpenContext, Provider,
    Registry, Result, Signer, async_trait,
};
use keybearer_fakes::{
    Kind,
    azure::{App, Azure, GET, IDENTITY_HEADER, Lie, SIGN, TENANT},
    nobody,
};
use keybearer_soft::{PrivateKey, SoftSigner};
use keybearer_x509::SelfSigned;
use support::{CLIENT, SECRET, World, app, is, registry};

const A: Algorithm = Algorithm::Es256;
const MACHINE: &str = "9c4e1f70-machine";
const PERSON: &str = "71d2aa34-person";

fn with_key() -> (World, String) {
    let world = World::new(Azure::vault());
    let kid = world.fake().make("job", Kind::P256);
    for client in [MACHINE, PERSON] {
        let permissions = vec![GET, SIGN];
        let app = App {
            permissions,
            ..App::default()
        };
        world.fake().register(client, app);
    }
    (world, kid)
}

/// Where nothing answers for a machine's identity.
fn without_machine(env: TestEnv) -> TestEnv {
    env.var("AZURE_POD_IDENTITY_AUTHORITY_HOST", nobody())
}

#[tokio::test]
async fn a_secret_that_is_refused_is_told_and_not_passed_over() {
    let (world, kid) = with_key();
    world.fake().identities(&[MACHINE]);
    let uri = world.uri(&kid);
    let env = world.env().var("AZURE_CLIENT_SECRET", "wrong~secret");
    let error = world.open(&uri, &env).await.unwrap_err();
    is(&error, ErrorKind::BadSecret, "AZURE_CLIENT_SECRET");
    is(&error, ErrorKind::BadSecret, CLIENT);
    is(&error, ErrorKind::BadSecret, "AADSTS7000215");
    assert!(!format!("{error:?}").contains("wrong~secret"));
    let env = world.env().var("AZURE_CLIENT_ID", "7f-unknown");
    let error = world.open(&uri, &env).await.unwrap_err();
    is(
        &error,
        ErrorKind::Unauthenticated,
        "no application 7f-unknown",
    );
    let env = world.env().var("AZURE_TENANT_ID", "contoso.example");
    let error = world.open(&uri, &env).await.unwrap_err();
    is(
        &error,
        ErrorKind::Unauthenticated,
        "no tenant contoso.example",
    );
    let env = world.env().var("AZURE_TENANT_ID", "../evil");
    let error = world.open(&uri, &env).await.unwrap_err();
    is(&error, ErrorKind::InvalidUri, "neither an id nor a domain");
    let env = world.env().var("AZURE_AUTHORITY_HOST", "http://plain");
    let error = world.open(&uri, &env).await.unwrap_err();
    is(&error, ErrorKind::InvalidUri, "AZURE_AUTHORITY_HOST");
}

#[tokio::test]
async fn an_entra_that_fails_for_a_while_is_asked_again() {
    let (world, kid) = with_key();
    world.fake().lie_about_tokens(&[
        Lie::Status(503, "temporarily_unavailable", None),
        Lie::Status(429, "too_many", None),
    ]);
    let uri = world.uri(&kid);
    world.open(&uri, &world.env()).await.unwrap();
    world.fake().lie_about_tokens(&[Lie::Html]);
    let error = world.open(&uri, &world.env()).await.unwrap_err();
    is(&error, ErrorKind::Backend, "is not Microsoft Entra");
}

#[tokio::test]
async fn a_federated_token_is_read_for_each_login() {
    let (world, kid) = with_key();
    let federated = |token: &str| App {
        permissions: vec![GET, SIGN],
        federated: Some(token.into()),
        ..App::default()
    };
    world.fake().register("pod", federated("ey.first.token"));
    let file = world.folder.path().join("token");
    std::fs::write(&file, "ey.first.token\n").unwrap();
    let env = world
        .login_env()
        .var("AZURE_CLIENT_ID", "pod")
        .var("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap());
    let uri = world.uri(&kid);
    let signer = world.open(&uri, &env).await.unwrap();
    signer.sign(A, b"x").await.unwrap();
    world.fake().register("pod", federated("ey.second.token"));
    std::fs::write(&file, "ey.second.token").unwrap();
    world.fake().revoke_tokens();
    signer.sign(A, b"x").await.unwrap();
    std::fs::write(&file, "ey.third.token").unwrap();
    let error = world.open(&uri, &env).await.unwrap_err();
    is(&error, ErrorKind::BadSecret, "federated credential");
    assert!(!format!("{error:?}").contains("third"));
    std::fs::write(&file, "").unwrap();
    let error = world.open(&uri, &env).await.unwrap_err();
    is(&error, ErrorKind::BadSecret, "AZURE_FEDERATED_TOKEN_FILE");
}

#[tokio::test]
async fn a_machine_has_an_identity_of_its_own_and_others() {
    let (world, kid) = with_key();
    world.fake().identities(&[MACHINE, "assigned"]);
    let uri = world.uri(&kid);
    world.open(&uri, &world.login_env()).await.unwrap();
    // The other one is known, and may not read the key.
    world.fake().register("assigned", app(&[]));
    let env = world.login_env().var("AZURE_CLIENT_ID", "assigned");
    let error = world.open(&uri, &env).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let env = world.login_env().var("AZURE_CLIENT_ID", "unknown");
    let error = world.open(&uri, &env).await.unwrap_err();
    is(
        &error,
        ErrorKind::Unauthenticated,
        "does not know the identity",
    );
}

#[tokio::test]
async fn the_app_service_is_asked_in_its_own_way() {
    let (world, kid) = with_key();
    world.fake().identities(&[MACHINE]);
    let endpoint = format!("{}/msi/token", world.server.url());
    let env = |header: &str| {
        without_machine(world.login_env())
            .var("IDENTITY_ENDPOINT", endpoint.as_str())
            .var("IDENTITY_HEADER", header)
    };
    let uri = world.uri(&kid);
    world.open(&uri, &env(IDENTITY_HEADER)).await.unwrap();
    let error = world.open(&uri, &env("another")).await.unwrap_err();
    is(&error, ErrorKind::Unauthenticated, "status 401");
    // A program that names the source finds the same place.
    let login = Login::ManagedIdentity { client_id: None };
    let key = AzureKey::new(&kid).unwrap().endpoint(world.server.url());
    let cx = world.context(&env(IDENTITY_HEADER));
    key.login(login).open(&cx).await.unwrap();
    for (name, part) in [
        ("IDENTITY_SERVER_THUMBPRINT", "Service Fabric's way"),
        ("IDENTITY_HEADER", "Azure Arc's way"),
    ] {
        let value = if name == "IDENTITY_HEADER" { "" } else { "7F" };
        let env = env(IDENTITY_HEADER).var(name, value);
        let error = world.open(&uri, &env).await.unwrap_err();
        is(&error, ErrorKind::Unauthenticated, part);
    }
}

/// Other clouds have something at the same address.
#[tokio::test]
async fn a_metadata_service_of_another_cloud_is_passed_over() {
    let (world, kid) = with_key();
    world.fake().identities(&[MACHINE]);
    let uri = world.uri(&kid);
    let failing = |status| Lie::Status(status, "", None);
    for status in [401, 403, 404] {
        world.fake().lie_about_tokens(&[failing(status)]);
        let error = world.open(&uri, &world.login_env()).await.unwrap_err();
        is(
            &error,
            ErrorKind::Unauthenticated,
            &format!("status {status}"),
        );
        is(&error, ErrorKind::Unauthenticated, "no az on the PATH");
    }
    // What is being updated is waited for, and what has worked before too.
    world
        .fake()
        .lie_about_tokens(&[failing(410), failing(500), failing(429)]);
    let signer = world.open(&uri, &world.login_env()).await.unwrap();
    world.fake().revoke_tokens();
    world.fake().lie_about_tokens(&[failing(404)]);
    signer.sign(A, b"x").await.unwrap();
}

#[tokio::test]
async fn each_source_is_named_where_none_works() {
    let (world, kid) = with_key();
    let env = TestEnv::new().var("AZURE_POD_IDENTITY_AUTHORITY_HOST", nobody());
    let error = world.open(&world.uri(&kid), &env).await.unwrap_err();
    for part in [
        "the environment (AZURE_TENANT_ID is not set)",
        "workload identity (AZURE_FEDERATED_TOKEN_FILE is not set)",
        "managed identity (none answers at http://127.0.0.1",
        "Azure CLI (there is no az on the PATH)",
        "run az login",
    ] {
        is(&error, ErrorKind::Unauthenticated, part);
    }
    let text = error.to_string();
    let at = |part: &str| text.find(part).unwrap();
    assert!(at("the environment") < at("workload identity"));
    assert!(at("workload identity") < at("managed identity"));
    assert!(at("managed identity") < at("Azure CLI"));
}

/// With all of them there, each is taken when those before it are gone.
#[cfg(unix)]
#[tokio::test]
async fn the_order_of_the_sources() {
    let (world, kid) = with_key();
    let seen = || world.fake().last_client();
    let file = world.folder.path().join("token");
    std::fs::write(&file, "ey.pod").unwrap();
    let pod = App {
        permissions: vec![GET, SIGN],
        federated: Some("ey.pod".into()),
        ..App::default()
    };
    world.fake().register("pod", pod);
    world.fake().identities(&[MACHINE]);
    let folder = az(&world, &format!("printf '%s' '{}'", account(&world)));
    let env = world
        .login_env()
        .var("PATH", folder)
        .var("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap());
    let uri = world.uri(&kid);
    let first = env
        .clone()
        .var("AZURE_CLIENT_ID", CLIENT)
        .var("AZURE_CLIENT_SECRET", SECRET);
    world.open(&uri, &first).await.unwrap();
    assert_eq!(seen(), CLIENT);
    let second = env.clone().var("AZURE_CLIENT_ID", "pod");
    world.open(&uri, &second).await.unwrap();
    assert_eq!(seen(), "pod");
    let third = env.var("AZURE_FEDERATED_TOKEN_FILE", "");
    world.open(&uri, &third).await.unwrap();
    assert_eq!(seen(), MACHINE);
    world.fake().identities(&[]);
    world.open(&uri, &third).await.unwrap();
    assert_eq!(seen(), PERSON);
}

#[cfg(unix)]
#[tokio::test]
async fn the_azure_cli_tells_what_it_knows() {
    let (world, kid) = with_key();
    let uri = world.uri(&kid);
    let env = |folder: &str| without_machine(world.login_env()).var("PATH", folder);
    let wanted = format!(
        "case \"$*\" in 'account get-access-token --output json --resource {}') printf '%s' '{}';; *) exit 2;; esac",
        world.fake().resource(),
        account(&world)
    );
    let folder = az(&world, &wanted);
    let signer = world.open(&uri, &env(&folder)).await.unwrap();
    signer.sign(A, b"x").await.unwrap();
    let words = "echo 'WARNING: x' >&2; echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1";
    az(&world, words);
    let error = world.open(&uri, &env(&folder)).await.unwrap_err();
    is(&error, ErrorKind::Unauthenticated, "Please run 'az login'");
    // It was logged in, and is no more.
    world.fake().revoke_tokens();
    let error = signer.sign(A, b"x").await.unwrap_err();
    is(
        &error,
        ErrorKind::Unauthenticated,
        "gives no token any more",
    );
    az(&world, "echo nothing");
    let error = world.open(&uri, &env(&folder)).await.unwrap_err();
    is(&error, ErrorKind::Unauthenticated, "gives no token");
}

/// `az` is a script that starts another program.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_az_that_is_given_up_leaves_no_process() {
    let (world, kid) = with_key();
    let pid = world.folder.path().join("pid");
    let script = format!("/bin/sleep 300 & echo $! > {}; wait", pid.display());
    let folder = az(&world, &script);
    let env = without_machine(world.login_env()).var("PATH", folder);
    let mut cx = world.context(&env);
    cx.timeout = Duration::from_secs(2);
    let error = registry().open(&world.uri(&kid), &cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let pid = std::fs::read_to_string(pid).unwrap();
    let ended = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        stat.map_or(true, |stat| stat.contains(") Z "))
    };
    let until = std::time::Instant::now() + Duration::from_secs(10);
    while !ended() && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(ended(), "process {pid} still runs");
}

/// By PS256 and `x5t#S256`, and for a key that does no PSS by RS256 and `x5t`.
#[tokio::test]
async fn a_certificate_of_any_signer_is_taken() {
    let (world, kid) = with_key();
    let cx = world.context(&world.login_env());
    for algorithm in [Algorithm::Ps256, Algorithm::Rs256] {
        let (key, certificate) = client_key().await;
        world.fake().register(CLIENT, certified(&certificate));
        let signer = soft(&key, std::slice::from_ref(&certificate));
        let login = Login::Certificate {
            tenant_id: TENANT.into(),
            client_id: CLIENT.into(),
            key: Arc::new(Bound::new(signer, algorithm).unwrap()),
        };
        let opened = AzureKey::new(&kid).unwrap().endpoint(world.server.url());
        let opened = opened.login(login).open(&cx).await.unwrap();
        opened.sign(A, b"x").await.unwrap();
    }
}

#[tokio::test]
async fn a_certificate_in_the_environment_is_opened_by_the_registry() {
    let (world, kid) = with_key();
    let (key, certificate) = client_key().await;
    world.fake().register(CLIENT, certified(&certificate));
    let files = Registry::new().with(Files {
        key,
        certificate: certificate.clone(),
    });
    let ours = Registry::new().with(AzureKv::with_certificates(files));
    let env = world
        .login_env()
        .var("AZURE_CLIENT_ID", CLIENT)
        .var("AZURE_CLIENT_CERTIFICATE_PATH", "/etc/app?.pfx")
        .var("AZURE_CLIENT_CERTIFICATE_PASSWORD", "pfx~password");
    let cx = world.context(&env);
    let signer = ours.open(&world.uri(&kid), &cx).await.unwrap();
    signer.sign(A, b"x").await.unwrap();
    // An application that is known by the names in its certificate wants to see it.
    let named = App {
        is_by_name: true,
        ..certified(&certificate)
    };
    world.fake().register(CLIENT, named);
    let uri = world.uri(&kid);
    let error = ours.open(&uri, &cx).await.unwrap_err();
    is(&error, ErrorKind::BadSecret, "client certificate");
    let sends = env
        .clone()
        .var("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "true");
    ours.open(&uri, &world.context(&sends)).await.unwrap();
    // The application has another one.
    let (_, other) = client_key().await;
    world.fake().register(CLIENT, certified(&other));
    let error = ours.open(&world.uri(&kid), &cx).await.unwrap_err();
    is(&error, ErrorKind::BadSecret, "client certificate");
    is(&error, ErrorKind::BadSecret, "AADSTS700027");
    // A registry without files says so, among the others.
    let env = without_machine(env);
    let error = world.open(&world.uri(&kid), &env).await.unwrap_err();
    is(&error, ErrorKind::Unauthenticated, "this program opens no");
}

/// The file of a client certificate, as the facade's `keystore:` would open it.
#[derive(Debug)]
struct Files {
    key: PrivateKey,
    certificate: Certificate,
}

#[async_trait]
impl Provider for Files {
    fn scheme(&self) -> &'static str {
        "keystore"
    }

    fn attributes(&self) -> &[Attribute] {
        const PASSWORD: &[Attribute] = &[Attribute::new("password-source", "of the file")];
        PASSWORD
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        assert_eq!(uri.decoded_locator()?, "/etc/app?.pfx");
        let source = uri.attribute("password-source").unwrap();
        let name = source.strip_prefix("env:").unwrap();
        assert_eq!(cx.env.var(name), Some("pfx~password".into()));
        Ok(soft(&self.key, std::slice::from_ref(&self.certificate)))
    }
}

fn soft(key: &PrivateKey, chain: &[Certificate]) -> Arc<dyn Signer> {
    Arc::new(SoftSigner::new(&KeyUri::literal("pem", "client"), key, chain).unwrap())
}

async fn client_key() -> (PrivateKey, Certificate) {
    let key = PrivateKey::generate(KeyType::Rsa { bits: 2048 }).unwrap();
    let bound = Bound::new(soft(&key, &[]), Algorithm::Rs256).unwrap();
    let made = SelfSigned::new("CN=app").unwrap();
    let certificate = made.issue(&bound).await.unwrap();
    (key, certificate)
}

/// An application that has this certificate.
fn certified(certificate: &Certificate) -> App {
    let public = certificate.public_key().unwrap();
    App {
        permissions: vec![GET, SIGN],
        certificate: Some((certificate.as_der().to_vec(), public.key_bytes().to_vec())),
        ..App::default()
    }
}

/// What `az account get-access-token` prints for the person who has logged in.
#[cfg(unix)]
fn account(world: &World) -> String {
    let token = world.fake().issue(PERSON);
    format!(r#"{{"accessToken": "{token}", "expires_on": 9999999999, "tokenType": "Bearer"}}"#)
}

/// A folder with an `az` that does this. Written by another process: what this one has open for writing, a test beside it may
/// hand to its own child, and then it does not start.
#[cfg(unix)]
fn az(world: &World, script: &str) -> String {
    let folder = world.folder.path().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let text = folder.join("az.sh");
    std::fs::write(&text, format!("#!/bin/sh\n{script}\n")).unwrap();
    let mut install = std::process::Command::new("install");
    install.args(["-m", "755"]).arg(text).arg(folder.join("az"));
    assert!(install.status().unwrap().success());
    folder.to_str().unwrap().to_owned()
}
