//! The key files, what must come out of each, and what did.

use std::{collections::BTreeMap, error::Error, fs, path::Path, process::Command};

use ring::digest;
use serde::Deserialize;

/// Keys that sign no token of any kind that is wanted here.
const USELESS: [&str; 6] = ["dsa", "ed448", "k1", "pss-sha1-mask", "root", "rsa-1024"];
/// The one key of the files in `crates/pkcs12/tests/fixtures`.
const MANY_WRITERS: &str = "many-writers";

pub struct Table {
    /// Those that hold a key, and those that are refused.
    pub files: Vec<File>,
    /// Names, by the SHA-256 of a public key in hex, as openssl told them.
    keys: BTreeMap<String, String>,
}

/// A line of `table.toml`, as far as it matters here.
#[derive(Deserialize)]
pub struct File {
    #[serde(skip)]
    pub kind: String,
    /// A key URI's scheme.
    #[serde(skip)]
    pub format: String,
    #[serde(skip)]
    pub path: String,
    #[serde(default = "common")]
    pub password: String,
    #[serde(default)]
    pub key_password: String,
    #[serde(default)]
    keys: Vec<(String, String, String)>,
    error: Option<String>,
}

/// What the readers of its kind made of a file.
pub struct Row<'a> {
    pub file: &'a File,
    pub outcomes: Vec<Outcome>,
    /// What ours says where it refuses the file.
    pub error: String,
}

/// What a reader made of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The key came out, or all of them.
    All,
    /// Some of the keys.
    Some,
    /// Keys that sign no token.
    Useless,
    /// No key, and no error.
    Nothing,
    Refused,
    /// It panicked or was ended.
    Broke,
    /// It did not end.
    Late,
}

impl Table {
    pub fn read(root: &str) -> Result<Self, Box<dyn Error>> {
        let folder = Path::new(root).join("tests/fixtures");
        let text = fs::read_to_string(folder.join("table.toml"))?;
        let formats: BTreeMap<String, BTreeMap<String, File>> = toml::from_str(&text)?;
        let files = formats.into_iter().flat_map(|(format, files)| {
            let folder = folder.join(&format);
            files.into_iter().map(move |(name, file)| File {
                kind: kind(&format, &name).into(),
                path: folder.join(name).display().to_string(),
                format: format.clone(),
                ..file
            })
        });
        let mut files: Vec<_> = files.collect();
        let told = fs::read_to_string(folder.join("keys/digests"))?;
        let keys = told.lines().filter_map(|line| {
            let (name, digest) = line.strip_prefix("key ")?.split_once(' ')?;
            Some((digest.to_owned(), name.to_owned()))
        });
        let mut keys: BTreeMap<_, _> = keys.collect();
        let many_writers = Path::new(root).join("crates/pkcs12/tests/fixtures");
        keys.insert(
            openssl_digest(&many_writers.join("key.pem"))?,
            MANY_WRITERS.into(),
        );
        for entry in fs::read_dir(many_writers)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "p12") {
                files.push(File {
                    kind: kind("pkcs12", "").into(),
                    format: "pkcs12".into(),
                    path: path.display().to_string(),
                    password: common(),
                    key_password: String::new(),
                    keys: vec![(String::new(), MANY_WRITERS.into(), String::new())],
                    error: None,
                });
            }
        }
        files.retain(|file| !file.keys.is_empty() || file.error.is_some());
        Ok(Self { files, keys })
    }

    pub fn judge(&self, file: &File, found: &[&str]) -> Outcome {
        let names = found.iter().filter_map(|digest| self.keys.get(*digest));
        let names: Vec<_> = names
            .filter(|name| !USELESS.contains(&name.as_str()))
            .collect();
        let is_found = |name: &String| names.contains(&name);
        let count = file.keys.iter().filter(|(_, key, _)| is_found(key)).count();
        match (names.is_empty(), count) {
            (true, _) if !found.is_empty() => Outcome::Useless,
            (true, _) => Outcome::Nothing,
            (false, count) if count == file.keys.len() => Outcome::All,
            _ => Outcome::Some,
        }
    }
}

impl File {
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The alias of its first key; empty where the table has none.
    pub fn alias(&self) -> &str {
        self.keys.first().map_or("", |(alias, ..)| alias)
    }

    /// The program or library that wrote it, which its name begins with; shapes of text have none.
    pub fn writer(&self) -> &str {
        match self.name().split(['-', '.']).next().unwrap_or_default() {
            "Stores" => "Java",
            "bouncycastle" => "BouncyCastle",
            "certtool" | "gnutls" => "GnuTLS",
            "forge" => "node-forge",
            "go" => "Go",
            "node" => "Node.js",
            "nss" => "NSS",
            "pbmac1" => "by hand (RFC 9579)",
            "python" => "cryptography (Python)",
            "ssh" => "ssh-keygen",
            known @ ("openssl" | "keytool" | "pyjks") => known,
            _ => "openssl, with other text around",
        }
    }
}

/// SHA-256 in hex.
pub fn digest(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    let bytes = digest.as_ref().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// What a file is called in the tables.
fn kind(format: &str, name: &str) -> &'static str {
    match (format, name.rsplit('.').next()) {
        ("jks", Some("jceks")) => "JCEKS",
        ("jks", _) => "JKS",
        ("pem", Some("json")) => "JWK",
        ("pem", _) => "PEM and DER",
        _ => "PKCS#12",
    }
}

/// The digest of a key's public half.
fn openssl_digest(private: &Path) -> Result<String, Box<dyn Error>> {
    let mut command = Command::new("openssl");
    command.args(["pkey", "-pubout", "-outform", "DER", "-in"]);
    let output = command.arg(private).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(digest(&output.stdout))
}

fn common() -> String {
    "correct-horse".into()
}
