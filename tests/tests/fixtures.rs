//! The key files in `tests/fixtures`, each opened through the library's face: what comes out is what `table.toml` says, and
//! what openssl and keytool find in it.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "fixtures/judges.rs"]
mod judges;
#[path = "fixtures/table.rs"]
mod table;

use std::{process::ExitCode, sync::Arc};

use keybearer::{
    EntryKind, Error, ErrorKind, KeyUri, OpenContext, ProcessEnv, Registry, Signer as _,
    default_registry,
};
use keybearer_conformance::{Failed, Trial, program, require, run};
use table::{File, Table};

fn main() -> ExitCode {
    let table = Arc::new(Table::read());
    let mut trials = vec![{
        let table = table.clone();
        Trial::test("the table has every file", move || {
            assert_eq!(table.names(), table::names_of_files());
            assert!(table.files.len() >= 60);
            Ok(())
        })
    }];
    trials.extend(table.trials("what comes out", comes_out));
    trials.extend(table.trials("a wrong password", wrong_password));
    let openssl = require("openssl", || program("openssl", &["version"]));
    trials.extend(openssl.trials("openssl finds the same", |_| {
        table.trials("openssl finds the same", judges::openssl)
    }));
    let keytool = require("keytool", || program("keytool", &["-help"]));
    trials.extend(keytool.trials("keytool finds the same", |_| {
        table.trials("keytool finds the same", judges::keytool)
    }));
    run(trials)
}

/// Every key with its certificates and its name, and every other entry; or the error that stands in the table.
fn comes_out(table: &Table, file: &File) -> Result<(), Failed> {
    let uri = uri(file, &file.password);
    let (registry, cx) = (default_registry(), context());
    if let Some(kind) = &file.error {
        let error = open(&registry, &uri, &cx).unwrap_err();
        assert_eq!(error.kind().as_str(), kind, "{error:?}");
        let told = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(told.contains(&file.says), "{told:?}, not {:?}", file.says);
        assert!(file.says.is_empty() || error.hint().is_some(), "{error:?}");
        return Ok(());
    }
    for (alias, key, chain) in &file.keys {
        let uri = match (alias.as_str(), file.keys.len()) {
            ("", _) | (_, 1) => uri.clone(),
            (alias, _) => uri.clone().with_attribute("alias", alias),
        };
        let uri = match &file.key_password {
            Some(password) => uri
                .with_attribute("key-password-value", password)
                .with_attribute("alias", alias),
            None => uri,
        };
        let signer = open(&registry, &uri, &cx)?;
        let public = wait(signer.public_key())?;
        assert_eq!(table::digest(public.spki_der()), table.key(key), "{alias}");
        let found = wait(signer.certificate_chain())?;
        let found: Vec<_> = found.iter().map(|one| table.certificate(one)).collect();
        assert_eq!(found.join(" "), *chain, "{alias}");
    }
    if file.keys.is_empty() {
        let error = open(&registry, &uri, &cx).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    }
    let mut listed: Vec<_> = wait(registry.entries(&uri, &cx))?
        .entries
        .iter()
        .map(|entry| table.listed(entry))
        .collect();
    let keys = file.keys.iter().map(|(alias, ..)| {
        let kind = EntryKind::Key.as_str();
        format!("{kind} {alias}").trim_end().to_owned()
    });
    let mut expected: Vec<_> = keys.chain(file.others.iter().cloned()).collect();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    Ok(())
}

/// Another password than the file's opens nothing that has one, and is told from damage.
fn wrong_password(_: &Table, file: &File) -> Result<(), Failed> {
    let opened = open(&default_registry(), &uri(file, "battery-horse"), &context());
    let Err(error) = opened else {
        assert!(file.unprotected, "it opens with any password");
        return Ok(());
    };
    assert!(!file.unprotected, "{error:?}");
    let mut kinds = vec![ErrorKind::BadSecret.as_str()];
    kinds.extend(file.error.as_deref());
    // JKS has no digest over the aliases alone: which key is meant comes first.
    if file.keys.len() > 1 && file.format == "jks" {
        kinds.push(ErrorKind::Ambiguous.as_str());
    }
    assert!(kinds.contains(&error.kind().as_str()), "{error:?}");
    Ok(())
}

fn uri(file: &File, password: &str) -> KeyUri {
    let uri = KeyUri::literal("keystore", file.path.to_str().unwrap());
    uri.with_attribute("password-value", password)
}

fn context() -> OpenContext {
    OpenContext::new(Arc::new(ProcessEnv::new()))
}

fn open(
    registry: &Registry,
    uri: &KeyUri,
    cx: &OpenContext,
) -> Result<Arc<dyn keybearer::Signer>, Error> {
    wait(registry.open(uri, cx))
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}
