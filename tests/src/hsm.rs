//! A token of one's own, in a folder that goes with it: made by the programs that an operator would use.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use keybearer::{KeyUri, PublicKey};
use keybearer_conformance::program;

use crate::{Scratch, judge, ran};

/// A token named `jwt` in a module that keeps it in files.
#[derive(Debug)]
pub struct Hsm {
    folder: PathBuf,
    module: String,
    /// The module reads from here where its tokens are.
    variable: &'static str,
    /// Gone with the token, unless another process has made it.
    _scratch: Option<Scratch>,
}

impl Hsm {
    pub const PIN: &str = "correct-horse";
    const SO_PIN: &str = "security-officer";

    /// A new token of SoftHSM2.
    #[track_caller]
    pub fn softhsm2(module: &str) -> Self {
        let hsm = Self::new(module, "SOFTHSM2_CONF");
        let tokens = hsm.path("tokens");
        fs::create_dir(&tokens).unwrap();
        hsm.write_configuration(&format!(
            "directories.tokendir = {tokens}\nlog.level = ERROR\n"
        ));
        let so_pin = ["--so-pin", Self::SO_PIN, "--pin", Self::PIN];
        let mut command = Command::new("softhsm2-util");
        command.args(["--init-token", "--free", "--label", "jwt"]);
        ran(hsm.told(command.args(so_pin))).ok();
        hsm
    }

    /// A new token of Kryoptic.
    #[track_caller]
    pub fn kryoptic(module: &str) -> Self {
        let hsm = Self::new(module, "KRYOPTIC_CONF");
        let tokens = hsm.path("token.sql");
        hsm.write_configuration(&format!(
            "[[slots]]\nslot = 1\ndbtype = \"sqlite\"\ndbargs = \"{tokens}\"\n"
        ));
        hsm.pkcs11_tool(&[
            "--init-token",
            "--slot",
            "1",
            "--label",
            "jwt",
            "--so-pin",
            Self::SO_PIN,
        ]);
        let officer = ["--login", "--login-type", "so", "--so-pin", Self::SO_PIN];
        let user = ["--slot", "1", "--init-pin", "--pin", Self::PIN];
        hsm.pkcs11_tool(&[&officer[..], &user].concat());
        hsm
    }

    /// The token that a parent of this process has made, where the variable points to one.
    pub fn inherited(variable: &'static str) -> Option<Self> {
        let configuration = PathBuf::from(std::env::var_os(variable)?);
        let folder = configuration.parent()?.to_owned();
        let module = fs::read_to_string(folder.join(MARK)).ok()?;
        Some(Self {
            folder,
            module,
            variable,
            _scratch: None,
        })
    }

    fn new(module: &str, variable: &'static str) -> Self {
        let scratch = Scratch::new();
        scratch.write(MARK, module);
        Self {
            folder: scratch.folder().to_owned(),
            module: module.into(),
            variable,
            _scratch: Some(scratch),
        }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// Has a program find the token.
    pub fn told<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(self.variable, self.configuration())
    }

    /// A key pair made inside.
    #[track_caller]
    pub fn make_key(&self, kind: &str, id: &str, label: &str, more: &[&str]) {
        let key = [
            "--keypairgen",
            "--key-type",
            kind,
            "--id",
            id,
            "--label",
            label,
        ];
        self.logged_in(&[&key[..], &["--usage-sign"], more].concat());
    }

    /// Runs pkcs11-tool as the token's user.
    #[track_caller]
    pub fn logged_in(&self, arguments: &[&str]) {
        let login = ["--token-label", "jwt", "--login", "--pin", Self::PIN];
        self.pkcs11_tool(&[&login[..], arguments].concat());
    }

    /// The public half of a key, as pkcs11-tool reads it.
    #[track_caller]
    pub fn public_key(&self, id: &str) -> PublicKey {
        let file = self.path(&format!("{id}.der"));
        if !Path::new(&file).exists() {
            self.logged_in(&["--read-object", "--type", "pubkey", "--id", id, "-o", &file]);
        }
        PublicKey::from_spki_der(&fs::read(file).unwrap()).unwrap()
    }

    /// A key URI, with the PIN in the variable `PIN`.
    pub fn uri(&self, locator: &str) -> KeyUri {
        KeyUri::new("pkcs11", locator)
            .with_attribute("module-path", &self.module)
            .with_attribute("pin-source", "env:PIN")
    }

    #[track_caller]
    fn pkcs11_tool(&self, arguments: &[&str]) {
        let mut command = Command::new("pkcs11-tool");
        command.args(["--module", &self.module]).args(arguments);
        ran(self.told(&mut command)).ok();
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("module.conf")
    }

    fn write_configuration(&self, text: &str) {
        fs::write(self.configuration(), text).unwrap();
    }
}

/// Beside a configuration of ours, with the module's path: a developer's own configuration is left alone.
const MARK: &str = "made-by-a-test";

/// SoftHSM2's module, with the tools that make tokens and keys in it.
///
/// # Errors
/// The reason for which a test is skipped.
pub fn softhsm2() -> Result<&'static str, String> {
    program("softhsm2-util", &["--version"])?;
    pkcs11_tool()?;
    [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
        "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())
    .ok_or_else(|| "libsofthsm2.so is in none of the usual folders".into())
}

/// Kryoptic's module, which only `cargo xtask test --all` builds.
///
/// # Errors
/// The reason for which a test is skipped.
pub fn kryoptic() -> Result<String, String> {
    let module = judge::heavy("KRYOPTIC")?;
    pkcs11_tool()?;
    let module = module.to_str().ok_or("its path is not UTF-8")?;
    Ok(module.into())
}

fn pkcs11_tool() -> Result<(), String> {
    match program("pkcs11-tool", &["--version"]) {
        // It has no way to tell its version and nothing else.
        Err(why) if why.contains("cannot be run") => Err(why),
        _ => Ok(()),
    }
}
