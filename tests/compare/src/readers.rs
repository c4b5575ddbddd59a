//! The readers, each of which tells the private keys of one file. A panic or an abort ends the process that runs it.

use std::{
    error::Error,
    fs,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use keybearer::{EntryKind, KeyUri, OpenContext, ProcessEnv, Signer as _, default_registry};

type Keys = Result<Vec<Key>, Box<dyn Error>>;

/// What came out.
pub enum Key {
    /// PKCS#8 in DER, or a block of PEM.
    Private(Vec<u8>),
    /// SubjectPublicKeyInfo in DER.
    Public(Vec<u8>),
}

/// A file and its secrets.
pub struct Given<'a> {
    pub format: &'a str,
    pub path: &'a str,
    pub password: &'a str,
    /// Empty where it is the file's.
    pub key_password: &'a str,
    /// The key that has a password of its own.
    pub alias: &'a str,
}

/// The name of our own among them.
pub const OURS: &str = "keybearer";

/// The readers of a kind of files; ours comes first.
pub fn of(kind: &str) -> &'static [&'static str] {
    match kind {
        "JKS" | "JCEKS" => &[OURS, "jks", "keytool"],
        "PEM and DER" | "JWK" => &[OURS, "openssl"],
        _ => &[OURS, "p12-keystore", "p12", "openssl", "keytool"],
    }
}

/// Runs one reader.
pub fn read(reader: &str, given: &Given<'_>) -> Keys {
    match reader {
        OURS => keybearer(given),
        "jks" => jks(given),
        "p12" => p12(given),
        "p12-keystore" => p12_keystore(given),
        "openssl" => openssl(given.format, given.path, given.password),
        "keytool" => keytool(given),
        other => Err(format!("no reader is called {other}").into()),
    }
}

/// Every key that is listed is opened; one that cannot be is no failure while others can.
fn keybearer(given: &Given<'_>) -> Keys {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut uri =
        KeyUri::literal(given.format, given.path).with_attribute("password-value", given.password);
    if !given.key_password.is_empty() {
        uri = uri.with_attribute("key-password-value", given.key_password);
    }
    let cx = OpenContext::new(Arc::new(ProcessEnv::new()));
    let registry = default_registry();
    let listed = runtime.block_on(registry.entries(&uri, &cx))?;
    let keys = listed.entries.into_iter();
    let mut found = Vec::new();
    let mut refused = None;
    for key in keys.filter(|entry| entry.kind == EntryKind::Key) {
        let uri = match key.alias {
            Some(alias) if given.format != "pem" => uri.clone().with_attribute("alias", alias),
            _ => uri.clone(),
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
        None if found.is_empty() => Err("the file has no key".into()),
        _ => Ok(found),
    }
}

fn jks(given: &Given<'_>) -> Keys {
    // Unless told so it looks for lower case alone, and finds no alias that it lists in another.
    let options = jks::KeyStoreOptions {
        case_exact_aliases: true,
        ..Default::default()
    };
    let mut store = jks::KeyStore::with_options(options);
    store.load(&*fs::read(given.path)?, given.password.as_bytes())?;
    let mut found = Vec::new();
    for alias in store.aliases() {
        if store.is_private_key_entry(&alias) {
            let passwords = [given.password, given.key_password];
            let opened = passwords.iter().find_map(|password| {
                let opened = store.get_private_key_entry(&alias, password.as_bytes());
                opened.ok()
            });
            found.extend(opened.map(|entry| Key::Private(entry.private_key)));
        }
    }
    Ok(found)
}

fn p12(given: &Given<'_>) -> Keys {
    let store = p12::PFX::parse(&fs::read(given.path)?)?;
    if !store.verify_mac(given.password) {
        return Err("the MAC does not match".into());
    }
    let keys = store.key_bags(given.password)?;
    Ok(keys.into_iter().map(Key::Private).collect())
}

/// By its archive, which keeps keys without a certificate too.
fn p12_keystore(given: &Given<'_>) -> Keys {
    let bytes = fs::read(given.path)?;
    let archive = p12_keystore::Pkcs12Archive::from_pkcs12(&bytes, given.password)?;
    let key = |der: &[u8]| Key::Private(der.to_vec());
    let keys = archive.keys.iter().map(|found| key(found.key.as_der()));
    Ok(keys.collect())
}

/// The program, with its legacy provider.
fn openssl(format: &str, path: &str, password: &str) -> Keys {
    let read = match format {
        "pem" => &["pkey"][..],
        _ => &["pkcs12", "-nodes", "-nocerts"],
    };
    let mut command = Command::new("openssl");
    command.args(read).args(["-in", path, "-passin", "env:P"]);
    command.args(["-provider", "legacy", "-provider", "default"]);
    let output = done(command.env("P", password))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let blocks = text.split_inclusive("-----END PRIVATE KEY-----\n");
    let keys = blocks.filter_map(|block| block.find("-----BEGIN").map(|at| &block[at..]));
    let keys = keys.map(|block| Key::Private(block.as_bytes().to_vec()));
    Ok(keys.collect())
}

/// The program copies the store into a new one, for which it must decrypt the keys; what is in that, openssl tells.
fn keytool(given: &Given<'_>) -> Keys {
    const NEW: &str = "correct-horse";
    let kind = match (given.format, given.path.ends_with(".jceks")) {
        ("pkcs12", _) => "PKCS12",
        (_, true) => "JCEKS",
        _ => "JKS",
    };
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("copy.p12").display().to_string();
    let mut command = Command::new("keytool");
    command.args(["-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC"]);
    command.args(["-importkeystore", "-noprompt", "-srckeystore", given.path]);
    command.args(["-srcstoretype", kind, "-srcstorepass:env", "P"]);
    command.args(["-destkeystore", &copy, "-deststoretype", "PKCS12"]);
    command.args(["-deststorepass", NEW]);
    if !given.key_password.is_empty() {
        command.args(["-srcalias", given.alias, "-destkeypass", NEW]);
        command.args(["-srckeypass", given.key_password]);
    }
    command.env("P", given.password).env("LC_ALL", "C.UTF-8");
    done(&mut command)?;
    openssl("pkcs12", &copy, NEW)
}

fn done(command: &mut Command) -> Result<Output, Box<dyn Error>> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        Ok(output)
    } else {
        let [said, errors] =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        Err(format!("{said}{errors}").into())
    }
}
