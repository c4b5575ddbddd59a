//! Nothing is asked of a module while the process ends: its own clean-up runs then, and a call beside it crashes
//! (seen with SoftHSM2: one process of a hundred, where a session was being closed).

use std::{
    ffi::c_int,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// How long the end of the process waits for a call that has begun.
const PATIENCE: Duration = Duration::from_secs(2);

/// The C library keeps a list of what it runs at the end; ours is not to grow for ever in it.
const MOST_REGISTRATIONS: usize = 16;

static GATE: Mutex<Gate> = Mutex::new(Gate {
    calls: 0,
    closed: false,
});
static LEFT: Condvar = Condvar::new();

struct Gate {
    calls: usize,
    closed: bool,
}

/// Held by a thread as long as it calls modules.
pub(crate) struct Pass(());

/// Lets this thread call modules; not any more where the process ends, and then the thread ends with it.
pub(crate) fn enter() -> Pass {
    let mut gate = gate();
    if gate.closed {
        drop(gate);
        loop {
            thread::park();
        }
    }
    gate.calls += 1;
    Pass(())
}

/// Has the end of the process wait for calls before it cleans up whatever has asked for that up to now. To be called
/// when a module has been loaded, and again when it has begun to work: what was registered last runs first.
pub(crate) fn guard() {
    static REGISTRATIONS: AtomicUsize = AtomicUsize::new(0);
    if REGISTRATIONS.fetch_add(1, Ordering::Relaxed) < MOST_REGISTRATIONS && atexit(close) != 0 {
        tracing::debug!("the end of the process cannot be waited for");
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut gate = gate();
        gate.calls -= 1;
        if gate.closed {
            LEFT.notify_all();
        }
    }
}

#[allow(
    unsafe_code,
    reason = "the C library's own function: std has nothing that runs before a loaded library cleans up"
)]
unsafe extern "C" {
    /// ISO C 7.22.4.2.
    safe fn atexit(function: extern "C" fn()) -> c_int;
}

extern "C" fn close() {
    let mut gate = gate();
    gate.closed = true;
    let waited = LEFT.wait_timeout_while(gate, PATIENCE, |gate| gate.calls > 0);
    drop(waited);
}

fn gate() -> MutexGuard<'static, Gate> {
    GATE.lock().unwrap_or_else(PoisonError::into_inner)
}
