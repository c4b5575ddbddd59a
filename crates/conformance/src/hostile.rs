//! Files that are damaged on purpose: each is refused, in bounded time and memory, without a panic.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use keybearer_core::{ErrorKind, KeyUri, OpenContext, Registry};
use libtest_mimic::{Failed, Trial};

use crate::harness::skipped;

/// What a reader of key files must refuse, and how.
///
/// The files are opened in a process of its own, whose memory tells what they cost: the test program calls itself, so
/// [`in_child`](Self::in_child) comes first in its `main`.
#[derive(Debug, Default)]
pub struct HostileFiles(BTreeMap<String, Hostile>);

/// The bytes, and the kinds of error with which they may be refused.
type Hostile = (Vec<u8>, Vec<ErrorKind>);

/// No file may make a reader take more, in bytes, the program itself included.
pub(crate) const MEMORY: u64 = 64 << 20;
/// No file may keep a reader busy for longer, in a build without optimisation on a busy machine.
pub(crate) const TIME: Duration = Duration::from_secs(20);
/// Files of fewer bytes share a process.
const SMALL: usize = 64 << 10;
/// Names the folder of the files to the process that opens them.
const FOLDER: &str = "KEYBEARER_TEST_HOSTILE_FILES";

impl HostileFiles {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more file, and the kinds of error with which it may be refused; without any it may be opened too.
    #[must_use]
    pub fn file(
        mut self,
        name: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
        kinds: &[ErrorKind],
    ) -> Self {
        self.0.insert(name.into(), (bytes.into(), kinds.to_vec()));
        self
    }

    /// A sound file cut off after each of its bytes.
    #[must_use]
    pub fn truncated(mut self, sound: &[u8], kinds: &[ErrorKind]) -> Self {
        for end in 0..sound.len() {
            self = self.file(format!("truncated-{end:06}"), &sound[..end], kinds);
        }
        self
    }

    /// A sound file with one bit of each byte flipped, in turn the highest and the lowest.
    #[must_use]
    pub fn flipped(mut self, sound: &[u8], kinds: &[ErrorKind]) -> Self {
        for at in 0..sound.len() {
            let mut bytes = sound.to_vec();
            bytes[at] ^= if at % 2 == 0 { 0x80 } else { 0x01 };
            self = self.file(format!("flipped-{at:06}"), bytes, kinds);
        }
        self
    }

    /// Where this process is the one that opens the files, does so, by `uri` of each; then the program is to end. `cx` holds
    /// the right secrets, so that the files are read to their ends.
    pub fn in_child(
        registry: &Registry,
        cx: &OpenContext,
        uri: impl Fn(&Path) -> KeyUri,
    ) -> Option<ExitCode> {
        let folder = PathBuf::from(env::var_os(FOLDER)?);
        let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
        for entry in fs::read_dir(folder).ok()?.flatten() {
            let uri = uri(&entry.path());
            let begun = Instant::now();
            let opened = runtime.block_on(registry.open(&uri, cx));
            let outcome = match opened {
                Ok(_) => "opened".to_owned(),
                Err(error) => error.kind().as_str().to_owned(),
            };
            // What it holds is told to people, whatever it is.
            let listed = registry.provider(&uri).map(|provider| {
                let _ = runtime.block_on(provider.entries(&uri, cx));
            });
            if listed.is_err() {
                return Some(ExitCode::FAILURE);
            }
            let name = entry.file_name();
            let took = begun.elapsed().as_millis();
            let peak = peak_memory().unwrap_or(u64::MAX);
            tell(&format!("{}\t{outcome}\t{took}\t{peak}", name.display()));
        }
        Some(ExitCode::SUCCESS)
    }

    /// The trial that opens them.
    pub fn trial(self, name: &str) -> Trial {
        if peak_memory().is_none() {
            return skipped(name, "the memory of a process is told by Linux alone");
        }
        Trial::test(name, move || self.run())
    }

    fn run(self) -> Result<(), Failed> {
        let (small, large): (Vec<_>, Vec<_>) = self
            .0
            .iter()
            .partition(|(_, (bytes, _))| bytes.len() <= SMALL);
        self.open(&small)?;
        // A process keeps some of the memory that it has freed: each large file has one of its own.
        large.iter().try_for_each(|file| self.open(&[*file]))
    }

    fn open(&self, files: &[(&String, &Hostile)]) -> Result<(), Failed> {
        let folder = tempfile::tempdir()?;
        for (name, (bytes, _)) in files {
            fs::write(folder.path().join(name), bytes)?;
        }
        let output = Command::new(env::current_exe()?)
            .env(FOLDER, folder.path())
            .output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        let last = told.lines().last().unwrap_or_default();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("after \"{last}\": {}\n{errors}", output.status).into());
        }
        for line in told.lines() {
            let [name, outcome, took, peak] = line.split('\t').collect::<Vec<_>>()[..] else {
                return Err(format!("not understood: {line}").into());
            };
            self.check(name, outcome, took, peak)?;
        }
        match told.lines().count() {
            seen if seen == files.len() => Ok(()),
            seen => Err(format!("{seen} of {} files were opened", files.len()).into()),
        }
    }

    fn check(&self, name: &str, outcome: &str, took: &str, peak: &str) -> Result<(), Failed> {
        let Some((_, kinds)) = self.0.get(name) else {
            return Err(format!("there was no file {name}").into());
        };
        if !kinds.is_empty() && !kinds.iter().any(|kind| kind.as_str() == outcome) {
            return Err(format!("{name}: {outcome}, and not one of {kinds:?}").into());
        }
        if took.parse::<u128>()? > TIME.as_millis() {
            return Err(format!("{name}: took {took} ms").into());
        }
        // The peak only grows: the first file to pass the limit is the one that did it.
        if peak.parse::<u64>()? >= MEMORY {
            return Err(
                format!("{name}: took {peak} bytes of memory, {MEMORY} are allowed").into(),
            );
        }
        Ok(())
    }
}

/// The most memory that this process has had, in bytes, where Linux tells.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[allow(clippy::print_stdout, reason = "the parent reads it")]
fn tell(line: &str) {
    println!("{line}");
}
