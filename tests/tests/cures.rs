//! What is no key file of ours, or one that is protected in a way we do not read, and the command that the error names for it:
//! it is run as it stands, and what it makes opens.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use keybearer_conformance::{Failed, Trial, program, require, run};
use keybearer_tests::{Ran, Scratch, keybearer, ran};

/// What stands in for the person at the terminal, who is asked for passwords.
const SSH_KEYGEN: &str = "-q -P '' -N ''";
const SSH_KEYGEN_SEALED: &str = "-q -P correct-horse -N ''";
const OPENSSL: &str = "-passin pass:correct-horse -passout pass:correct-horse";
const KEYTOOL: &str = "-srcstorepass correct-horse -deststorepass correct-horse";
const SEVEN_ZIP: &str = "-pcorrect-horse";

/// A program, and its cases: a file, what its error calls it, more words for the command, and the key that comes out, by its
/// name in `keys/digests`; or none where it is a certificate of `ec`.
type Cases = (&'static str, &'static [[&'static str; 4]]);

const CASES: &[Cases] = &[
    (
        "openssl",
        &[
            ["pem/not-pkcs7.pem", "PKCS#7", "", ""],
            ["made/pkcs7.der", "PKCS#7", "", ""],
            ["pem/two-keys.pem", "2 private keys", "", "rsa"],
            [
                "pem/openssl-proc-type-camellia256.pem",
                "CAMELLIA",
                OPENSSL,
                "rsa",
            ],
            ["pem/openssl-proc-type-seed.pem", "SEED", OPENSSL, "rsa"],
            ["pem/openssl-p8-camellia.pem", "Camellia", OPENSSL, "ec"],
            ["pem/openssl-p8-aria.pem", "ARIA", OPENSSL, "ec"],
            ["pkcs12/openssl-camellia-key.p12", "Camellia", OPENSSL, "ec"],
            [
                "pkcs12/openssl-camellia-certificates.p12",
                "Camellia",
                OPENSSL,
                "ec",
            ],
            ["pkcs12/openssl-mac-sha3-512.p12", "SHA3", OPENSSL, "ec"],
            ["pkcs12/openssl-mac-ripemd160.p12", "RIPEMD", OPENSSL, "ec"],
        ],
    ),
    (
        "ssh-keygen",
        &[
            ["pem/not-openssh.pem", "OpenSSH", SSH_KEYGEN, "ec"],
            [
                "pem/ssh-keygen-rfc4716.pem",
                "OpenSSH",
                SSH_KEYGEN_SEALED,
                "rsa",
            ],
        ],
    ),
    ("puttygen", &[["pem/not-putty.ppk", "PuTTY", "", "rsa"]]),
    (
        "base64",
        &[
            ["pem/base64.pem", "base64", "", "ec"],
            ["pkcs12/base64.p12", "base64", "", "ec"],
        ],
    ),
    ("unzip", &[["made/key.zip", "ZIP", "", "ec"]]),
    (
        "7z",
        &[["made/sealed.zip", "encrypted ZIP", SEVEN_ZIP, "ec"]],
    ),
    (
        "bouncycastle",
        &[
            ["jks/bouncycastle-bks.jks", "BKS", KEYTOOL, "ec"],
            ["jks/bouncycastle-uber.jks", "UBER", KEYTOOL, "ec"],
            ["jks/bouncycastle-bcfks.jks", "BCFKS", KEYTOOL, "ec"],
        ],
    ),
];

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for (tool, cases) in CASES {
        let found = require(tool, || probe(tool));
        trials.extend(found.trials(&format!("converted by {tool}"), |_| {
            let trial = |case: &'static [&'static str; 4]| {
                let name = format!("converted by {tool}::{}", case[0]);
                Trial::test(name, move || converted(*case))
            };
            cases.iter().map(trial).collect()
        }));
    }
    run(trials)
}

fn converted([file, what, more, key]: [&'static str; 4]) -> Result<(), Failed> {
    let scratch = Scratch::new();
    let file = match file.strip_prefix("made/") {
        Some(name) => make(&scratch, name),
        None => fixtures().join(file).display().to_string(),
    };
    // `key show` would tell of a key that its certificate describes.
    let uri = format!("keystore:{file}?password-source=env:P");
    let error = said(&["sign", "--key", &uri]).error(1);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(what), "{message}");
    let hint = error["hint"].as_str().unwrap();
    // What it is good for, the command, and perhaps a remark in brackets.
    let command = hint.split(" (").next().unwrap();
    let command = command.rsplit_once(": ").unwrap().1;
    let command = command.replace("FILE", &file).replace("NEW", "new");
    let command = match bouncy_castle() {
        Some(jar) => command.replace("bcprov.jar", &jar.display().to_string()),
        None => command,
    };
    let folder = scratch.path("work");
    fs::create_dir(&folder)?;
    let mut bash = Command::new("bash");
    let bash = bash.args(["-c", &format!("{command} {more}")]);
    ran(bash.current_dir(&folder)).ok();
    let mut made: Vec<_> = fs::read_dir(&folder)?.collect::<Result<_, _>>()?;
    let made = made.pop().ok_or("nothing was made")?.path();
    let made = made.display();
    let (uri, key) = match key {
        "" => {
            let ec = fixtures().join("keys/ec.key");
            (
                format!("keystore:{}?certificate={made}", ec.display()),
                "ec",
            )
        }
        key => (format!("keystore:{made}?password-source=env:P"), key),
    };
    let shown = said(&["key", "show", &uri]).json();
    assert_eq!(shown["spki_sha256"], digest(key), "{command}");
    if uri.contains("certificate=") {
        assert_eq!(shown["certificates"][0]["subject"], "CN=ec");
    }
    Ok(())
}

fn said(arguments: &[&str]) -> Ran {
    let mut command = keybearer(arguments);
    ran(command.arg("--json").env("P", "correct-horse"))
}

/// What lies in no folder of test files.
fn make(scratch: &Scratch, name: &str) -> String {
    let keys = fixtures().join("keys").display().to_string();
    let path = scratch.text(name);
    let command = match name {
        "pkcs7.der" => {
            format!("openssl crl2pkcs7 -nocrl -certfile {keys}/ec.crt -outform DER -out {path}")
        }
        "key.zip" => format!("cd {keys} && python3 -m zipfile -c {path} ec.key"),
        _ => format!("7z a -tzip -pcorrect-horse {path} {keys}/ec.key"),
    };
    ran(Command::new("bash").args(["-c", &command])).ok();
    path
}

/// Whether the program is here; BouncyCastle is keytool with its library.
fn probe(tool: &str) -> Result<(), String> {
    if tool == "bouncycastle" {
        bouncy_castle().ok_or("BouncyCastle's bcprov.jar is not here")?;
        return probe("keytool");
    }
    program("which", &[tool]).map(|_| ())
}

/// Where Debian's `libbcprov-java` has it, and Maven.
fn bouncy_castle() -> Option<PathBuf> {
    const MAVEN: &str =
        ".m2/repository/org/bouncycastle/bcprov-jdk18on/1.82/bcprov-jdk18on-1.82.jar";
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(MAVEN));
    let known = [Some(PathBuf::from("/usr/share/java/bcprov.jar")), home];
    known.into_iter().flatten().find(|path| path.exists())
}

/// Of a public key, as openssl told it.
fn digest(key: &str) -> String {
    let told = fs::read_to_string(fixtures().join("keys/digests")).unwrap();
    let line = told
        .lines()
        .find_map(|line| line.strip_prefix(&format!("key {key} ")));
    line.unwrap().to_owned()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}
