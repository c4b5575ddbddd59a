//! AWS KMS, judged by ministack: the suite over its keys, its refusals, and a token of an org for one of them.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "awskms/gate.rs"]
mod gate;

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use base64::{Engine, engine::general_purpose::STANDARD};
use gate::Gate;
use keybearer_auth::{Client, JwtBearer};
use keybearer_awskms::AwsKms;
use keybearer_conformance::{TestEnv, Trial, UriSubject, require, run, trials, verify};
use keybearer_core::{
    Algorithm, Bound, ErrorKind, KeyUri, Network, PublicKey, Registry, Result, Signer,
};
use keybearer_localorg::{App, LocalOrg, User};
use keybearer_tests::{CLIENT_ID, Server, USER, python};
use keybearer_x509::SelfSigned;
use tokio::{runtime::Runtime, task::JoinSet};

fn main() -> ExitCode {
    let trials = require("ministack", python).trials("awskms", |python| {
        // One server for all: it ends with this program, which holds its standard input.
        let kms: &'static Kms = Box::leak(Box::new(Kms::start(&python)));
        let trial = |name: &str, test: fn(&Kms)| {
            Trial::test(format!("awskms::{name}"), move || {
                test(kms);
                Ok(())
            })
        };
        let mut all = suite(kms);
        all.extend([
            trial("refusals_are_told_apart", refusals),
            trial("a_role_that_may_sign_but_not_read", blind_role),
            trial("an_alias_is_pinned_to_its_key", alias),
            trial("throttled_calls_are_tried_again", throttled),
            trial("a_service_that_stops_and_starts", stopped),
            trial("what_is_not_kms_is_told", not_kms),
            trial("64_at_once", many),
            trial("a_certificate_and_a_token", token),
        ]);
        all
    });
    run(trials)
}

fn suite(kms: &'static Kms) -> Vec<Trial> {
    let mut all = Vec::new();
    for (name, spec) in [
        ("awskms_rsa", "RSA_2048"),
        ("awskms_rsa_4096", "RSA_4096"),
        ("awskms_p256", "ECC_NIST_P256"),
        ("awskms_p384", "ECC_NIST_P384"),
        ("awskms_p521", "ECC_NIST_P521"),
        ("awskms_ed25519", "ECC_NIST_EDWARDS25519"),
    ] {
        let subject = UriSubject::new(
            kms.registry("signer"),
            kms.uri(kms.arn(spec)),
            kms.public_key(spec),
        )
        .secret(kms.secret("signer"))
        .missing_key(kms.uri("alias/missing"))
        .service_down(
            kms.uri("alias/Team/jwt")
                .with_attribute("endpoint", &nobody_listens()),
        );
        let subject = match spec {
            "ECC_NIST_EDWARDS25519" => subject.max_message(4096),
            _ => subject,
        };
        all.extend(trials(name, Arc::new(subject)));
    }
    all
}

struct Kms {
    server: Server,
}

impl Kms {
    fn start(python: &Path) -> Self {
        let mut command = std::process::Command::new(python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/judges/aws_kms.py"));
        Self {
            server: Server::start(command),
        }
    }

    fn arn(&self, spec: &str) -> &str {
        self.server.ready["keys"][spec]["arn"].as_str().unwrap()
    }

    fn public_key(&self, spec: &str) -> PublicKey {
        let spki = self.server.ready["keys"][spec]["spki"].as_str().unwrap();
        PublicKey::from_spki_der(&STANDARD.decode(spki).unwrap()).unwrap()
    }

    fn uri(&self, key: &str) -> KeyUri {
        KeyUri::literal("awskms", key).with_attribute("endpoint", self.server.said("endpoint"))
    }

    fn secret(&self, user: &str) -> &str {
        self.server.ready["users"][user][1].as_str().unwrap()
    }

    /// With the credentials of this user.
    fn registry(&self, user: &str) -> Registry {
        let id = self.server.ready["users"][user][0].as_str().unwrap();
        registry(id, self.secret(user))
    }

    fn open(&self, user: &str, uri: &KeyUri) -> Result<Arc<dyn Signer>> {
        runtime().block_on(self.registry(user).open(uri, &TestEnv::new().context()))
    }

    fn refused(&self, user: &str, key: &str) -> keybearer_core::Error {
        self.open(user, &self.uri(key)).unwrap_err()
    }

    /// The port at which the service listens.
    fn address(&self) -> &str {
        self.server
            .said("endpoint")
            .strip_prefix("http://")
            .unwrap()
    }
}

fn registry(id: &str, secret: &str) -> Registry {
    let credentials = Credentials::new(id, secret, None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Registry::new().with(AwsKms::with_config(config))
}

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

fn refusals(kms: &Kms) {
    let said = |name: &str| kms.server.said(name).to_owned();
    let error = kms.refused("signer", &said("disabled"));
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("disabled"), "{error}");
    let error = kms.refused("signer", &said("deleted"));
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.hint().unwrap().contains("cancel-key-deletion"));
    let error = kms.refused("signer", &said("encrypts"));
    assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm);
    assert_eq!(
        kms.refused("signer", "alias/missing").kind(),
        ErrorKind::NotFound
    );
    // The case of a name counts.
    assert_eq!(
        kms.refused("signer", "alias/team/jwt").kind(),
        ErrorKind::NotFound
    );
    let error = kms.refused("nobody", kms.arn("RSA_2048"));
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("kms:GetPublicKey"), "{error}");

    let uri = kms.uri(kms.arn("RSA_2048"));
    let id = kms.server.ready["users"]["signer"][0].as_str().unwrap();
    for (id, secret) in [(id, "another secret"), ("AKIAUNKNOWNUNKNOWN00", "any")] {
        let cx = TestEnv::new().context();
        let error = runtime()
            .block_on(registry(id, secret).open(&uri, &cx))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
        assert!(!format!("{error:?}").contains(secret));
    }
}

