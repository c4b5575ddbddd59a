//! Sound key files, cut off after each byte and with every byte changed: nothing may break, and no other key may come out.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
    pin::pin,
    process::{Command, ExitCode},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use async_trait::async_trait;
use keybearer_core::{
    EntryKind, Env, Error, ErrorKind, KeyUri, OpenContext, Provider, PublicKey, Result, Secret,
    Signer as _, WorkLimit,
};
use libtest_mimic::{Failed, Trial};

use crate::{
    harness::skipped,
    hostile::{MEMORY, TIME, peak_memory},
};

/// A folder of sound key files, each of which is damaged in every place.
///
/// Each file is opened after each of its bytes is cut off, and with each of its bytes changed in turn. What costs many
/// rounds of key derivation is changed everywhere under a limit that ends before the derivation, and here and there under
/// the real one. Each file has a process of its own, whose memory tells what it costs: the test program calls
/// itself, so [`in_child`](Self::in_child) comes first in its `main`.
pub struct DamagedFiles {
    folder: PathBuf,
    provider: Arc<dyn Provider>,
    passwords: Vec<String>,
    unbound: fn(&[u8], &PublicKey) -> bool,
}

/// Rounds that a file may take, and how many of its bytes are then changed.
const SAMPLES: [(u64, usize); 4] = [(50, usize::MAX), (10_000, 24), (150_000, 6), (5_000_000, 2)];
/// Names the file to the process that opens it.
const FILE: &str = "KEYBEARER_TEST_DAMAGED_FILE";

impl DamagedFiles {
    /// The files of a folder, as `provider` reads them, with one of these passwords or without any.
    pub fn new(folder: impl Into<PathBuf>, provider: impl Provider, passwords: &[&str]) -> Self {
        Self {
            folder: folder.into(),
            provider: Arc::new(provider),
            passwords: passwords.iter().map(ToString::to_string).collect(),
            unbound: |_, _| false,
        }
    }

    /// Which files have nothing that tells their key from another: no digest, no public half, no certificate. These alone
    /// may open with another key when they are damaged.
    #[must_use]
    pub fn unbound(mut self, unbound: fn(&[u8], &PublicKey) -> bool) -> Self {
        self.unbound = unbound;
        self
    }

    /// Where this process is the one that opens a file, does so; then the program is to end.
    #[allow(clippy::print_stderr, reason = "the parent reads it")]
    pub fn in_child(&self) -> Option<ExitCode> {
        let file = env::var_os(FILE)?;
        match self.try_file(Path::new(&file)) {
            Ok(()) => Some(ExitCode::SUCCESS),
            Err(failed) => {
                eprintln!("{failed}");
                Some(ExitCode::FAILURE)
            }
        }
    }

    /// A trial for each file of the folder; where there is no such folder, one that is skipped.
    pub fn trials(&self, name: &str) -> Vec<Trial> {
        if peak_memory().is_none() {
            let reason = "the memory of a process is told by Linux alone";
            return vec![skipped(name, reason)];
        }
        let files = files(&self.folder);
        if files.is_empty() {
            return vec![skipped(name, "there is no folder of test files")];
        }
        let trial = |file: PathBuf| {
            let file_name = file.file_name().unwrap_or_default().display();
            Trial::test(format!("{name}::{file_name}"), move || in_process(&file))
        };
        files.into_iter().map(trial).collect()
    }

    fn try_file(&self, path: &Path) -> std::result::Result<(), String> {
        let sound = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_name().unwrap_or_default().display().to_string();
        let file = self.sound(name, sound);
        for end in 0..file.bytes.len() {
            file.open(&file.bytes[..end], SAMPLES[0].0, || {
                format!("cut off after {end}")
            })?;
        }
        let real = file.rounds;
        for (rounds, count) in [SAMPLES[0], real] {
            let step = file.bytes.len().div_ceil(count).max(1);
            for at in (0..file.bytes.len()).step_by(step) {
                let mut bytes = file.bytes.clone();
                bytes[at] ^= [0x01, 0x80, 0x41][at % 3];
                file.open(&bytes, rounds, || format!("byte {at} changed"))?;
            }
            if real == SAMPLES[0] {
                break;
            }
        }
        Ok(())
    }

