//! Every committed test file, cut off after each byte and with every byte changed.

use std::{path::Path, process::ExitCode};

use keybearer_conformance::{DamagedFiles, run};
use keybearer_jks::Jks;

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/jks");
    let files = DamagedFiles::new(folder, Jks, &["correct-horse", "pässwörd€", "pass🔑word"]);
    if let Some(done) = files.in_child() {
        return done;
    }
    run(files.trials("damaged"))
}
