//! What is written here, opened by keytool; what keytool wrote, with an entry of ours in it.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::{fs, process::ExitCode};

use keybearer_conformance::{Failed, Trial, program, require, run};
use keybearer_core::{EcCurve, ErrorKind, KeyType, Provider as _, Secret};
use keybearer_jks::{Jks, StoreWriter};
use support::{Case, PASSWORD};

fn main() -> ExitCode {
    let keytool = require("keytool", || program("keytool", &["-help"]));
    let test = |name: &str, test: fn() -> Result<(), Failed>| Trial::test(name, test);
    run(keytool.trials("stores judged by keytool", |_| {
        vec![
            test("a new store is opened", a_new_store_is_opened),
            test("names and passwords of any script", any_script),
            test("an entry is added to a store of keytool's", added),
            test("an entry is added to a store of version 1", version_1),
            test("certificates by another name of X.509", called_x509),
            test("an alias is taken once unless forced", taken),
            test("a wrong password changes nothing", wrong_password),
            test("several entries and trusted certificates", several),
        ]
    }))
}

/// Every type of key, through keytool into PKCS#12 and through openssl into its public half.
fn a_new_store_is_opened() -> Result<(), Failed> {
    for (key_type, shown) in [
        made_here(),
        (KeyType::Ec(EcCurve::P256), "256-bit EC"),
        (KeyType::Ec(EcCurve::P384), "384-bit EC"),
        (KeyType::Ed25519, "255-bit Ed25519"),
    ] {
        let case = Case::new();
        let uri = case
            .uri("Job")
            .with_attribute("key-password-source", "env:OTHER");
        let made = case.make(&uri, key_type, false)?;
        let listed = case.keytool(&format!("-list -v -storepass {PASSWORD}"))?;
        for part in [
            "Alias name: job\n",
            "Entry type: PrivateKeyEntry",
            "Owner: CN=Job",
            shown,
        ] {
            support::contains(&listed, part)?;
        }
        let public = case.public_through_pkcs12("job", "other-password")?;
        let opened = case.open(&uri)?;
        if case.block(opened.public_key())? != public || made.id() != opened.id() {
            return Err("it is another key".into());
        }
        let chain = case.block(opened.certificate_chain())?;
        let exported = case.keytool(&format!(
            "-exportcert -rfc -alias job -storepass {PASSWORD}"
        ))?;
        let exported = exported.replace("\r\n", "\n");
        if chain.len() != 1 || exported != chain[0].to_pem() {
            return Err(format!("{chain:?}\n{exported}").into());
        }
        support::private_to_its_owner(&case.store)?;
    }
    Ok(())
}

/// RSA where this build makes it.
fn made_here() -> (KeyType, &'static str) {
    if cfg!(feature = "aws-lc") {
        (KeyType::Rsa { bits: 2048 }, "2048-bit RSA")
    } else {
        (KeyType::Ec(EcCurve::P384), "384-bit EC")
    }
}

fn any_script() -> Result<(), Failed> {
    let case = Case::new().password("Pässwort-鍵-🔑");
    let uri = case.uri("ZERTIFIKAT-Ü-鍵-🔑");
    case.make(&uri, KeyType::Ec(EcCurve::P256), false)?;
    let listed = case.keytool("-list -storepass:env PASSWORD")?;
    support::contains(&listed, "zertifikat-ü-鍵-🔑, ")?;
    let opened = case.open(&uri)?;
    let id = opened.id().to_string();
    if id.contains("Pässwort") {
        return Err(id.into());
    }
    Ok(())
}

fn added() -> Result<(), Failed> {
    let case = Case::new();
    let common = format!("-storetype JKS -storepass {PASSWORD}");
    case.keytool(&format!(
        "-genkeypair -keyalg RSA -alias old -dname CN=old -keypass old-password {common}"
    ))?;
    let certificate = case.store.with_extension("crt");
    let exported = case.keytool(&format!("-exportcert -rfc -alias old {common}"))?;
    fs::write(&certificate, exported)?;
    case.keytool(&format!(
        "-importcert -noprompt -alias trusted -file {} {common}",
        certificate.display()
    ))?;
    let before = fs::read(&case.store)?;
    case.make(&case.uri("NEW"), made_here().0, false)?;
    let after = fs::read(&case.store)?;
    let old = &before[12..before.len() - 20];
    if !after.windows(old.len()).any(|window| window == old) {
        return Err("the other entries were changed".into());
    }
    let listed = case.keytool(&format!("-list {common}"))?;
    for part in [
        "contains 3 entries",
        "new, ",
        "old, ",
        "trusted, ",
        "trustedCertEntry",
    ] {
        support::contains(&listed, part)?;
    }
    case.public_through_pkcs12("old", "old-password")?;
    case.public_through_pkcs12("new", PASSWORD)?;
    // And keytool goes on with it.
    case.keytool(&format!(
        "-changealias -alias new -destalias newer {common}"
    ))?;
    case.open(&case.uri("newer"))?;
    Ok(())
}

