//! A program that signs and ends does so in peace: no session is closed while the module cleans up.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[allow(dead_code, reason = "no test program uses all of it")]
mod softhsm;

use std::{
    env,
    path::PathBuf,
    process::{Command, ExitCode},
};

use keybearer_conformance::Trial;
use keybearer_core::{Algorithm, Registry};
use keybearer_pkcs11::Pkcs11;

use softhsm::{SoftHsm, main_with};

/// Makes this program the one that signs and ends, with this module.
const SIGN_AND_END: &str = "KEYBEARER_TEST_SIGN_AND_END";

fn main() -> ExitCode {
    if let Some(module) = env::var_os(SIGN_AND_END) {
        return sign_and_end(module.into());
    }
    main_with("ending", |_| Vec::new(), prepare, all)
}

fn prepare(here: &SoftHsm) {
    here.make_token("jwt");
    here.make_key("jwt", "EC:prime256v1", "01", "job");
}

fn all(here: &SoftHsm) -> Vec<Trial> {
    let module = here.module.clone();
    vec![Trial::test("ending::is_in_peace", move || {
        for round in 0..200 {
            let ended = Command::new(env::current_exe()?)
                .env(SIGN_AND_END, &module)
                .status()?;
            if !ended.success() {
                return Err(format!("in round {round} it ended with {ended}").into());
            }
        }
        Ok(())
    })]
}

fn sign_and_end(module: PathBuf) -> ExitCode {
    let here = SoftHsm {
        folder: PathBuf::new(),
        module,
    };
    let context = softhsm::env().context();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let registry = Registry::new().with(Pkcs11);
        let uri = here.uri("token=jwt;object=job");
        let signer = registry.open(&uri, &context).await.unwrap();
        signer.sign(Algorithm::Es256, b"message").await.unwrap();
    });
    ExitCode::SUCCESS
}
