//! Every committed test file, cut off after each byte and with every byte changed.

use std::{path::Path, process::ExitCode};

use keybearer_conformance::{DamagedFiles, run};
use keybearer_core::{KeyType, PublicKey};
use keybearer_pem::Pem;

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pem");
    let files = DamagedFiles::new(folder, Pem, &["correct-horse", "pässwörd€"]).unbound(is_unbound);
    if let Some(done) = files.in_child() {
        return done;
    }
    run(files.trials("damaged"))
}

/// The numbers of an RSA key tell a changed one, and so do a public half and a certificate. Ed25519 keys of openssl's are
/// 32 bytes at random, and a point on a curve may stand without its public half.
fn is_unbound(file: &[u8], key: &PublicKey) -> bool {
    let text = String::from_utf8_lossy(file);
    !matches!(key.key_type(), KeyType::Rsa { .. }) && !text.contains("CERTIFICATE-----")
}