fn version_1() -> Result<(), Failed> {
    let case = Case::new();
    let mut bytes = StoreWriter::new().finish(&Secret::from(PASSWORD))?;
    // An empty store of version 1 differs in one byte, and in the digest over it.
    bytes[7] = 1;
    let bytes = support::signed(&bytes[..bytes.len() - 20]);
    fs::write(&case.store, bytes)?;
    case.make(&case.uri("job"), made_here().0, false)?;
    if fs::read(&case.store)?[7] != 1 {
        return Err("the version was changed".into());
    }
    case.public_through_pkcs12("job", PASSWORD)?;
    case.open(&case.uri("job"))?;
    Ok(())
}

/// keystore-go's example writes it without the dot, and Java reads that too.
fn called_x509() -> Result<(), Failed> {
    let case = Case::new();
    case.keytool(&format!(
        "-genkeypair -keyalg EC -storetype JKS -alias job -dname CN=job -storepass {PASSWORD} -keypass {PASSWORD}"
    ))?;
    let bytes = fs::read(&case.store)?;
    let (body, _) = bytes.split_at(bytes.len() - 20);
    let name = b"\0\x05X.509";
    let at = body.windows(name.len()).position(|part| part == name);
    let (before, after) = body.split_at(at.ok_or("the store has no certificate")?);
    let body = [before, b"\0\x04X509", &after[name.len()..]].concat();
    fs::write(&case.store, support::signed(&body))?;
    let listed = case.keytool(&format!("-list -v -storepass {PASSWORD}"))?;
    support::contains(&listed, "Certificate chain length: 1")?;
    let signer = case.open(&case.uri("job"))?;
    match case.block(signer.certificate_chain())?.len() {
        1 => Ok(()),
        other => Err(format!("{other} certificates").into()),
    }
}

fn taken() -> Result<(), Failed> {
    let case = Case::new();
    case.make(&case.uri("job"), KeyType::Ed25519, false)?;
    case.make(&case.uri("other"), KeyType::Ed25519, false)?;
    let before = fs::read(&case.store)?;
    let error = case
        .make(&case.uri("JOB"), KeyType::Ed25519, false)
        .unwrap_err();
    if error.kind() != ErrorKind::Unsupported || !error.hint().unwrap().contains("--force") {
        return Err(format!("{error:?}").into());
    }
    if fs::read(&case.store)? != before {
        return Err("the store was changed".into());
    }
    case.make(&case.uri("JOB"), KeyType::Ec(EcCurve::P256), true)?;
    let listed = case.keytool(&format!("-list -v -storepass {PASSWORD}"))?;
    support::contains(&listed, "contains 2 entries")?;
    support::contains(&listed, "256-bit EC")
}

fn wrong_password() -> Result<(), Failed> {
    let case = Case::new();
    case.make(&case.uri("job"), KeyType::Ed25519, false)?;
    let before = fs::read(&case.store)?;
    let wrong = case
        .uri("new")
        .with_attribute("password-source", "env:OTHER");
    let short = case
        .uri("new")
        .with_attribute("key-password-value", "short");
    let none = case.uri("").with_attribute("alias", "");
    for (uri, kind) in [
        (wrong, ErrorKind::BadSecret),
        (short, ErrorKind::BadSecret),
        (none, ErrorKind::InvalidUri),
    ] {
        let error = case.make(&uri, KeyType::Ed25519, true).unwrap_err();
        if error.kind() != kind {
            return Err(format!("{error:?}").into());
        }
    }
    // What is no JKS is never replaced, and nothing is left beside.
    let pem = case.store.with_extension("pem");
    fs::write(&pem, "-----BEGIN PRIVATE KEY-----")?;
    let uri = keybearer_core::KeyUri::literal("jks", pem.to_str().unwrap())
        .with_attribute("alias", "a")
        .with_attribute("password-source", "env:PASSWORD");
    let error = case.make(&uri, KeyType::Ed25519, true).unwrap_err();
    let left = fs::read_dir(case.store.parent().unwrap())?.count();
    if error.kind() != ErrorKind::Malformed || fs::read(&case.store)? != before || left != 2 {
        return Err(format!("{error:?}").into());
    }
    Ok(())
}

fn several() -> Result<(), Failed> {
    let case = Case::new();
    let password = Secret::from(PASSWORD);
    let mut store = StoreWriter::new();
    let mut chain = Vec::new();
    for alias in ["First", "second"] {
        let (key, certificate) = case.key(made_here().0, alias)?;
        chain = vec![certificate];
        store.key(alias, &key, &password, &chain)?;
        let own = Secret::from("own-password");
        store.key(&format!("{alias}-own"), &key, &own, &chain)?;
    }
    store.certificate("Trusted", &chain[0])?;
    fs::write(&case.store, store.finish(&password)?)?;
    let listed = case.keytool(&format!("-list -storepass {PASSWORD}"))?;
    for part in ["contains 5 entries", "first, ", "second-own, ", "trusted, "] {
        support::contains(&listed, part)?;
    }
    case.public_through_pkcs12("first", PASSWORD)?;
    case.public_through_pkcs12("second-own", "own-password")?;
    let entries = case.block(Jks.entries(&case.uri("x"), &case.context()))?;
    let aliases: Vec<_> = entries
        .entries
        .iter()
        .filter_map(|entry| entry.alias.as_deref())
        .collect();
    if aliases != ["first", "first-own", "second", "second-own", "trusted"] {
        return Err(format!("{aliases:?}").into());
    }
    Ok(())
}
