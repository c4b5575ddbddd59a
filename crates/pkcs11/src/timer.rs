//! Time limits that need no executor's timer: a module may hang, and whoever waits for it must not.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

/// Waits for `future` no longer than `limit`.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut alarm = Alarm::new(limit);
    std::future::poll_fn(|context| {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        Pin::new(&mut alarm).poll(context).map(|()| None)
    })
    .await
}

/// Ready when its time has come.
struct Alarm {
    deadline: Option<Instant>,
    key: Option<Key>,
}

type Key = (Instant, u64);

impl Alarm {
    fn new(limit: Duration) -> Self {
        Self {
            // Longer than the clock reaches is for ever.
            deadline: Instant::now().checked_add(limit),
            key: None,
        }
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        self.key = Some(clock().arm(deadline, self.key, context.waker()));
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            clock().state().wakers.remove(&key);
        }
    }
}

/// One thread for all alarms of the process. It sleeps while there are none.
struct Clock {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    wakers: BTreeMap<Key, Waker>,
    count: u64,
    /// When the thread looks again by itself.
    wakes_at: Option<Instant>,
    runs: bool,
}

fn clock() -> &'static Arc<Clock> {
    static CLOCK: OnceLock<Arc<Clock>> = OnceLock::new();
    CLOCK.get_or_init(|| {
        Arc::new(Clock {
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    })
}

impl Clock {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arm(self: &Arc<Self>, deadline: Instant, known: Option<Key>, waker: &Waker) -> Key {
        let mut state = self.state();
        let key = known.unwrap_or_else(|| {
            state.count += 1;
            (deadline, state.count)
        });
        state.wakers.insert(key, waker.clone());
        if !state.runs {
            let clock = self.clone();
            let thread = thread::Builder::new().name("pkcs11-clock".into());
            // Without a thread there is no time limit, and everything else works.
            state.runs = thread.spawn(move || clock.run()).is_ok();
        } else if state.wakes_at.is_none_or(|at| at > deadline) {
            self.changed.notify_one();
        }
        key
    }

    fn run(&self) {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            while let Some(entry) = state.wakers.first_entry() {
                if entry.key().0 > now {
                    break;
                }
                entry.remove().wake();
            }
            state.wakes_at = state.wakers.first_key_value().map(|(key, _)| key.0);
            state = match state.wakes_at {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let pause = at.saturating_duration_since(now);
                    let woken = self.changed.wait_timeout(state, pause);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        struct Unpark(thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Arc::new(Unpark(thread::current())).into();
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return value;
            }
            thread::park();
        }
    }

    #[test]
    fn what_is_ready_is_given_and_what_hangs_ends() {
        assert_eq!(block_on(within(Duration::MAX, ready(7))), Some(7));
        assert_eq!(block_on(within(Duration::ZERO, ready(7))), Some(7));
        let began = Instant::now();
        let limit = Duration::from_millis(20);
        assert_eq!(block_on(within(limit, pending::<()>())), None);
        assert!(began.elapsed() >= limit);
    }

    #[test]
    fn a_shorter_limit_overtakes_a_longer_one() {
        let long = thread::spawn(|| block_on(within(Duration::from_millis(300), pending::<()>())));
        let began = Instant::now();
        block_on(within(Duration::from_millis(10), pending::<()>()));
        assert!(began.elapsed() < Duration::from_millis(290));
        assert_eq!(long.join().unwrap(), None);
    }

    #[test]
    fn alarms_that_are_given_up_leave_nothing_behind() {
        let far = Duration::from_secs(3_000);
        let mut alarm = Alarm::new(far);
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut alarm).poll(&mut context).is_pending());
        let key = alarm.key.unwrap();
        assert!(clock().state().wakers.contains_key(&key));
        drop(alarm);
        assert!(!clock().state().wakers.contains_key(&key));
    }
}
