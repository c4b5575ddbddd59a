//! hvac, the client of Vault's users in Python, judges the double; a real server shows that the judge asks for what is so.

use std::process::Command;

use keybearer_conformance::{Trial, require};
use keybearer_tests::{heavy_python, ran};

use crate::place::Place;

const JUDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/vault_transit.py");

/// `words` say what is to be judged beside the rest.
pub(crate) fn hvac(
    name: &str,
    place: &'static Place,
    words: &'static [&'static str],
) -> Vec<Trial> {
    let trial = format!("{name}::judged_by_hvac");
    require("hvac", || heavy_python("hvac")).trials(&trial, |python| {
        vec![Trial::test(&trial, move || {
            let mut command = Command::new(python);
            command.args([JUDGE, &place.url, &place.root]).args(words);
            // A developer's own certificates and proxies are of no matter here.
            command.env_clear();
            let checks = &ran(&mut command).json()["checks"];
            assert!(
                checks.as_u64().is_some_and(|checks| checks > 100),
                "{checks}"
            );
            Ok(())
        })]
    })
}
