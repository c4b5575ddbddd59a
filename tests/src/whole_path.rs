//! From a key to a token by the program, whatever source the key has.

use std::process::Command;

use serde_json::Value;

use crate::{Org, Scratch, keybearer, ran, tool};

/// A key whose certificate an org knows.
#[derive(Debug)]
pub struct WholePath {
    org: Org,
    /// Where the certificate is.
    pub certificate: String,
    _scratch: Scratch,
}

impl WholePath {
    /// A certificate over the key, an org that knows it, and a token. `by` gives a command the caller's credentials; none of
    /// them, `secret`, is told.
    #[track_caller]
    pub fn walk(key: &str, secret: &str, by: impl Fn(&mut Command)) -> Self {
        let scratch = Scratch::new();
        let mut made = keybearer(&["cert", "new", "--key", key, "--subject", "CN=jwt"]);
        by(&mut made);
        let certificate = scratch.write("jwt.crt", ran(&mut made).ok());
        // It is one by openssl's judgement: signed by its own key.
        let trusted = ["verify", "-CAfile", &certificate, &certificate];
        tool("openssl", &trusted);

        let org = Org::with_certificate(certificate.as_ref());
        let mut command = org.keybearer(&["token", "--json", "--key", key]);
        by(&mut command);
        let told = ran(&mut command);
        assert!(!told.stderr.contains(secret), "{}", told.stderr);
        assert!(told.json()["access_token"].as_str().unwrap().contains('!'));
        let entry = &org.log()[0];
        assert_eq!(entry["outcome"], "granted", "{entry}");
        Self {
            org,
            certificate,
            _scratch: scratch,
        }
    }

    /// What `check --json` says of a key. `by` gives it the caller's credentials, and none of `secrets` is told.
    #[track_caller]
    pub fn check(&self, key: &str, secrets: &[&str], by: impl Fn(&mut Command)) -> Value {
        let mut command = self.org.keybearer(&["check", "--json", "--key", key]);
        by(&mut command);
        let told = ran(&mut command);
        for secret in secrets {
            assert!(!format!("{told:?}").contains(secret), "{told:?}");
        }
        serde_json::from_str(&told.stdout).unwrap()
    }
}

/// This step of a `check` has failed; its reason and its cure hold these words.
#[track_caller]
pub fn assert_step_failed(report: &Value, name: &str, detail: &str, cure: &str) {
    assert_eq!(report["ok"], false);
    let steps = report["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["name"] == name).unwrap();
    assert_eq!(step["status"], "failed", "{report}");
    for (part, words) in [("detail", detail), ("cure", cure)] {
        let told = step[part].as_str().unwrap();
        assert!(told.contains(words), "{words}: {step}");
    }
}
