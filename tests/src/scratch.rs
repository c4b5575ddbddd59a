//! A folder for one test.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{keybearer, ran, tool};

/// A folder that goes when the test ends, with keys that openssl makes.
#[derive(Debug)]
pub struct Scratch(tempfile::TempDir);

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The path as text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), bytes).unwrap();
        self.text(name)
    }

    /// A key by openssl in `{name}.pem` with its self-signed certificate in `{name}.crt`. `kind` is as openssl names it:
    /// `rsa:2048`, `ec`.
    pub fn openssl_key(&self, name: &str, kind: &str) -> (String, String) {
        let (key, certificate) = (
            self.text(&format!("{name}.pem")),
            self.text(&format!("{name}.crt")),
        );
        let mut arguments = vec!["req", "-x509", "-nodes", "-days", "30", "-newkey", kind];
        if kind == "ec" {
            arguments.extend(["-pkeyopt", "ec_paramgen_curve:P-256"]);
        }
        arguments.extend([
            "-subj",
            "/CN=keybearer test",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ]);
        tool("openssl", &arguments);
        (key, certificate)
    }

    /// A Java key store with a key under each alias, all with this password, made by the program under test; keytool
    /// judges those where they are made.
    pub fn jks(&self, name: &str, password: &str, aliases: &[&str]) -> String {
        let path = self.text(name);
        for alias in aliases {
            let (uri, subject) = (format!("jks:{path}"), format!("CN={alias}"));
            let mut command = keybearer(&["key", "new", &uri, "--alias", alias]);
            command.args(["--subject", &subject, "--password-source", "env:P"]);
            ran(command.env("P", password)).ok();
        }
        path
    }
}
