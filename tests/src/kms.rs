//! ministack, its keys and its users.

use std::{process::Command, sync::Arc};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use base64::{Engine, engine::general_purpose::STANDARD};
use keybearer_awskms::AwsKms;
use keybearer_conformance::TestEnv;
use keybearer_core::{
    Algorithm, Error, KeyUri, OpenContext, PublicKey, Registry, Result, Signature, Signer,
};
use tokio::runtime::Runtime;

use crate::{Server, python_with};

pub const REGION: &str = "eu-central-1";

#[derive(Debug)]
pub struct Kms {
    pub server: Server,
}

impl Kms {
    pub fn start() -> Self {
        let mut command = Command::new(python_with("ministack").unwrap());
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/judges/aws_kms.py"));
        Self {
            server: Server::start(command),
        }
    }

    /// The ARN of the key of this kind.
    pub fn arn(&self, spec: &str) -> &str {
        self.server.ready["keys"][spec]["arn"].as_str().unwrap()
    }

    pub fn public_key(&self, spec: &str) -> PublicKey {
        let spki = self.server.ready["keys"][spec]["spki"].as_str().unwrap();
        PublicKey::from_spki_der(&STANDARD.decode(spki).unwrap()).unwrap()
    }

    pub fn said(&self, name: &str) -> &str {
        self.server.said(name)
    }

    /// `host:port` of the service.
    pub fn address(&self) -> &str {
        self.said("endpoint").strip_prefix("http://").unwrap()
    }

    pub fn uri(&self, key: &str) -> KeyUri {
        at(key, self.said("endpoint"))
    }

    /// The access key of a user, and its secret.
    pub fn user(&self, name: &str) -> (&str, &str) {
        let user = &self.server.ready["users"][name];
        (user[0].as_str().unwrap(), user[1].as_str().unwrap())
    }

    /// With the credentials of this user.
    pub fn registry(&self, user: &str) -> Registry {
        let (id, secret) = self.user(user);
        registry(id, secret)
    }

    pub fn open(&self, user: &str, uri: &KeyUri) -> Result<Arc<dyn Signer>> {
        self.open_in(user, uri, &TestEnv::new().context())
    }

    pub fn open_in(&self, user: &str, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        runtime().block_on(self.registry(user).open(uri, cx))
    }

    pub fn refused(&self, user: &str, key: &str) -> Error {
        self.open(user, &self.uri(key)).unwrap_err()
    }
}

/// A key at an endpoint.
pub fn at(key: &str, endpoint: &str) -> KeyUri {
    KeyUri::literal("awskms", key).with_attribute("endpoint", endpoint)
}

pub fn registry(id: &str, secret: &str) -> Registry {
    let credentials = Credentials::new(id, secret, None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Registry::new().with(AwsKms::with_config(config))
}

/// Signs from a runtime of its own: what a signer keeps must not depend on the one it was opened in.
pub fn sign(signer: &Arc<dyn Signer>, algorithm: Algorithm) -> Result<Signature> {
    runtime().block_on(signer.sign(algorithm, b"message"))
}

pub fn runtime() -> Runtime {
    Runtime::new().unwrap()
}
