//! A private SoftHSM2 with tokens and keys that pkcs11-tool and openssl make.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::{Arc, OnceLock},
};

use keybearer_conformance::{Missing, Requirement, TestEnv, Trial, program, require, run};
use keybearer_core::{KeyUri, PublicKey};

pub(crate) const PIN: &str = "correct-horse";
pub(crate) const WRONG_PIN: &str = "battery-staple";
const SO_PIN: &str = "security-officer";

const MODULES: [&str; 5] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// A folder with SoftHSM2's configuration and tokens.
#[derive(Clone, Debug)]
pub(crate) struct SoftHsm {
    pub(crate) folder: PathBuf,
    pub(crate) module: PathBuf,
}

/// Runs a test program in a process whose SoftHSM2 is a new one: the module reads its configuration's place from the
/// environment, which only a parent can set. `name` stands for all trials where SoftHSM2 is missing.
///
/// A process that such a test starts again (the suite does) gets a copy: SoftHSM2 loses sight of a token to which another
/// process writes, and it writes at every login.
pub(crate) fn main_with(
    name: &str,
    variables: fn(&SoftHsm) -> Vec<(&'static str, PathBuf)>,
    prepare: fn(&SoftHsm),
    trials: fn(&SoftHsm) -> Vec<Trial>,
) -> ExitCode {
    let module = match require("softhsm2", probe) {
        Requirement::Missing(missing) => return run(vec![Missing::trial(&missing, name)]),
        Requirement::Met(module) => module,
    };
    let inherited = inherited(&module);
    if let Some(here) = &inherited
        && here.is_for_this_process()
    {
        return run(trials(here));
    }
    let folder = tempfile::tempdir().unwrap();
    let here = SoftHsm {
        folder: folder.path().to_owned(),
        module,
    };
    match inherited {
        Some(other) => copy(&other.folder.join(PRISTINE), &here.folder),
        None => {
            fs::create_dir(here.tokens()).unwrap();
            here.configure();
            prepare(&here);
        }
    }
    here.configure();
    copy(&here.folder, &here.folder.join(PRISTINE));
    let ended = Command::new(env::current_exe().unwrap())
        .args(env::args_os().skip(1))
        .env("SOFTHSM2_CONF", here.configuration())
        .envs(variables(&here))
        .status()
        .unwrap();
    ended
        .code()
        .map_or(ExitCode::FAILURE, |code| ExitCode::from(code as u8))
}

/// What every copy is taken from, untouched by the tests.
const PRISTINE: &str = "pristine";

fn copy(from: &Path, to: &Path) {
    let entries: Vec<_> = fs::read_dir(from)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    fs::create_dir_all(to).unwrap();
    for path in entries {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn probe() -> Result<PathBuf, String> {
    program("softhsm2-util", &["--version"])?;
    program("openssl", &["version"])?;
    // It has no --version that succeeds everywhere.
    Command::new("pkcs11-tool")
        .arg("--help")
        .output()
        .map_err(|error| format!("pkcs11-tool cannot be run ({error})"))?;
    let module = MODULES
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file());
    module.ok_or_else(|| "libsofthsm2.so is in none of its usual places".into())
}

/// What a parent of this process has prepared.
fn inherited(module: &Path) -> Option<SoftHsm> {
    let configuration = PathBuf::from(env::var_os("SOFTHSM2_CONF")?);
    let folder = configuration.parent()?.to_owned();
    folder.join(MARK).is_file().then(|| SoftHsm {
        folder,
        module: module.to_owned(),
    })
}

/// Beside a configuration of ours, with the process that made it. A developer's own SoftHSM2 has none and is left alone.
const MARK: &str = "made-by";

impl SoftHsm {
    fn configure(&self) {
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
            self.tokens().display()
        );
        fs::write(self.configuration(), text).unwrap();
        fs::write(self.folder.join(MARK), std::process::id().to_string()).unwrap();
    }

    fn is_for_this_process(&self) -> bool {
        let maker = fs::read_to_string(self.folder.join(MARK)).unwrap();
        maker == std::os::unix::process::parent_id().to_string()
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    pub(crate) fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    /// Where SoftHSM2 keeps a token.
    pub(crate) fn token_folder(&self, label: &str) -> PathBuf {
        let has_label = |folder: &PathBuf| {
            let text = fs::read(folder.join("token.object")).unwrap();
            text.windows(label.len())
                .any(|part| part == label.as_bytes())
        };
        fs::read_dir(self.tokens())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(has_label)
            .unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn make_token(&self, label: &str) {
        let arguments = [
            "--init-token",
            "--free",
            "--label",
            label,
            "--so-pin",
            SO_PIN,
            "--pin",
            PIN,
        ];
        self.tool("softhsm2-util", &arguments);
    }

    /// Runs pkcs11-tool, logged in to a token.
    pub(crate) fn pkcs11_tool(&self, token: &str, arguments: &str) {
        let module = self.module.to_str().unwrap();
        let login = [
            "--module",
            module,
            "--token-label",
            token,
            "--login",
            "--pin",
            PIN,
        ];
        let all: Vec<_> = login.into_iter().chain(arguments.split(' ')).collect();
        self.tool("pkcs11-tool", &all);
    }

    /// A key pair made inside. Its public half, as pkcs11-tool reads it, is kept for [`public_key`](Self::public_key).
    pub(crate) fn make_key(&self, token: &str, kind: &str, id: &str, label: &str) {
        self.pkcs11_tool(
            token,
            &format!("--keypairgen --key-type {kind} --id {id} --label {label} --usage-sign"),
        );
        self.keep_public_key(token, id);
    }

    pub(crate) fn keep_public_key(&self, token: &str, id: &str) {
        let file = self.path(&format!("{token}-{id}.der"));
        self.pkcs11_tool(
            token,
            &format!("--read-object --type pubkey --id {id} -o {file}"),
        );
    }

    /// A key and its certificate that openssl made, put into the token.
    pub(crate) fn import_key(&self, token: &str, id: &str, label: &str) {
        let [key, key_der, certificate, certificate_der] = [
            "imported.pem",
            "imported.der",
            "imported.crt",
            "imported-crt.der",
        ]
        .map(|name| self.path(name));
        let subject = "/CN=imported";
        self.tool(
            "openssl",
            &[
                "req",
                "-x509",
                "-nodes",
                "-newkey",
                "rsa:2048",
                "-days",
                "30",
                "-subj",
                subject,
                "-keyout",
                &key,
                "-out",
                &certificate,
            ],
        );
        self.tool(
            "openssl",
            &["pkey", "-in", &key, "-outform", "DER", "-out", &key_der],
        );
        self.tool(
            "openssl",
            &[
                "x509",
                "-in",
                &certificate,
                "-outform",
                "DER",
                "-out",
                &certificate_der,
            ],
        );
        self.pkcs11_tool(
            token,
            &format!(
                "--write-object {key_der} --type privkey --id {id} --label {label} --usage-sign"
            ),
        );
        self.pkcs11_tool(
            token,
            &format!("--write-object {certificate_der} --type cert --id {id} --label {label}"),
        );
        let public = self.path(&format!("{token}-{id}.der"));
        self.tool(
            "openssl",
            &[
                "pkey", "-in", &key, "-pubout", "-outform", "DER", "-out", &public,
            ],
        );
    }

    /// A key without a certificate that openssl made, put into the token by its own tool: pkcs11-tool does not read the
    /// public keys of every curve.
    pub(crate) fn import_curve(&self, token: &str, curve: &str, id: &str, label: &str) {
        let file = self.path(&format!("{token}-{id}.pem"));
        let option = format!("ec_paramgen_curve:{curve}");
        self.tool(
            "openssl",
            &[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                &option,
                "-out",
                &file,
            ],
        );
        let arguments = [
            "--import", &file, "--token", token, "--label", label, "--id", id, "--pin", PIN,
        ];
        self.tool("softhsm2-util", &arguments);
        let public = self.path(&format!("{token}-{id}.der"));
        self.tool(
            "openssl",
            &[
                "pkey", "-in", &file, "-pubout", "-outform", "DER", "-out", &public,
            ],
        );
    }

    /// The public half as its maker told it.
    pub(crate) fn public_key(&self, token: &str, id: &str) -> PublicKey {
        let der = fs::read(self.folder.join(format!("{token}-{id}.der"))).unwrap();
        PublicKey::from_spki_der(&der).unwrap()
    }

    /// A key URI with this locator, with the PIN where [`env`] has it.
    pub(crate) fn uri(&self, locator: &str) -> KeyUri {
        KeyUri::new("pkcs11", locator)
            .with_attribute("module-path", self.module.to_str().unwrap())
            .with_attribute("pin-source", "env:PIN")
    }

    fn tool(&self, name: &str, arguments: &[&str]) {
        let ran = Command::new(name)
            .args(arguments)
            .env("SOFTHSM2_CONF", self.configuration())
            .output()
            .unwrap();
        let said = [ran.stdout, ran.stderr].concat();
        assert!(
            ran.status.success(),
            "{name} {arguments:?}: {}",
            String::from_utf8_lossy(&said)
        );
    }
}

/// The environment of all tests: one value, so that its counts are shared.
pub(crate) fn env() -> TestEnv {
    static ENV: OnceLock<TestEnv> = OnceLock::new();
    ENV.get_or_init(|| TestEnv::new().var("PIN", PIN).var("WRONG", WRONG_PIN))
        .clone()
}

/// The least that runs a future.
pub(crate) fn park_on<T>(future: impl std::future::Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::park();
    }
}
