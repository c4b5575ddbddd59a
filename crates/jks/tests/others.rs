//! Stores as other programs write them, and files that are no JKS.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::{fs, process::ExitCode};

use keybearer_conformance::{Failed, Trial, program, require, run};
use keybearer_core::{Algorithm, ErrorKind, KeyUri, Provider as _};
use keybearer_jks::Jks;
use support::{Case, PASSWORD};

fn main() -> ExitCode {
    let keytool = require("keytool", || program("keytool", &["-help"]));
    let test = |name: &str, test: fn() -> Result<(), Failed>| Trial::test(name, test);
    run(keytool.trials("stores of other programs", |_| {
        vec![
            test("as Salesforce exports its key store", salesforce),
            test("as KeyStore Explorer makes it", keystore_explorer),
            test("other formats are told", other_formats),
            test("what is listed without a password", unchecked),
        ]
    }))
}

/// "Export to Keystore": all certificates of the org with their keys, aliases in lower case, one password, a CA's constraints.
fn salesforce() -> Result<(), Failed> {
    let case = Case::new();
    for alias in ["jwt_job", "selfsignedcert_12nov2026_091500"] {
        case.keytool(&format!(
            "-genkeypair -keyalg RSA -keysize 2048 -validity 365 -ext bc:c -storetype JKS -alias {alias} -dname CN={alias},OU=00D280000001abc,O=Salesforce.com,L=SanFrancisco,ST=CA,C=USA -keypass {PASSWORD} -storepass {PASSWORD}"
        ))?;
    }
    for alias in ["jwt_job", "JWT_Job", "SelfSignedCert_12Nov2026_091500"] {
        let signer = case.open(&case.uri(alias))?;
        case.block(signer.sign(Algorithm::Rs256, b"header.claims"))?;
        let chain = case.block(signer.certificate_chain())?;
        let lower = alias.to_lowercase();
        let public = case.public_through_pkcs12(&lower, PASSWORD)?;
        if chain.len() != 1 || case.block(signer.public_key())? != public {
            return Err(format!("{alias}: {chain:?}").into());
        }
        support::contains(&signer.id().to_string(), &format!("alias={lower}&"))?;
    }
    let error = case.open(&case.uri("job")).unwrap_err();
    let hint = error.hint().unwrap_or_default();
    if error.kind() != ErrorKind::NotFound {
        return Err(format!("{error:?}").into());
    }
    support::contains(hint, "\"jwt_job\"")?;
    support::contains(hint, "\"selfsignedcert_12nov2026_091500\"")
}

/// One key pair, and a password of its own for it, which is asked for after the store's.
fn keystore_explorer() -> Result<(), Failed> {
    let case = Case::new();
    case.keytool(&format!(
        "-genkeypair -keyalg RSA -keysize 2048 -storetype JKS -alias mulesoft -dname CN=MuleSoft -keypass other-password -storepass {PASSWORD}"
    ))?;
    let without = KeyUri::literal("jks", case.store.to_str().unwrap())
        .with_attribute("password-source", "env:PASSWORD");
    let error = case.open(&without).unwrap_err();
    if error.kind() != ErrorKind::BadSecret {
        return Err(format!("{error:?}").into());
    }
    support::contains(error.hint().unwrap_or_default(), "give key-password-source")?;
    let wrong = without
        .clone()
        .with_attribute("key-password-source", "env:PASSWORD");
    let error = case.open(&wrong).unwrap_err();
    support::contains(
        error.hint().unwrap_or_default(),
        "check what key-password-source",
    )?;
    let right = without.with_attribute("key-password-source", "env:OTHER");
    let signer = case.open(&right)?;
    let public = case.public_through_pkcs12("mulesoft", "other-password")?;
    if case.block(signer.public_key())? == public {
        Ok(())
    } else {
        Err("it is another key".into())
    }
}

/// keytool writes PKCS#12 into files that are called .jks.
fn other_formats() -> Result<(), Failed> {
    let case = Case::new();
    case.keytool(&format!(
        "-genkeypair -keyalg RSA -storetype PKCS12 -alias job -dname CN=job -storepass {PASSWORD} -keypass {PASSWORD}"
    ))?;
    let error = case.open(&case.uri("job")).unwrap_err();
    if error.kind() != ErrorKind::Malformed {
        return Err(format!("{error:?}").into());
    }
    support::contains(&error.to_string(), "a PKCS#12 store")?;
    let hint = error.hint().unwrap_or_default();
    support::contains(hint, "pkcs12:PATH")?;
    support::contains(hint, "keystore:PATH")
}

/// The outline of a store needs no password, and is marked as not checked.
fn unchecked() -> Result<(), Failed> {
    let case = Case::new();
    case.keytool(&format!(
        "-genkeypair -keyalg RSA -storetype JKS -alias job -dname CN=job -storepass {PASSWORD} -keypass {PASSWORD}"
    ))?;
    let bare = KeyUri::literal("jks", case.store.to_str().unwrap());
    let entries = case.block(Jks.entries(&bare, &case.context()))?.entries;
    let note = entries[0].note.clone().unwrap_or_default();
    if entries[0].bits != Some(2048) || !note.contains("not checked") {
        return Err(format!("{entries:?}").into());
    }
    let mut bytes = fs::read(&case.store)?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&case.store, bytes)?;
    let checked = case.block(Jks.entries(&case.uri("job"), &case.context()));
    match checked.map_err(|error| error.kind()) {
        Err(ErrorKind::BadSecret) => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}
