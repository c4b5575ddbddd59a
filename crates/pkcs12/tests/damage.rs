//! Every committed test file, cut off after each byte and with every byte changed.

use std::{path::Path, process::ExitCode};

use keybearer_conformance::{DamagedFiles, run};
use keybearer_pkcs12::Pkcs12;

fn main() -> ExitCode {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = |folder: &str| {
        let passwords = ["correct-horse", "", "pässwörd€", "key🔑"];
        DamagedFiles::new(crate_folder.join(folder), Pkcs12, &passwords)
    };
    let many_writers = files("tests/fixtures");
    if let Some(done) = many_writers.in_child() {
        return done;
    }
    let mut trials = many_writers.trials("damaged");
    trials.extend(files("../../tests/fixtures/pkcs12").trials("damaged shape"));
    run(trials)
}
