//! Stores made by other people's programs, and what is found in them.
#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

pub(crate) mod builder;

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use keybearer_conformance::TestEnv;
use keybearer_core::{
    Certificate, Entries, Error, KeyUri, OpenContext, Provider, PublicKey, Result, Signer,
    WorkLimit,
};
use keybearer_pkcs12::Pkcs12;

/// The password of most stores here.
pub(crate) const PASSWORD: &str = "correct-horse";

/// A folder that goes when the test ends.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    /// Runs a program in this folder that must succeed.
    #[track_caller]
    pub(crate) fn run(&self, program: &str, arguments: &str) -> Vec<u8> {
        let words: Vec<_> = arguments.split_whitespace().collect();
        self.run_words(program, &words)
    }

    /// As [`run`](Self::run), with what it says on either output.
    #[track_caller]
    pub(crate) fn run_both(&self, program: &str, arguments: &str) -> String {
        let words: Vec<_> = arguments.split_whitespace().collect();
        let ran = self.output(program, &words);
        let both = [ran.stdout, ran.stderr].concat();
        String::from_utf8_lossy(&both).into_owned()
    }

    #[track_caller]
    pub(crate) fn run_words(&self, program: &str, words: &[&str]) -> Vec<u8> {
        self.output(program, words).stdout
    }

    #[track_caller]
    fn output(&self, program: &str, words: &[&str]) -> Output {
        let ran = Command::new(program)
            .args(words)
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "{program} {words:?}: {}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
        ran
    }

    /// A key in `{name}.pem` and its self-signed certificate in `{name}.crt`; `kind` is what `openssl genpkey` takes.
    pub(crate) fn key(&self, name: &str, kind: &str) {
        self.run("openssl", &format!("genpkey {kind} -out {name}.pem"));
        self.run(
            "openssl",
            &format!("req -x509 -key {name}.pem -subj /CN={name} -days 30 -out {name}.crt"),
        );
    }

    /// The public half of `{name}.pem`, by openssl.
    pub(crate) fn public(&self, name: &str) -> PublicKey {
        let pem = self.run("openssl", &format!("pkey -in {name}.pem -pubout"));
        PublicKey::from_file(&pem).unwrap()
    }

    pub(crate) fn certificate(&self, name: &str) -> Certificate {
        Certificate::from_file(&self.read(name)).unwrap().remove(0)
    }

    pub(crate) fn uri(&self, name: &str) -> KeyUri {
        KeyUri::literal("pkcs12", &self.text(name))
    }

    pub(crate) fn open(
        &self,
        name: &str,
        alias: Option<&str>,
        password: Option<&str>,
    ) -> Result<Opened> {
        let mut uri = self.uri(name);
        if let Some(alias) = alias {
            uri = uri.with_attribute("alias", alias);
        }
        if let Some(password) = password {
            uri = uri.with_attribute("password-value", password);
        }
        open(&uri)
    }

    pub(crate) fn entries(&self, name: &str, password: Option<&str>) -> Result<Entries> {
        let mut uri = self.uri(name);
        if let Some(password) = password {
            uri = uri.with_attribute("password-value", password);
        }
        block_on(Pkcs12.entries(&uri, &context()))
    }
}

/// What was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) id: KeyUri,
    pub(crate) public: PublicKey,
    pub(crate) chain: Vec<Certificate>,
}

pub(crate) fn open(uri: &KeyUri) -> Result<Opened> {
    block_on(async {
        let signer: Arc<dyn Signer> = Pkcs12.open(uri, &context()).await?;
        Ok(Opened {
            id: signer.id().uri().clone(),
            public: signer.public_key().await?,
            chain: signer.certificate_chain().await?,
        })
    })
}

/// Opens bytes with a small limit of work, so that hostile ones end soon.
pub(crate) fn open_bytes(path: &Path, bytes: &[u8], rounds: u64) -> Result<Opened, Error> {
    std::fs::write(path, bytes).unwrap();
    open_file(path, rounds)
}

pub(crate) fn open_file(path: &Path, rounds: u64) -> Result<Opened, Error> {
    let uri = KeyUri::literal("pkcs12", path.to_str().unwrap())
        .with_attribute("password-value", PASSWORD);
    let mut cx = context();
    cx.work = WorkLimit::new(rounds, 1 << 20);
    block_on(async {
        // Listing reads more of the file than opening one key does.
        let listed = Pkcs12.entries(&uri, &cx).await;
        let signer = Pkcs12.open(&uri, &cx).await?;
        listed?;
        Ok(Opened {
            id: signer.id().uri().clone(),
            public: signer.public_key().await?,
            chain: signer.certificate_chain().await?,
        })
    })
}

pub(crate) fn context() -> OpenContext {
    TestEnv::new().context()
}

/// With one runtime for all that a thread does: making one takes longer than to refuse a damaged file.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
