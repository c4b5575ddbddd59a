//! A store for one test, and the programs that judge it.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use keybearer_conformance::{Failed, TestEnv};
use keybearer_core::{
    Bound, Certificate, Certify, Error, KeySpec, KeyType, KeyUri, OpenContext, Provider as _,
    PublicKey, Registry, Signer, async_trait,
};
use keybearer_jks::Jks;
use keybearer_soft::{PrivateKey, SoftSigner};
use keybearer_x509::SelfSigned;

pub(crate) const PASSWORD: &str = "correct-horse";

pub(crate) struct Case {
    folder: tempfile::TempDir,
    pub(crate) store: PathBuf,
    password: String,
    runtime: tokio::runtime::Runtime,
}

impl Case {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        Self {
            store: folder.path().join("store.jks"),
            folder,
            password: PASSWORD.into(),
            runtime: runtime.unwrap(),
        }
    }

    pub(crate) fn password(mut self, password: &str) -> Self {
        self.password = password.into();
        self
    }

    pub(crate) fn uri(&self, alias: &str) -> KeyUri {
        KeyUri::literal("jks", self.store.to_str().unwrap())
            .with_attribute("alias", alias)
            .with_attribute("password-source", "env:PASSWORD")
    }

    pub(crate) fn registry(&self) -> Registry {
        Registry::new().with(Jks)
    }

    pub(crate) fn context(&self) -> OpenContext {
        TestEnv::new()
            .var("PASSWORD", self.password.as_str())
            .var("OTHER", "other-password")
            .context()
    }

    pub(crate) fn block<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn open(&self, uri: &KeyUri) -> Result<Arc<dyn Signer>, Error> {
        self.block(self.registry().open(uri, &self.context()))
    }

    pub(crate) fn make(
        &self,
        uri: &KeyUri,
        key_type: KeyType,
        overwrite: bool,
    ) -> Result<Arc<dyn Signer>, Error> {
        let mut spec = KeySpec::new(key_type);
        spec.overwrite = overwrite;
        let maker = Jks.key_maker().unwrap();
        let alias = uri.attribute("alias").unwrap_or_default().to_owned();
        self.block(maker.make(uri, &spec, &SelfSign(alias), &self.context()))
    }

    /// A key that is in no store, and its certificate.
    pub(crate) fn key(
        &self,
        key_type: KeyType,
        name: &str,
    ) -> Result<(PrivateKey, Certificate), Error> {
        let key = PrivateKey::generate(key_type)?;
        let signer = SoftSigner::new(&self.uri(name), &key, &[])?;
        let chain = self.block(SelfSign(name.into()).certify(Arc::new(signer)))?;
        Ok((key, chain.into_iter().next().unwrap()))
    }

    /// Runs keytool on the store.
    pub(crate) fn keytool(&self, arguments: &str) -> Result<String, Failed> {
        let mut command = Command::new("keytool");
        command
            .args(arguments.split(' '))
            .arg("-keystore")
            .arg(&self.store)
            .env("LC_ALL", "C.UTF-8")
            .env("PASSWORD", &self.password);
        ran(&mut command)
    }

    /// The public half of a key that keytool has read from the store and openssl from what keytool made of it.
    pub(crate) fn public_through_pkcs12(
        &self,
        alias: &str,
        key_password: &str,
    ) -> Result<PublicKey, Failed> {
        let target = self.folder.path().join(format!("{alias}.p12"));
        let target = target.to_str().unwrap();
        let mut import = Command::new("keytool");
        import
            .args(
                "-importkeystore -noprompt -deststoretype PKCS12 -deststorepass target".split(' '),
            )
            .args(["-destkeypass", "target", "-destkeystore", target])
            .args(["-srcalias", alias, "-srckeypass", key_password])
            .args(["-srcstorepass", &self.password, "-srckeystore"])
            .arg(&self.store)
            .env("LC_ALL", "C.UTF-8");
        ran(&mut import)?;
        let arguments = format!("pkcs12 -nodes -nocerts -passin pass:target -in {target}");
        let key = ran(Command::new("openssl").args(arguments.split(' ')))?;
        let pem = self.folder.path().join("key.pem");
        std::fs::write(&pem, key)?;
        let public = ran(Command::new("openssl")
            .args(["pkey", "-pubout", "-in"])
            .arg(&pem))?;
        std::fs::remove_file(pem)?;
        Ok(PublicKey::from_file(public.as_bytes())?)
    }
}

struct SelfSign(String);

#[async_trait]
impl Certify for SelfSign {
    async fn certify(&self, key: Arc<dyn Signer>) -> keybearer_core::Result<Vec<Certificate>> {
        let algorithm = key.algorithms()[0];
        let bound = Bound::new(key, algorithm)?;
        let certificate = SelfSigned::new(&format!("CN={}", self.0))?
            .issue(&bound)
            .await?;
        Ok(vec![certificate])
    }
}

pub(crate) fn ran(command: &mut Command) -> Result<String, Failed> {
    let output = command.output()?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}\n{stdout}\n{stderr}").into())
}

pub(crate) fn contains(said: &str, part: &str) -> Result<(), Failed> {
    if said.contains(part) {
        Ok(())
    } else {
        Err(format!("\"{part}\" is not in:\n{said}").into())
    }
}

pub(crate) fn private_to_its_owner(path: &Path) -> Result<(), Failed> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
        if mode != 0o600 {
            return Err(format!("the mode is {mode:o}").into());
        }
    }
    Ok(())
}

/// As Java hashes a password.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// By openssl.
pub(crate) fn sha1(bytes: &[u8]) -> Result<Vec<u8>, Failed> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), bytes)?;
    let output = Command::new("openssl")
        .args(["dgst", "-sha1", "-binary"])
        .arg(file.path())
        .output()?;
    Ok(output.stdout)
}

/// A store's bytes with the digest that belongs to them: whoever wrote it knew the password.
pub(crate) fn signed(body: &[u8]) -> Vec<u8> {
    let hashed = [&utf16(PASSWORD)[..], b"Mighty Aphrodite", body].concat();
    [body, &sha1(&hashed).unwrap()].concat()
}
