//! The time, as a value.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// Tells the time. A generic parameter, so that tests decide what time it is.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall-clock time.
    fn now(&self) -> SystemTime;

    /// A time that only goes forward, from any start. It may be as coarse as some milliseconds: it is asked at each use
    /// of a kept token, and a precise clock would cost more than all the rest of that.
    fn monotonic(&self) -> Duration;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        // Not `now`, which also writes the time down for all threads: they would wait for each other.
        coarsetime::Instant::now_without_cache_update()
            .duration_since(coarsetime::Instant::from_ticks(0))
            .into()
    }
}

/// Seconds since the epoch (RFC 7519 section 2, NumericDate); 0 for times before it.
pub(crate) fn numeric_date(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}
