//! The readers, each of which tells the private keys of one file. A panic or an abort ends the process that runs it.

use std::{error::Error, fs, process::Command, sync::Arc};

use keybearer::{EntryKind, KeyUri, OpenContext, ProcessEnv, Signer as _, default_registry};

type Keys = Result<Vec<Key>, Box<dyn Error>>;

/// What came out.
pub enum Key {
    /// PKCS#8 in DER.
    Private(Vec<u8>),
    /// SubjectPublicKeyInfo in DER.
    Public(Vec<u8>),
}

/// A file and its secrets.
pub struct Given {
    pub format: String,
    pub path: String,
    pub password: String,
    pub key_password: String,
}

/// The readers of a format; ours comes first.
pub fn of(format: &str) -> &'static [&'static str] {
    match format {
        "jks" => &["keybearer", "jks"],
        "pem" => &["keybearer", "openssl"],
        _ => &["keybearer", "p12-keystore", "p12", "openssl"],
    }
}

/// Runs one reader.
pub fn read(reader: &str, given: &Given) -> Keys {
    match reader {
        "keybearer" => keybearer(given),
        "jks" => jks(given),
        "p12" => p12(given),
        "p12-keystore" => p12_keystore(given),
        "openssl" => openssl(given),
        other => Err(format!("no reader is called {other}").into()),
    }
}

fn keybearer(given: &Given) -> Keys {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut uri = KeyUri::literal(&given.format, &given.path)
        .with_attribute("password-value", &given.password);
    if !given.key_password.is_empty() {
        uri = uri.with_attribute("key-password-value", &given.key_password);
    }
    let cx = OpenContext::new(Arc::new(ProcessEnv::new()));
    let registry = default_registry();
    let listed = runtime.block_on(registry.entries(&uri, &cx))?;
    let keys = listed.entries.into_iter();
    let mut found = Vec::new();
    let mut refused = None;
    for key in keys.filter(|entry| entry.kind == EntryKind::Key) {
        let uri = match key.alias {
            Some(alias) => uri.clone().with_attribute("alias", alias),
            None => uri.clone(),
        };
        match runtime.block_on(registry.open(&uri, &cx)) {
            Ok(signer) => {
                let public = runtime.block_on(signer.public_key())?;
                found.push(Key::Public(public.spki_der().to_vec()));
            }
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(error) if found.is_empty() => Err(error.into()),
        None if found.is_empty() => Err("there is no key".into()),
        _ => Ok(found),
    }
}

fn jks(given: &Given) -> Keys {
    let options = jks::KeyStoreOptions::default();
    let mut store = jks::KeyStore::with_options(options);
    store.load(&*fs::read(&given.path)?, given.password.as_bytes())?;
    let mut found = Vec::new();
    for alias in store.aliases() {
        if store.is_private_key_entry(&alias) {
            let passwords = [&given.password, &given.key_password];
            let opened = passwords.iter().find_map(|password| {
                store
                    .get_private_key_entry(&alias, password.as_bytes())
                    .ok()
            });
            found.extend(opened.map(|entry| Key::Private(entry.private_key)));
        }
    }
    Ok(found)
}

fn p12(given: &Given) -> Keys {
    let store = p12::PFX::parse(&fs::read(&given.path)?)?;
    if !store.verify_mac(&given.password) {
        return Err("the MAC does not match".into());
    }
    let keys = store.key_bags(&given.password)?;
    Ok(keys.into_iter().map(Key::Private).collect())
}

/// By its archive, which keeps keys without a certificate too.
fn p12_keystore(given: &Given) -> Keys {
    let archive =
        p12_keystore::Pkcs12Archive::from_pkcs12(&fs::read(&given.path)?, &given.password)?;
    let keys = archive.keys.iter();
    Ok(keys
        .map(|key| Key::Private(key.key.as_der().to_vec()))
        .collect())
}

/// The program, with its legacy provider. Of a store it tells the first key alone.
fn openssl(given: &Given) -> Keys {
    let read = match given.format.as_str() {
        "pem" => &["pkey", "-outform", "DER"][..],
        _ => &["pkcs12", "-nodes", "-nocerts"],
    };
    let mut command = Command::new("openssl");
    command
        .args(read)
        .args(["-in", &given.path, "-passin", "env:PASSWORD"]);
    command.args(["-provider", "legacy", "-provider", "default"]);
    let output = command.env("PASSWORD", &given.password).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(vec![Key::Private(output.stdout)])
}