    /// How the sound file is opened, and what comes out.
    fn sound(&self, name: String, bytes: Vec<u8>) -> Sound {
        let bare = KeyUri::literal(self.provider.scheme(), &name);
        let mut uris = vec![bare.clone()];
        uris.extend(
            self.passwords
                .iter()
                .map(|password| bare.clone().with_attribute("password-value", password)),
        );
        let mut sound = Sound {
            provider: self.provider.clone(),
            name,
            uri: uris[uris.len() - 1].clone(),
            rounds: SAMPLES[0],
            key: None,
            bytes,
        };
        for uri in uris {
            let uri = sound.with_alias(uri);
            for rounds in SAMPLES {
                if let Ok(key) = sound.key(&uri, &sound.bytes, rounds.0) {
                    let unbound = (self.unbound)(&sound.bytes, &key);
                    sound.key = Some(key).filter(|_| !unbound);
                    (sound.uri, sound.rounds) = (uri, rounds);
                    return sound;
                }
            }
        }
        sound
    }
}

impl fmt::Debug for DamagedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DamagedFiles")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// A sound file. Its key is `None` where it opens with none, or where nothing in it would tell another.
struct Sound {
    provider: Arc<dyn Provider>,
    name: String,
    uri: KeyUri,
    rounds: (u64, usize),
    key: Option<PublicKey>,
    bytes: Vec<u8>,
}

impl Sound {
    fn open(
        &self,
        bytes: &[u8],
        rounds: u64,
        how: impl Fn() -> String,
    ) -> std::result::Result<(), String> {
        let begun = Instant::now();
        let opened = self.key(&self.uri, bytes, rounds);
        let failed = |what: &str| Err(format!("{}, {}: {what}", self.name, how()));
        match (opened, &self.key) {
            (Ok(key), Some(sound)) if key != *sound => return failed("it opens with another key"),
            (Err(error), _) if error.kind() == ErrorKind::Unavailable => {
                return failed(&error.to_string());
            }
            _ => {}
        }
        if begun.elapsed() > TIME {
            return failed(&format!("it took {:?}", begun.elapsed()));
        }
        match peak_memory() {
            Some(peak) if peak < MEMORY => Ok(()),
            peak => failed(&format!("{peak:?} bytes of memory, {MEMORY} are allowed")),
        }
    }

    /// The key that comes out. What the file holds is listed too: that reads more of it.
    fn key(&self, uri: &KeyUri, bytes: &[u8], rounds: u64) -> Result<PublicKey> {
        let cx = context(bytes, rounds);
        let listed = now(self.provider.entries(uri, &cx));
        let signer = now(self.provider.open(uri, &cx))?;
        listed?;
        now(signer.public_key())
    }

    /// With the name of the file's first key, where names are told.
    fn with_alias(&self, uri: KeyUri) -> KeyUri {
        let takes_one = self
            .provider
            .attributes()
            .iter()
            .any(|known| known.name == "alias");
        let (most, _) = SAMPLES[SAMPLES.len() - 1];
        let listed = now(self.provider.entries(&uri, &context(&self.bytes, most)));
        let keys = listed.into_iter().flat_map(|listed| listed.entries);
        let mut keys = keys.filter(|entry| takes_one && entry.kind == EntryKind::Key);
        match keys.find_map(|entry| entry.alias) {
            Some(alias) => uri.with_attribute("alias", alias),
            None => uri,
        }
    }
}

/// Opens a file and what is made of it, in a process of its own.
fn in_process(file: &Path) -> std::result::Result<(), Failed> {
    let ran = Command::new(env::current_exe()?).env(FILE, file).output()?;
    if ran.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&ran.stderr);
    Err(format!("{}: {told}", ran.status).into())
}

/// The key files of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.is_file() && !is_source(path));
    files.sort();
    files
}

/// What made the files, and not one of them.
fn is_source(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("md" | "java" | "py" | "sh"))
}

fn context(bytes: &[u8], rounds: u64) -> OpenContext {
    let mut cx = OpenContext::new(Arc::new(Memory(bytes.to_vec())));
    cx.work = WorkLimit::new(rounds, cx.work.memory);
    cx
}

/// Where no runtime is and files are in memory, nothing waits.
fn now<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Err(waits()),
    }
}

fn waits() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "reading a file in memory waits for somebody",
    )
}

/// A file system in which every file is this one.
struct Memory(Vec<u8>);

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

#[async_trait]
impl Env for Memory {
    fn var(&self, _: &str) -> Option<Secret> {
        None
    }

    async fn read(&self, _: &Path, limit: u64) -> io::Result<Vec<u8>> {
        if self.0.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(self.0.clone())
    }

    async fn prompt(&self, _: &str) -> io::Result<Secret> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
