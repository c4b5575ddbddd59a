//! What is shown while something takes seconds.

use std::{
    io::{self, IsTerminal},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// Shows on a terminal, and there alone, that something is being done, until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress(Option<ProgressBar>);

/// Begins to show that `what` is being done.
pub(crate) fn show(out: Output, what: &'static str) -> Progress {
    if out.is_json() || !io::stderr().is_terminal() {
        return Progress(None);
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::default_spinner());
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(100));
    *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
    Progress(Some(bar))
}

/// Does `work` while nothing is shown: a question at the terminal must not be painted over.
pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> T {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match shown {
        Some(bar) => bar.suspend(work),
        None => work(),
    }
}

static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = None;
            bar.finish_and_clear();
        }
    }
}
