//! The org's clock.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The system's clock, and what it was moved by.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// In milliseconds.
    offset: AtomicI64,
}

impl Clock {
    pub(crate) fn now(&self) -> SystemTime {
        let offset = self.offset.load(Ordering::Relaxed);
        let by = Duration::from_millis(offset.unsigned_abs());
        let now = SystemTime::now();
        let moved = if offset < 0 {
            now.checked_sub(by)
        } else {
            now.checked_add(by)
        };
        moved.unwrap_or(now)
    }

    /// Seconds since 1970.
    pub(crate) fn unix(&self) -> u64 {
        let since = self.now().duration_since(UNIX_EPOCH);
        since.unwrap_or_default().as_secs()
    }

    pub(crate) fn is_moved(&self) -> bool {
        self.offset.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn set(&self, milliseconds: i64) {
        self.offset.store(milliseconds, Ordering::Relaxed);
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let add = |offset: i64| Some(offset.saturating_add(by));
        // The closure always has a value.
        let _ = self
            .offset
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}
