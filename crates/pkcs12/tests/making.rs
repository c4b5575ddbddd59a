//! Keys that are made in stores, and moved between them.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod common;

use std::{process::ExitCode, sync::Arc};

use common::{Folder, PASSWORD, block_on, context};
use keybearer_conformance::{Trial, run};
use keybearer_core::{
    Bound, Certificate, Certify, EcCurve, ErrorKind, KeyFile as _, KeyMaker as _, KeySpec, KeyType,
    KeyUri, Result, Signer, async_trait,
};
use keybearer_pkcs12::Pkcs12;
use keybearer_x509::SelfSigned;

const P256: KeyType = KeyType::Ec(EcCurve::P256);

fn main() -> ExitCode {
    let test = |name: &str, test: fn(&Folder)| {
        Trial::test(format!("making::{name}"), move || {
            test(&Folder::new());
            Ok(())
        })
    };
    run(vec![
        test("a new store is opened again", made),
        test("a name is taken once unless forced", taken),
        test("a wrong password changes nothing", wrong_password),
        test("what is no store is never replaced", no_store),
        test("a key moves with its name and chain", moved),
        test("what a URI may not say", refusals),
    ])
}

fn made(folder: &Folder) {
    for (name, key_type) in [("a.p12", P256), ("b.p12", KeyType::Ed25519)] {
        for protection in ["modern", "legacy"] {
            let uri = uri(folder, name, Some("Job"))
                .with_attribute("protection", protection)
                .with_attribute("mac", "required");
            let made = make(&uri, key_type, true).unwrap();
            let opened = common::open(&uri).unwrap();
            assert_eq!(made.id().uri(), &opened.id);
            assert_eq!(opened.id.attribute("alias"), Some("Job"));
            assert_eq!(opened.id.attribute("protection"), None);
            assert_eq!(block_on(made.public_key()).unwrap(), opened.public);
            assert_eq!(block_on(made.certificate_chain()).unwrap(), opened.chain);
            assert_eq!(opened.chain.len(), 1);
            private_to_its_owner(&folder.text(name));
        }
    }
    // Without a name too, where it is alone.
    let uri = uri(folder, "c.p12", None);
    make(&uri, P256, false).unwrap();
    assert_eq!(common::open(&uri).unwrap().id.attribute("alias"), None);
    let error = make(&uri, P256, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUri);
}

fn taken(folder: &Folder) {
    let first = make(&uri(folder, "a.p12", Some("Job")), P256, false).unwrap();
    make(&uri(folder, "a.p12", Some("other")), P256, false).unwrap();
    let before = folder.read("a.p12");
    let again = uri(folder, "a.p12", Some("JOB"));
    let error = make(&again, P256, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("\"Job\""), "{error}");
    assert!(error.hint().unwrap().contains("--force"), "{error:?}");
    assert_eq!(folder.read("a.p12"), before);
    let forced = make(&again, P256, true).unwrap();
    assert_ne!(
        block_on(first.public_key()).unwrap(),
        block_on(forced.public_key()).unwrap()
    );
    let entries = folder.entries("a.p12", Some(PASSWORD)).unwrap().entries;
    let names: Vec<_> = entries.iter().map(|entry| entry.alias.clone()).collect();
    assert_eq!(names, [Some("other".into()), Some("JOB".into())]);
}

fn wrong_password(folder: &Folder) {
    make(&uri(folder, "a.p12", Some("job")), P256, false).unwrap();
    let before = folder.read("a.p12");
    let wrong = uri(folder, "a.p12", Some("new")).with_attribute("password-value", "wrong");
    let error = make(&wrong, P256, true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadSecret);
    assert_eq!(folder.read("a.p12"), before);
    let none = folder.uri("a.p12").with_attribute("alias", "new");
    let error = make(&none, P256, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadSecret);
    let empty = uri(folder, "new.p12", Some("new")).with_attribute("password-value", "");
    let error = make(&empty, P256, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadSecret);
    assert!(!std::path::Path::new(&folder.text("new.p12")).exists());
}

fn no_store(folder: &Folder) {
    std::fs::write(folder.text("notes.txt"), "dear diary").unwrap();
    let error = make(&uri(folder, "notes.txt", Some("job")), P256, true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert_eq!(folder.read("notes.txt"), b"dear diary");
}

fn moved(folder: &Folder) {
    let from = uri(folder, "a.p12", Some("Job"));
    let made = make(&from, P256, false).unwrap();
    let material = block_on(Pkcs12.take(&from, &context())).unwrap();
    assert_eq!(material.alias.as_deref(), Some("Job"));
    let shown = format!("{material:?}");
    assert!(
        shown.contains("Job") && !shown.contains("48, 129"),
        "{shown}"
    );
    let to = uri(folder, "b.p12", None);
    let put = block_on(Pkcs12.put(&to, &material, false, &context())).unwrap();
    let opened = common::open(&to).unwrap();
    assert_eq!(put.id().uri(), &opened.id);
    assert_eq!(opened.id.attribute("alias"), Some("Job"));
    assert_eq!(opened.public, block_on(made.public_key()).unwrap());
    assert_eq!(opened.chain, block_on(made.certificate_chain()).unwrap());
    // A pinned key is not given away in another's place.
    let pinned = from.with_attribute("spki-sha256", "0".repeat(64));
    let error = block_on(Pkcs12.take(&pinned, &context())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyMismatch);
}

fn refusals(folder: &Folder) {
    let odd = uri(folder, "a.p12", Some("job")).with_attribute("protection", "none");
    let error = make(&odd, P256, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUri);
    assert!(error.hint().unwrap().contains("legacy"), "{error:?}");
    make(&uri(folder, "a.p12", Some("job")), P256, false).unwrap();
    let error = common::open(&odd).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUri);
}

fn uri(folder: &Folder, name: &str, alias: Option<&str>) -> KeyUri {
    let uri = folder.uri(name).with_attribute("password-value", PASSWORD);
    match alias {
        Some(alias) => uri.with_attribute("alias", alias),
        None => uri,
    }
}

fn make(uri: &KeyUri, key_type: KeyType, overwrite: bool) -> Result<Arc<dyn Signer>> {
    let mut spec = KeySpec::new(key_type);
    spec.overwrite = overwrite;
    block_on(Pkcs12.make(uri, &spec, &SelfSign, &context()))
}

struct SelfSign;

#[async_trait]
impl Certify for SelfSign {
    async fn certify(&self, key: Arc<dyn Signer>) -> Result<Vec<Certificate>> {
        let algorithm = key.algorithms()[0];
        let bound = Bound::new(key, algorithm)?;
        Ok(vec![SelfSigned::new("CN=job")?.issue(&bound).await?])
    }
}

fn private_to_its_owner(path: &str) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
