//! How often a login is tried, and for how long.

use std::{sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use tokio::time::{Instant, timeout_at};

use crate::{Clock, Exchange, ExchangeError, ExchangeErrorKind, SystemClock, Token, TokenSource};

/// Builds a [`TokenSource`].
#[derive(Debug)]
pub struct TokenSourceBuilder<C: Clock = SystemClock> {
    exchange: Arc<dyn Exchange>,
    policy: Policy,
    clock: C,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) assumed_lifetime: Duration,
    tries: usize,
    first_delay: Duration,
    deadline: Duration,
}

impl TokenSourceBuilder {
    pub(crate) fn new(exchange: Arc<dyn Exchange>) -> Self {
        Self {
            exchange,
            policy: Policy {
                assumed_lifetime: Duration::from_secs(30 * 60),
                tries: 4,
                first_delay: Duration::from_millis(500),
                deadline: Duration::from_secs(60),
            },
            clock: SystemClock,
        }
    }

    /// By another clock.
    pub fn clock<D: Clock>(self, clock: D) -> TokenSourceBuilder<D> {
        TokenSourceBuilder {
            exchange: self.exchange,
            policy: self.policy,
            clock,
        }
    }
}

impl<C: Clock> TokenSourceBuilder<C> {
    /// How long a token is taken to live where neither the server nor the exchange says. 30 minutes unless told.
    #[must_use]
    pub fn assumed_lifetime(mut self, lifetime: Duration) -> Self {
        self.policy.assumed_lifetime = lifetime;
        self
    }

    /// How often a login is tried at most, and how long the first pause is; each further one is twice as long, with
    /// jitter. 4 tries and half a second unless told.
    #[must_use]
    pub fn retry(mut self, tries: usize, first_delay: Duration) -> Self {
        (self.policy.tries, self.policy.first_delay) = (tries, first_delay);
        self
    }

    /// How long a login may take with all of its tries and pauses. A minute unless told. A server that asks for a longer
    /// pause than is left gets no further try: what it asked for is in [`ExchangeError::retry_after`].
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.policy.deadline = deadline;
        self
    }

    /// The source.
    pub fn build(self) -> TokenSource<C> {
        TokenSource::from_parts(self.exchange, self.policy, self.clock)
    }
}

impl Policy {
    /// Tries until there is a token, an error that stays, or no time.
    pub(crate) async fn run(&self, exchange: &dyn Exchange) -> Result<Token, ExchangeError> {
        let now = Instant::now();
        // A deadline beyond all time is none.
        let far = Duration::from_secs(30 * 365 * 86_400);
        let ends = now + self.deadline.min(far);
        let pauses = ExponentialBuilder::default()
            .with_min_delay(self.first_delay)
            .with_max_delay(self.deadline)
            .with_max_times(self.tries.saturating_sub(1))
            .with_jitter()
            // Without a seed of ours all processes would pause alike. Without random numbers they do, which is no failure.
            .with_jitter_seed(getrandom::u64().unwrap_or_default());
        // Those who were told the same time do not come at once: the pause's own jitter is added to it.
        let fits = |error: &ExchangeError, pause: Option<Duration>| {
            let pause = pause?.saturating_add(error.retry_after().unwrap_or_default());
            let resumes = Instant::now().checked_add(pause)?;
            (resumes < ends).then_some(pause)
        };
        let mut last = None;
        let tries = (|| exchange.exchange())
            .retry(pauses)
            .when(ExchangeError::is_transient)
            .adjust(fits)
            .notify(|error, pause| {
                tracing::debug!(kind = ?error.kind(), ?pause, "a login is tried again");
                last = Some(error.clone());
            });
        match timeout_at(ends, tries).await {
            Ok(outcome) => outcome,
            Err(_) => Err(last.unwrap_or_else(|| self.no_answer())),
        }
    }

    fn no_answer(&self) -> ExchangeError {
        let seconds = self.deadline.as_secs_f64();
        ExchangeError::new(
            ExchangeErrorKind::Network,
            format!("the login had no answer within {seconds} s"),
        )
        .with_hint("check the network and the key's service, or allow a longer deadline")
    }
}
