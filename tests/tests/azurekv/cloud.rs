//! The double, and who calls it.

use std::process::Command;

use keybearer_fakes::{
    Kind, Server, Tls,
    azure::{App, Azure, GET, SIGN, TENANT},
};
use keybearer_tests::Scratch;

pub(crate) const SECRET: &str = "Zx8~client-secret-of-the-test";

pub(crate) struct Cloud {
    pub(crate) server: Server<Azure>,
    pub(crate) scratch: Scratch,
    pub(crate) ca: String,
}

impl Cloud {
    /// With the callers `signer`, `reader`, `blind` and `nobody`, who may do this and that by their secret.
    pub(crate) fn new() -> Self {
        let (tls, scratch) = (Tls::new(&[]), Scratch::new());
        let ca = scratch.write("ca.pem", &tls.ca_pem);
        let server = Server::start_tls(Azure::vault(), tls.config);
        for (name, permissions) in [
            ("signer", &[GET, SIGN][..]),
            ("reader", &[GET]),
            ("blind", &[SIGN]),
            ("nobody", &[]),
        ] {
            let app = App {
                permissions: permissions.to_vec(),
                secret: Some(SECRET.into()),
                ..App::default()
            };
            server.service.register(name, app);
        }
        Self {
            server,
            scratch,
            ca,
        }
    }

    /// A new RSA key, as a person names it: without its version.
    pub(crate) fn key(&self) -> String {
        let kid = self.server.service.make("jwt", Kind::Rsa2048);
        let (key, _) = kid.rsplit_once('/').unwrap();
        format!("azurekv:{key}?endpoint={}", self.server.url())
    }

    /// Where this caller logs in, and nothing else of a developer's own use of Azure.
    pub(crate) fn of(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let is_azures = ["AZURE_", "IDENTITY_", "MSI_"];
            if is_azures.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command
            .env("SSL_CERT_FILE", &self.ca)
            .env("AZURE_TENANT_ID", TENANT)
            .env("AZURE_AUTHORITY_HOST", self.server.url())
            .env(
                "AZURE_POD_IDENTITY_AUTHORITY_HOST",
                keybearer_fakes::nobody(),
            );
    }

    /// Of a caller by its secret.
    pub(crate) fn by(&self, client: &str) -> impl Fn(&mut Command) {
        move |command| {
            self.of(command);
            command
                .env("AZURE_CLIENT_ID", client)
                .env("AZURE_CLIENT_SECRET", SECRET);
        }
    }
}