fn blind_role(kms: &Kms) {
    let uri = kms.uri(kms.arn("RSA_2048"));
    let error = kms.open("blind", &uri).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.hint().unwrap().contains("public-key="), "{error:?}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let public = kms.public_key("RSA_2048");
    std::fs::write(&file, public.to_pem()).unwrap();
    let uri = uri
        .with_attribute("alg", "RS256")
        .with_attribute("public-key", file.to_str().unwrap());
    let signer = kms.open("blind", &uri).unwrap();
    assert_eq!(signer.algorithms(), [Algorithm::Rs256]);
    let signature = runtime()
        .block_on(signer.sign(Algorithm::Rs256, b"message"))
        .unwrap();
    verify::aws_lc(&public, Algorithm::Rs256, b"message", &signature).unwrap();
    assert_eq!(runtime().block_on(signer.public_key()).unwrap(), public);
}

fn alias(kms: &Kms) {
    let signer = kms
        .open("signer", &kms.uri(kms.server.said("alias")))
        .unwrap();
    assert_eq!(signer.id().uri().locator(), kms.arn("RSA_2048"));
}

fn throttled(kms: &Kms) {
    let gate = Gate::before(kms.address());
    let uri = kms
        .uri(kms.arn("RSA_2048"))
        .with_attribute("endpoint", gate.url());
    let signer = kms.open("signer", &uri).unwrap();
    let sign = || runtime().block_on(signer.sign(Algorithm::Rs256, b"message"));
    gate.throttle(2);
    sign().unwrap();
    gate.throttle(100);
    let error = sign().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled, "{error:?}");
    gate.throttle(0);
    sign().unwrap();
}

fn stopped(kms: &Kms) {
    let gate = Gate::before(kms.address());
    let uri = kms
        .uri(kms.arn("ECC_NIST_P256"))
        .with_attribute("endpoint", gate.url());
    let mut cx = TestEnv::new().context();
    cx.timeout = Duration::from_secs(4);
    let runtime = runtime();
    let signer = runtime
        .block_on(kms.registry("signer").open(&uri, &cx))
        .unwrap();
    let sign = || runtime.block_on(signer.sign(Algorithm::Es256, b"message"));
    sign().unwrap();
    gate.close();
    let error = sign().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    gate.open();
    sign().unwrap();
}

fn not_kms(kms: &Kms) {
    let gate = Gate::before(kms.address());
    gate.answer_with_a_page();
    let uri = kms
        .uri(kms.arn("RSA_2048"))
        .with_attribute("endpoint", gate.url());
    let error = kms.open("signer", &uri).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Backend),
        "{error:?}"
    );
}

fn many(kms: &Kms) {
    let signer = kms.open("signer", &kms.uri(kms.arn("RSA_2048"))).unwrap();
    let public = kms.public_key("RSA_2048");
    runtime().block_on(async {
        let mut all = JoinSet::new();
        for number in 0..64 {
            let signer = signer.clone();
            all.spawn(async move {
                let message = format!("message {number}").into_bytes();
                let signature = signer.sign(Algorithm::Rs256, &message).await.unwrap();
                (message, signature)
            });
        }
        while let Some(signed) = all.join_next().await {
            let (message, signature) = signed.unwrap();
            verify::aws_lc(&public, Algorithm::Rs256, &message, &signature).unwrap();
        }
    });
}

fn token(kms: &Kms) {
    let signer = kms.open("signer", &kms.uri(kms.arn("RSA_2048"))).unwrap();
    runtime().block_on(async {
        let made = SelfSigned::new("CN=jwt").unwrap();
        let key = Bound::new(signer, Algorithm::Rs256).unwrap();
        let client = Client::new(&Network::default(), Duration::from_secs(20));
        let certificate = made.issue(&key).await.unwrap();
        let org = LocalOrg::builder()
            .app(App::new(CLIENT_ID, vec![certificate]))
            .user(User::new(USER))
            .start()
            .await
            .unwrap();
        let bearer = JwtBearer::builder(key, Arc::new(client), org.token_url())
            .issuer(CLIENT_ID)
            .subject(USER)
            .audience(org.url())
            .build();
        let token = bearer.exchange().await.unwrap();
        assert!(!token.access_token().expose().is_empty());
    });
}

/// A port of loopback that is free: a connection to it is refused.
fn nobody_listens() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
