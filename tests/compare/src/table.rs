//! The table of key files, and what is made of the results.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use ring::digest;
use serde::Deserialize;

/// Keys that sign no token of any kind that is wanted here.
const USELESS: [&str; 6] = ["dsa", "ed448", "k1", "pss-sha1-mask", "root", "rsa-1024"];

pub struct Table {
    files: Vec<File>,
    /// Names, by the SHA-256 of a public key in hex, as openssl told them.
    keys: BTreeMap<String, String>,
}

/// A line of `table.toml`, as far as it matters here.
#[derive(Deserialize)]
pub struct File {
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
}

impl Table {
    pub fn read(folder: &str) -> Result<Self, Box<dyn Error>> {
        let folder = Path::new(folder);
        let text = fs::read_to_string(folder.join("table.toml"))?;
        let formats: BTreeMap<String, BTreeMap<String, File>> = toml::from_str(&text)?;
        let files = formats.into_iter().flat_map(|(format, files)| {
            files.into_iter().map(move |(name, file)| File {
                path: folder.join(&format).join(name).display().to_string(),
                format: format.clone(),
                ..file
            })
        });
        let told = fs::read_to_string(folder.join("keys/digests"))?;
        let keys = told.lines().filter_map(|line| {
            let (name, digest) = line.strip_prefix("key ")?.split_once(' ')?;
            Some((digest.to_owned(), name.to_owned()))
        });
        Ok(Self {
            files: files.collect(),
            keys: keys.collect(),
        })
    }

    /// The files of a format, without those that hold no key by the table.
    pub fn of(&self, format: &str) -> impl Iterator<Item = &File> {
        let is_key = |file: &&File| !file.keys.is_empty() || file.error.is_some();
        self.files
            .iter()
            .filter(move |file| file.format == format)
            .filter(is_key)
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
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The program or library that wrote it, which its name begins with; shapes of text have none.
    fn writer(&self) -> &str {
        let stem = self.name().split('.').next().unwrap_or_default();
        match self.name().split(['-', '.']).next().unwrap_or_default() {
            "ssh" => "ssh-keygen",
            "Stores" => "Java",
            "node" => "Node.js",
            "forge" => "node-forge",
            "go" => "Go",
            "python" => "cryptography (Python)",
            "certtool" | "gnutls" => "GnuTLS",
            "bouncycastle" => "BouncyCastle",
            known @ ("openssl" | "keytool" | "pyjks") => known,
            _ if stem.starts_with("not-") => "no key files",
            _ => "text around a key of openssl's",
        }
    }
}

/// One table for each format: a line for each writer. Files from which no reader gets a key that signs are left out.
pub fn print(format: &str, readers: &[&str], results: &[(&File, Vec<Outcome>)]) {
    let opens = |outcome: &Outcome| matches!(outcome, Outcome::All | Outcome::Some);
    let counted: Vec<_> = results
        .iter()
        .filter(|(_, outcomes)| outcomes.iter().any(opens))
        .collect();
    let mut writers = BTreeMap::<_, Vec<_>>::new();
    for (file, outcomes) in &counted {
        writers.entry(file.writer()).or_default().push(outcomes);
    }
    println!(
        "### {format}\n\n| written by | files | {} |",
        readers.join(" | ")
    );
    println!("|---|---|{}", "---|".repeat(readers.len()));
    let line = |name: &str, rows: &[&Vec<Outcome>]| {
        let opened = |at: usize| rows.iter().filter(|row| row[at] == Outcome::All).count();
        let cells: Vec<_> = (0..readers.len())
            .map(|at| opened(at).to_string())
            .collect();
        println!("| {name} | {} | {} |", rows.len(), cells.join(" | "));
    };
    for (writer, rows) in &writers {
        line(writer, rows);
    }
    line(
        "all",
        &counted.iter().map(|(_, row)| row).collect::<Vec<_>>(),
    );
    for (outcome, what) in [
        (Outcome::Some, "some of the keys alone"),
        (Outcome::Nothing, "no key and no error"),
        (Outcome::Broke, "a panic, or the process ended"),
    ] {
        for (at, reader) in readers.iter().enumerate() {
            let files = results.iter().filter(|(_, row)| row[at] == outcome);
            let names: Vec<_> = files.map(|(file, _)| file.name()).collect();
            if !names.is_empty() {
                println!("\n{reader}, {what} ({}): {}", names.len(), names.join(", "));
            }
        }
    }
    let missed = counted.iter().filter(|(_, row)| row[0] != Outcome::All);
    let missed: Vec<_> = missed.map(|(file, _)| file.name()).collect();
    if !missed.is_empty() {
        println!("\nNot opened by keybearer: {}", missed.join(", "));
    }
    println!();
}

/// SHA-256 in hex.
pub fn digest(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn common() -> String {
    "correct-horse".into()
}
