//! The fake over TLS, and a caller whom it knows.

use std::{path::PathBuf, sync::Arc};

use keybearer_azurekv::AzureKv;
use keybearer_conformance::TestEnv;
use keybearer_core::{Error, ErrorKind, KeyUri, OpenContext, Registry, Result, Signer};
use keybearer_fakes::{
    Server, Tls,
    azure::{App, Azure, GET, SIGN, TENANT},
};
use tempfile::TempDir;

pub(crate) const CLIENT: &str = "0f3a7c55-client";
pub(crate) const SECRET: &str = "Zx8~client-secret-of-the-fake";

pub(crate) struct World {
    pub(crate) server: Server<Azure>,
    pub(crate) folder: TempDir,
}

impl World {
    /// With one caller, who may do all by its secret.
    pub(crate) fn new(fake: Azure) -> Self {
        Self::named(fake, &[])
    }

    /// The same, by other names than `localhost` too.
    pub(crate) fn named(fake: Azure, names: &[&str]) -> Self {
        let tls = Tls::new(names);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), tls.ca_pem).unwrap();
        fake.register(CLIENT, app(&[GET, SIGN]));
        let server = Server::start_tls(fake, tls.config);
        Self { server, folder }
    }

    pub(crate) fn fake(&self) -> &Azure {
        &self.server.service
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Of the caller that a test knows.
    pub(crate) fn env(&self) -> TestEnv {
        self.login_env()
            .var("AZURE_CLIENT_ID", CLIENT)
            .var("AZURE_CLIENT_SECRET", SECRET)
    }

    /// Of nobody, whose tokens would be of the fake's.
    pub(crate) fn login_env(&self) -> TestEnv {
        TestEnv::new()
            .var("AZURE_TENANT_ID", TENANT)
            .var("AZURE_AUTHORITY_HOST", self.server.url())
            .var("AZURE_POD_IDENTITY_AUTHORITY_HOST", self.server.url())
    }

    pub(crate) fn context(&self, env: &TestEnv) -> OpenContext {
        let mut cx = env.context();
        cx.network.ca_certificate = Some(self.ca());
        cx
    }

    /// The key, which its vault's name would not reach here.
    pub(crate) fn uri(&self, kid: &str) -> KeyUri {
        KeyUri::literal("azurekv", kid).with_attribute("endpoint", self.server.url())
    }

    pub(crate) async fn open(&self, uri: &KeyUri, env: &TestEnv) -> Result<Arc<dyn Signer>> {
        registry().open(uri, &self.context(env)).await
    }
}

pub(crate) fn registry() -> Registry {
    Registry::new().with(AzureKv::new())
}

/// One with that secret, who may do this.
pub(crate) fn app(permissions: &[&'static str]) -> App {
    App {
        permissions: permissions.to_vec(),
        secret: Some(SECRET.into()),
        ..App::default()
    }
}

/// The error is of this kind, and it or its hint has these words.
#[track_caller]
pub(crate) fn is(error: &Error, kind: ErrorKind, part: &str) {
    let hint = error.hint().unwrap_or_default();
    assert!(
        error.kind() == kind && format!("{error:?} {error} {hint}").contains(part),
        "{part}: {error:?}"
    );
}
