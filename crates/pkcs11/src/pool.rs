//! Threads with a session each: a module may block, and an executor must not.

use std::{
    cell::Cell,
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use cryptoki::{
    object::ObjectHandle,
    session::Session,
    slot::{Limit, Slot},
};
use keybearer_core::{Error, ErrorKind, Result};
use tokio::sync::oneshot;

use crate::{
    exit,
    failure::Failure,
    objects::KeyName,
    timer::within,
    token::{Pin, Token},
};

/// Enough for a network HSM to be kept busy; what computes in this process needs no more than the machine has cores.
const MOST_WORKERS: usize = 8;

/// How long a token that had no session left is not asked for a further one.
const SHORTAGE: Duration = Duration::from_secs(2);

/// The sessions with one token. When the last holder lets go, they are closed and the token is logged out.
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    token: Arc<Token>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    jobs: VecDeque<Job>,
    workers: usize,
    /// Those of them that have no job, be it that they do not know it yet.
    idle: usize,
    /// As many workers as the token has sessions for.
    most: usize,
    /// Since when it has had fewer sessions than it says: other programs may hold them.
    short_since: Option<Instant>,
    closed: bool,
}

/// What a worker answered, and the call that it made.
pub(crate) struct Answer<T, F> {
    pub(crate) result: Result<T>,
    pub(crate) call: F,
}

type Job = Box<dyn FnOnce(&mut Connection, Busy<'_>) + Send>;

impl Pool {
    pub(crate) fn new(token: Arc<Token>) -> Result<Self> {
        let slot = token.slot().map_err(Failure::into_error)?;
        let info = token.info(slot).map_err(Failure::into_error)?;
        let most = match info.max_session_count() {
            Limit::Max(most) => usize::try_from(most).unwrap_or(MOST_WORKERS),
            _ => MOST_WORKERS,
        };
        Ok(Self(Arc::new(Shared {
            token,
            queue: Mutex::new(Queue {
                jobs: VecDeque::new(),
                workers: 0,
                idle: 0,
                most: most.clamp(1, MOST_WORKERS),
                short_since: None,
                closed: false,
            }),
            changed: Condvar::new(),
        })))
    }

    pub(crate) fn token(&self) -> &Arc<Token> {
        &self.0.token
    }

    /// Has a worker do `call`, a second time with a new session where the first was gone. A caller who gives up before
    /// it is begun leaves it undone.
    ///
    /// # Errors
    /// What `call` says; [`ErrorKind::Unavailable`] where the module takes longer than `limit`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnMut(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        self.ask(limit, call).await?.result
    }

    /// [`run`](Self::run), giving the call back for another time. The error is of a call that was not answered.
    pub(crate) async fn ask<T, F>(&self, limit: Duration, mut call: F) -> Result<Answer<T, F>>
    where
        T: Send + 'static,
        F: FnMut(&mut Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.submit(Box::new(move |connection, busy| {
            if !reply.is_closed() {
                let result = connection.attempt(&mut call);
                // Whoever is answered may come with the next job at once: it is for this worker, and not for a new one.
                drop(busy);
                // Whoever asked may have given up meanwhile.
                let _ = reply.send(Answer { result, call });
            }
        }))?;
        match within(limit, answer).await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(_)) => Err(Error::new(
                ErrorKind::Backend,
                "the thread that speaks to the token has ended",
            )),
            None => Err(overdue(self.token(), limit)),
        }
    }

    /// Has a worker do `call` some time, whether anybody waits for it or not.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] where no thread can be started.
    pub(crate) fn leave(
        &self,
        mut call: impl FnMut(&mut Connection) -> Result<(), Failure> + Send + 'static,
    ) -> Result<()> {
        self.submit(Box::new(move |connection, _| {
            if let Err(error) = connection.attempt(&mut call) {
                tracing::warn!(token = %connection.token.identity(), %error, "work that was left undone");
            }
        }))
    }

    fn submit(&self, job: Job) -> Result<()> {
        let shared = &self.0;
        let mut queue = shared.queue();
        queue.jobs.push_back(job);
        if queue.jobs.len() <= queue.idle {
            shared.changed.notify_one();
        } else if queue.workers < queue.most() {
            let worker = Worker::new(shared.clone(), &mut queue);
            let thread = thread::Builder::new().name("pkcs11".into());
            if let Err(error) = thread.spawn(move || worker.run())
                && queue.workers == 0
            {
                queue.jobs.clear();
                return Err(Error::new(
                    ErrorKind::Backend,
                    "no thread can be started for the token",
                )
                .with_source(error.to_string()));
            }
        }
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.queue().closed = true;
        self.0.changed.notify_all();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.0.token).finish()
    }
}

