//! Google's own clients for Python judge the double.

use std::{
    fs::File,
    process::{Command, Stdio},
};

use keybearer_conformance::{Trial, require};
use keybearer_fakes::gcp::served;
use keybearer_tests::{Scratch, heavy_python, ran};

const JUDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/gcp_kms.py");

pub(crate) fn google() -> Vec<Trial> {
    let trial = "gcpkms::judged_by_google";
    require("google-cloud-kms", || heavy_python("google.cloud.kms_v1")).trials(trial, |python| {
        vec![Trial::test(trial, move || {
            let (_server, ready) = served();
            let folder = Scratch::new();
            let ready = File::open(folder.write("ready.json", ready.to_string()))?;
            let mut command = Command::new(&python);
            // A developer's own credentials and proxies are of no matter here.
            command.arg(JUDGE).stdin(Stdio::from(ready)).env_clear();
            let checks = &ran(&mut command).json()["checks"];
            assert!(
                checks.as_u64().is_some_and(|checks| checks > 400),
                "{checks}"
            );
            Ok(())
        })]
    })
}
