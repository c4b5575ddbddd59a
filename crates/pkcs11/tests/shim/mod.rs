//! SoftHSM2 behind a module that fails as it is told (`shim.c`): signatures stay real.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use keybearer_core::KeyUri;

use crate::softhsm::{PIN, SoftHsm};

/// The module, for one trial at a time: what it is told is told to the whole process.
pub(crate) struct Shim {
    folder: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

/// What the process needs in its environment, as [`main_with`](crate::softhsm::main_with) takes it.
pub(crate) fn variables(here: &SoftHsm) -> Vec<(&'static str, PathBuf)> {
    vec![
        ("SHIM_MODULE", here.module.clone()),
        ("SHIM_FOLDER", folder(here)),
        ("SHIM_PIN", PIN.into()),
    ]
}

/// Compiles the module.
pub(crate) fn build(here: &SoftHsm) {
    fs::create_dir(folder(here)).unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shim/shim.c");
    let ran = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(module(here))
        .arg(source)
        .arg("-ldl")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
}

pub(crate) fn module(here: &SoftHsm) -> PathBuf {
    here.folder.join("shim.so")
}

/// A key URI through the module.
pub(crate) fn uri(here: &SoftHsm, locator: &str) -> KeyUri {
    here.uri(locator)
        .with_attribute("module-path", module(here).to_str().unwrap())
}

fn folder(here: &SoftHsm) -> PathBuf {
    here.folder.join("shim")
}

impl Shim {
    /// The module, told nothing.
    pub(crate) fn new(here: &SoftHsm) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let shim = Self {
            folder: folder(here),
            _alone: alone,
        };
        shim.forget();
        shim
    }

    /// The next call of this function fails with this code.
    pub(crate) fn fail(&self, function: &str, code: u32) {
        self.tell(&format!("fail.{function}"), code);
    }

    /// The call after the next one fails too.
    pub(crate) fn fail_again(&self, function: &str, code: u32) {
        self.tell(&format!("again.{function}"), code);
    }

    /// Each call of this function fails with this code.
    pub(crate) fn always_fail(&self, function: &str, code: u32) {
        self.tell(&format!("always.{function}"), code);
    }

    /// The next call of this function does not return before [`release`](Self::release).
    pub(crate) fn hang(&self, function: &str) {
        self.tell(&format!("hang.{function}"), "");
    }

    pub(crate) fn release(&self, function: &str) {
        fs::remove_file(self.folder.join(format!("hung.{function}"))).unwrap();
    }

    /// Whether a call of this function hangs.
    pub(crate) fn is_hung(&self, function: &str) -> bool {
        self.folder.join(format!("hung.{function}")).exists()
    }

    /// Pulls the token out, which ends its sessions and its login, or plugs it in again.
    pub(crate) fn gone(&self, gone: bool) {
        if gone {
            self.tell("gone", "");
        } else {
            fs::remove_file(self.folder.join("gone")).unwrap();
        }
    }

    /// No more sessions than these at once.
    pub(crate) fn sessions(&self, most: usize) {
        self.tell("sessions", most);
    }

    /// The token does not list these mechanisms.
    pub(crate) fn hide(&self, mechanisms: &str) {
        self.tell("hide", mechanisms);
    }

    /// The token's `flags` without some and with others.
    pub(crate) fn flags(&self, cleared: u32, set: u32) {
        self.tell("flags", format!("{cleared} {set}"));
    }

    /// How often this function was called.
    pub(crate) fn calls(&self, function: &str) -> usize {
        let log = fs::read_to_string(self.folder.join("calls")).unwrap_or_default();
        log.lines().filter(|line| *line == function).count()
    }

    /// Appears at once, so that the module never reads half of it.
    fn tell(&self, name: &str, what: impl ToString) {
        let draft = self.folder.join("draft");
        fs::write(&draft, what.to_string()).unwrap();
        fs::rename(draft, self.folder.join(name)).unwrap();
    }

    fn forget(&self) {
        empty(&self.folder).unwrap();
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        self.forget();
    }
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}