/// The error for a module that does not answer.
pub(crate) fn overdue(what: impl fmt::Debug, limit: Duration) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "the PKCS#11 module has not answered within {} s",
            limit.as_secs_f32()
        ),
    )
    .with_source(format!("{what:?}"))
    .with_hint("see whether the device or its service hangs; pkcs11-tool --list-slots asks it too")
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// How many workers there may be now: no further one for a while after the token had no session for it.
    fn most(&self) -> usize {
        let is_short = self
            .short_since
            .is_some_and(|since| since.elapsed() < SHORTAGE);
        if is_short {
            self.most.min(self.workers.max(1))
        } else {
            self.most
        }
    }
}

/// One thread and its session. It counts from the moment it is to be started, and no longer than it runs.
struct Worker {
    shared: Arc<Shared>,
    /// Whether it is among those that take jobs: how it ends, they are one fewer then.
    serves: Cell<bool>,
}

impl Worker {
    fn new(shared: Arc<Shared>, queue: &mut Queue) -> Self {
        queue.workers += 1;
        Self {
            shared,
            serves: Cell::new(false),
        }
    }

    fn run(self) {
        let mut connection = Connection {
            token: self.shared.token.clone(),
            open: None,
        };
        let needed = {
            let _pass = exit::enter();
            self.is_needed(&mut connection)
        };
        if !needed {
            return;
        }
        exit::guard();
        self.shared.queue().idle += 1;
        self.serves.set(true);
        while let Some((job, busy)) = self.next() {
            let _pass = exit::enter();
            job(&mut connection, busy);
        }
        let _pass = exit::enter();
        connection.close();
    }

    /// Opens the session. Where the token has none left and others work already, they do without this one.
    fn is_needed(&self, connection: &mut Connection) -> bool {
        let Err(failure) = connection.open() else {
            return true;
        };
        let mut queue = self.shared.queue();
        // The first one lives and tells its callers what is wrong.
        if queue.workers == 1 {
            return true;
        }
        if failure.into_error().kind() == ErrorKind::Throttled {
            queue.short_since = Some(Instant::now());
        }
        false
    }

    fn next(&self) -> Option<(Job, Busy<'_>)> {
        let mut queue = self.shared.queue();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                queue.idle -= 1;
                return Some((job, Busy(&self.shared)));
            }
            if queue.closed {
                return None;
            }
            let woken = self.shared.changed.wait(queue);
            queue = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Held by a worker that has a job.
struct Busy<'a>(&'a Shared);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.queue().idle += 1;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.workers -= 1;
        queue.idle -= usize::from(self.serves.get());
    }
}

/// A session that is opened, and logged in, when it is first needed.
pub(crate) struct Connection {
    token: Arc<Token>,
    open: Option<Open>,
}

/// An open session. Handles are looked up anew in each, since not every module lets sessions share them.
pub(crate) struct Open {
    pub(crate) session: Session,
    pub(crate) slot: Slot,
    pub(crate) keys: HashMap<KeyName, ObjectHandle>,
    /// The login that was last found to hold: what ends it makes a call fail, and then there is another session.
    login: Option<Pin>,
}

impl Connection {
    pub(crate) fn token(&self) -> &Arc<Token> {
        &self.token
    }

    /// The session, logged in.
    pub(crate) fn session(&mut self, pin: &Pin) -> Result<&mut Open, Failure> {
        let token = self.token.clone();
        let open = self.open()?;
        if open.login.as_ref() != Some(pin) {
            token.log_in(open.slot, &open.session, pin)?;
            open.login = Some(pin.clone());
        }
        Ok(open)
    }

    fn open(&mut self) -> Result<&mut Open, Failure> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let slot = self.token.slot()?;
                Open {
                    session: self.token.open_session(slot)?,
                    slot,
                    keys: HashMap::new(),
                    login: None,
                }
            }
        };
        Ok(self.open.insert(open))
    }

    fn attempt<T>(&mut self, call: &mut impl FnMut(&mut Self) -> Result<T, Failure>) -> Result<T> {
        let mut failure = match call(self) {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        if let Failure::Module { error, stale } = &failure {
            self.close();
            if *stale {
                tracing::debug!(token = %self.token.identity(), %error, "trying once more with a new session");
                failure = match call(self) {
                    Ok(done) => return Ok(done),
                    Err(failure) => failure,
                };
                if matches!(failure, Failure::Module { .. }) {
                    self.close();
                }
            }
        }
        Err(failure.into_error())
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.token.close_session(open.session);
        }
    }
}
