//! A fake with one key, and keys opened in it.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test ends where it fails, and none uses all of this"
)]

use std::sync::Arc;

use keybearer_conformance::TestEnv;
use keybearer_core::{Algorithm, Entries, Error, ErrorKind, KeyUri, Registry, Result, Signer};
use keybearer_fakes::{
    Server,
    gcp::{Gcp, READ, SIGN},
};
use keybearer_gcpkms::GcpKms;

pub const A: Algorithm = Algorithm::Es256;
pub const SIGNER: &str = "signer@p-1.iam.gserviceaccount.com";

/// A fake with the key `job`, and its version.
pub fn with_key() -> (Server<Gcp>, String) {
    let fake = Server::start(Gcp::new());
    let version = fake.service.make("job", "EC_SIGN_P256_SHA256");
    fake.service.account(SIGNER, &[SIGN, READ]);
    (fake, version)
}

/// An environment with this account's key.
pub fn env_of(fake: &Server<Gcp>, email: &str) -> TestEnv {
    let key = fake.service.service_account_file(email, &fake.url());
    TestEnv::new().var("CREDENTIALS", key.to_string())
}

pub async fn open(fake: &Server<Gcp>, name: &str, email: &str) -> Result<Arc<dyn Signer>> {
    at(name, &fake.url(), env_of(fake, email)).await
}

pub async fn opened(fake: &Server<Gcp>, name: &str) -> Arc<dyn Signer> {
    open(fake, name, SIGNER).await.unwrap()
}

/// By the credentials of the variable `CREDENTIALS`.
pub async fn at(name: &str, endpoint: &str, env: TestEnv) -> Result<Arc<dyn Signer>> {
    let uri = KeyUri::literal("gcpkms", name).with_attribute("endpoint", endpoint);
    by(
        &uri.with_attribute("credentials-source", "env:CREDENTIALS"),
        env,
    )
    .await
}

pub async fn listed(fake: &Server<Gcp>, name: &str) -> Result<Entries> {
    let uri = KeyUri::literal("gcpkms", name).with_attribute("endpoint", fake.url());
    let uri = uri.with_attribute("credentials-source", "env:CREDENTIALS");
    let cx = env_of(fake, SIGNER).context();
    Registry::new().with(GcpKms).entries(&uri, &cx).await
}

pub async fn by(uri: &KeyUri, env: TestEnv) -> Result<Arc<dyn Signer>> {
    Registry::new().with(GcpKms).open(uri, &env.context()).await
}

#[track_caller]
pub fn is(error: &Error, kind: ErrorKind, part: &str) {
    let hint = error.hint().unwrap_or_default();
    let source = std::error::Error::source(error).map(ToString::to_string);
    let told = format!("{error} {hint} {}", source.unwrap_or_default());
    assert!(
        error.kind() == kind && told.contains(part),
        "{part}: {error:?}"
    );
}
