//! A local org, as people start it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{CLIENT_ID, Server, USER, get, keybearer};

/// A running `keybearer org serve`.
#[derive(Debug)]
pub struct Org(pub Server);

impl Org {
    /// With these flags.
    #[track_caller]
    pub fn serve(arguments: &[&str]) -> Self {
        let mut command = keybearer(&["org", "serve", "--json", "--until-eof"]);
        command.args(arguments);
        Self(Server::start(command))
    }

    /// As [`serve`](Self::serve), without its log: a measurement asks too often for it.
    #[track_caller]
    pub fn serve_silently(arguments: &[&str]) -> Self {
        let mut command = keybearer(&["org", "serve", "--json", "--until-eof"]);
        command.args(arguments).stderr(Stdio::null());
        Self(Server::start(command))
    }

    /// With one app of this certificate, which [`USER`] may use.
    #[track_caller]
    pub fn with_certificate(certificate: &Path) -> Self {
        let app = format!("{CLIENT_ID}={}", certificate.display());
        Self::serve(&["--app", &app, "--user", USER])
    }

    pub fn url(&self) -> &str {
        self.0.said("url")
    }

    /// What it was asked, newest first.
    #[track_caller]
    pub fn log(&self) -> Vec<Value> {
        let (status, body) = get(&format!("{}/__log", self.url()), &[]);
        assert_eq!(status, 200, "{body}");
        let log: Value = serde_json::from_str(&body).expect("JSON");
        let entries = log.as_array().or_else(|| log["log"].as_array());
        entries.expect("a list").clone()
    }

    /// A command with the connection to this org in its flags; the key is the caller's to add.
    pub fn keybearer(&self, arguments: &[&str]) -> Command {
        let mut command = keybearer(arguments);
        command.args(["--login-url", self.url()]);
        command.args(["--client-id", CLIENT_ID, "--username", USER]);
        command
    }
}
