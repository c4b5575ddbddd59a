//! What is logged while the checks run, by whatever thread.

use std::{
    io,
    sync::{Mutex, OnceLock, PoisonError},
};

use tracing_subscriber::{
    fmt::{self, MakeWriter},
    util::SubscriberInitExt,
};

/// More than this is not kept: of what came before, the older half goes.
const LIMIT: usize = 32 << 20;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Begins to keep what `tracing` and `log` are told, at every level, for as long as the process lives. False where
/// something else in this process listens already.
pub(crate) fn install() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        fmt::Subscriber::builder()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(Sink)
            .finish()
            .try_init()
            .is_ok()
    })
}

/// What was logged so far.
pub(crate) fn text() -> String {
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&log).into_owned()
}

struct Sink;

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() + bytes.len() > LIMIT {
            let half = log.len() / 2;
            log.drain(..half);
        }
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
