//! Another try of what is transient.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use keybearer_core::Result;

use crate::{
    failure::Failure,
    pool::{Connection, Pool},
    timer::within,
};

/// How long is waited before each further try, in milliseconds: as keys behind HTTP are asked for again.
const PAUSES: [u64; 4] = [100, 200, 400, 800];

impl Pool {
    /// As [`run`](Self::run), and again where the failure is transient: a token may be on its way back, and another program
    /// about to close the session that is missing. `limit` is for all of it.
    ///
    /// # Errors
    /// As [`run`](Self::run); of several tries the last that was answered.
    pub(crate) async fn run_patiently<T: Send + 'static>(
        &self,
        limit: Duration,
        mut call: impl FnMut(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let began = Instant::now();
        let mut pauses = PAUSES.into_iter().map(Duration::from_millis);
        let (mut left, mut last) = (limit, None);
        loop {
            let answer = match self.ask(left, call).await {
                Ok(answer) => answer,
                Err(error) => return Err(last.unwrap_or(error)),
            };
            let error = match answer.result {
                Err(error) if error.is_transient() => error,
                done => return done,
            };
            let asked = error.retry_after().unwrap_or_default();
            let pause = pauses.next().map(|pause| pause.max(asked));
            left = limit.saturating_sub(began.elapsed());
            let Some(pause) = pause.filter(|pause| *pause < left) else {
                return Err(error);
            };
            tracing::debug!(token = %self.token().identity(), %error, wait_ms = pause.as_millis() as u64, "asked again");
            within(pause, pending::<()>()).await;
            left = limit.saturating_sub(began.elapsed());
            (last, call) = (Some(error), answer.call);
        }
    }
}
