//! A Google Cloud with one key and some accounts.

use std::process::Command;

use keybearer_core::KeyUri;
use keybearer_fakes::{
    Server,
    gcp::{Gcp, IMPERSONATE, READ, SIGN},
    nobody,
};
use keybearer_tests::{Ran, Scratch, keybearer, ran};
use serde_json::Value;

pub(crate) const SIGNER: &str = "signer@p-1.iam.gserviceaccount.com";
pub(crate) const READER: &str = "reader@p-1.iam.gserviceaccount.com";
pub(crate) const BLIND: &str = "blind@p-1.iam.gserviceaccount.com";
pub(crate) const NOBODY: &str = "nobody@p-1.iam.gserviceaccount.com";
pub(crate) const USER: &str = "someone@example.com";
/// May act for others and sign nothing.
pub(crate) const ACTOR: &str = "actor@p-1.iam.gserviceaccount.com";

pub(crate) struct Cloud {
    pub(crate) fake: Server<Gcp>,
    pub(crate) uri: KeyUri,
    folder: Scratch,
}

impl Cloud {
    pub(crate) fn new() -> Self {
        let fake = Server::start(Gcp::new());
        let version = fake.service.make("jwt", "RSA_SIGN_PKCS1_2048_SHA256");
        for (email, permissions) in [
            (SIGNER, &[SIGN, READ][..]),
            (READER, &[READ]),
            (BLIND, &[SIGN]),
            (NOBODY, &[]),
            (USER, &[SIGN, READ]),
            (ACTOR, &[IMPERSONATE]),
        ] {
            fake.service.account(email, permissions);
        }
        Self {
            uri: KeyUri::literal("gcpkms", &version).with_attribute("endpoint", fake.url()),
            folder: Scratch::new(),
            fake,
        }
    }

    /// The JSON key of an account.
    pub(crate) fn key_of(&self, email: &str) -> Value {
        let url = self.fake.url();
        self.fake.service.service_account_file(email, &url)
    }

    /// A file with this in it, under a name of its own.
    pub(crate) fn file(&self, name: &str, json: &Value) -> String {
        self.folder.write(name, json.to_string())
    }

    /// The file of an account's key.
    pub(crate) fn file_of(&self, email: &str) -> String {
        self.file(&format!("{email}.json"), &self.key_of(email))
    }

    /// A signature by the program, with these variables and nothing else of a developer's own use of Google Cloud.
    pub(crate) fn sign(&self, variables: &[(&str, &str)]) -> Ran {
        self.sign_by(&self.uri, variables)
    }

    pub(crate) fn sign_by(&self, uri: &KeyUri, variables: &[(&str, &str)]) -> Ran {
        let message = self.folder.write("message", "a message");
        let uri = uri.to_string();
        let mut command = keybearer(&["-vv", "sign", "--json", "--key", &uri, &message]);
        with(&mut command, variables);
        ran(&mut command)
    }
}

/// These variables, and nothing else that says who we are to Google. No machine's metadata is asked.
pub(crate) fn with(command: &mut Command, variables: &[(&str, &str)]) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["GOOGLE_", "CLOUDSDK_", "GCE_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    let nobody = nobody();
    command.env("HOME", "/nonexistent");
    command.env("GCE_METADATA_HOST", nobody.trim_start_matches("http://"));
    command.envs(variables.iter().copied());
}
