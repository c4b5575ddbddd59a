//! A token kept while it lives.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwapOption, Guard};
use backon::{ExponentialBuilder, Retryable};
use tokio::sync::watch;

use crate::{Clock, Exchange, ExchangeError, ExchangeErrorKind, SystemClock, Token};

/// Keeps the token of an [`Exchange`] and renews it ahead of its end.
///
/// - A kept token costs no lock and no system call ([`cached`](Self::cached)).
/// - However many ask at once, one login is made, in a task of its own: a caller who gives up fails nobody else, and all
///   receive the same token or the same error.
/// - Within the last part of its life a token is renewed beside its use; where that fails it is kept while it lives.
/// - Transient failures are tried again, each time with a new assertion; a refusal is final and costs one request.
///
/// Cloning shares. Its methods are called within a tokio runtime.
#[derive(Clone, Debug)]
pub struct TokenSource<C: Clock = SystemClock>(Arc<Inner<C>>);

/// Builds a [`TokenSource`].
#[derive(Debug)]
pub struct TokenSourceBuilder<C: Clock = SystemClock> {
    exchange: Arc<dyn Exchange>,
    assumed_lifetime: Duration,
    tries: usize,
    first_delay: Duration,
    clock: C,
}

/// A kept token, by reference: see [`TokenSource::cached`].
pub struct CachedToken(Guard<Option<Arc<Kept>>>);

struct Inner<C> {
    exchange: Arc<dyn Exchange>,
    assumed_lifetime: Duration,
    retry: ExponentialBuilder,
    kept: ArcSwapOption<Kept>,
    flight: Mutex<Option<Flight>>,
    clock: C,
}

struct Kept {
    token: Arc<Token>,
    /// Milliseconds of the monotonic clock: from here on the token is renewed beside its use.
    renew_at: AtomicU64,
    /// Milliseconds of the monotonic clock: from here on it is not used.
    ends_at: u64,
}

type Outcome = Result<Arc<Token>, ExchangeError>;
type Flight = watch::Receiver<Option<Outcome>>;

/// A longer wait than this is the caller's to decide.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// After a failed renewal beside a living token.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

impl TokenSource {
    /// Keeps the tokens of this exchange.
    pub fn new(exchange: impl Exchange) -> Self {
        Self::builder(exchange).build()
    }

    /// Keeps the tokens of this exchange, otherwise than by the defaults.
    pub fn builder(exchange: impl Exchange) -> TokenSourceBuilder {
        TokenSourceBuilder {
            exchange: Arc::new(exchange),
            assumed_lifetime: Duration::from_secs(30 * 60),
            tries: 4,
            first_delay: Duration::from_millis(500),
            clock: SystemClock,
        }
    }
}

impl<C: Clock> TokenSource<C> {
    /// A token that lives: the kept one, or a new one.
    ///
    /// # Errors
    /// What the exchange says, after its transient failures were tried again.
    pub async fn token(&self) -> Outcome {
        if let Some(kept) = self.0.kept.load().as_deref() {
            let now = self.0.now();
            if now < kept.renew_at.load(Ordering::Relaxed) {
                return Ok(kept.token.clone());
            }
            if now < kept.ends_at {
                self.join_flight();
                return Ok(kept.token.clone());
            }
        }
        let mut flight = self.join_flight();
        let landed = flight
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|outcome| outcome.clone());
        landed.unwrap_or_else(|| {
            Err(ExchangeError::new(
                ExchangeErrorKind::Network,
                "the login was stopped before it had an answer",
            ))
        })
    }

    /// The kept token, where it is neither due for renewal nor absent. Costs no lock and no copy.
    pub fn cached(&self) -> Option<CachedToken> {
        let guard = self.0.kept.load();
        let fresh = guard
            .as_ref()
            .is_some_and(|kept| self.0.now() < kept.renew_at.load(Ordering::Relaxed));
        fresh.then_some(CachedToken(guard))
    }

    /// Drops the kept token if it is the one that an API refused: another that came meanwhile stays.
    pub fn invalidate(&self, refused: &Token) {
        let kept = self.0.kept.load();
        if kept
            .as_ref()
            .is_some_and(|kept| kept.token.access_token() == refused.access_token())
        {
            self.0.kept.compare_and_swap(&kept, None);
        }
    }

    /// The login under way, or a new one.
    fn join_flight(&self) -> Flight {
        let mut slot = self.0.flight.lock().unwrap_or_else(PoisonError::into_inner);
        // A sender that is gone without an answer was a task that its runtime dropped.
        if let Some(flight) = slot
            .as_ref()
            .filter(|flight| flight.borrow().is_none() && flight.has_changed().is_ok())
        {
            return flight.clone();
        }
        let (answer, flight) = watch::channel(None);
        *slot = Some(flight.clone());
        let inner = self.0.clone();
        tokio::spawn(async move {
            let outcome = inner.login().await;
            answer.send_replace(Some(outcome));
        });
        flight
    }
}

impl<C: Clock> Inner<C> {
    async fn login(&self) -> Outcome {
        let attempt = || self.exchange.exchange();
        let wait =
            |error: &ExchangeError, delay: Option<Duration>| match (delay, error.retry_after()) {
                (Some(_), Some(asked)) if asked > LONGEST_WAIT => None,
                (Some(delay), Some(asked)) => Some(delay.max(asked)),
                (delay, _) => delay,
            };
        let outcome = attempt
            .retry(self.retry)
            .when(ExchangeError::is_transient)
            .adjust(wait)
            .await;
        match outcome {
            Ok(token) => Ok(self.keep(token)),
            Err(error) => {
                if let Some(kept) = self.kept.load().as_deref() {
                    kept.renew_at
                        .store(self.now() + millis(RENEWAL_PAUSE), Ordering::Relaxed);
                }
                tracing::debug!(transient = error.is_transient(), "a login has failed");
                Err(error)
            }
        }
    }

    fn keep(&self, token: Token) -> Arc<Token> {
        let now = self.now();
        let lifetime = token.expires_in().unwrap_or(self.assumed_lifetime);
        let token = Arc::new(token);
        let mut ends_at = now.saturating_add(millis(lifetime));
        // A server may answer a second grant with the same token: that proves no new life where none is told.
        if token.expires_in().is_none()
            && let Some(old) = self.kept.load().as_deref()
            && old.token.access_token() == token.access_token()
            && now < old.ends_at
        {
            ends_at = old.ends_at;
        }
        let renew_at = AtomicU64::new(now + renewal(ends_at.saturating_sub(now)));
        self.kept.store(Some(Arc::new(Kept {
            token: token.clone(),
            renew_at,
            ends_at,
        })));
        token
    }

    fn now(&self) -> u64 {
        millis(self.clock.monotonic())
    }
}

impl TokenSourceBuilder {
    /// By another clock.
    pub fn clock<D: Clock>(self, clock: D) -> TokenSourceBuilder<D> {
        let Self {
            exchange,
            assumed_lifetime,
            tries,
            first_delay,
            clock: _,
        } = self;
        TokenSourceBuilder {
            exchange,
            assumed_lifetime,
            tries,
            first_delay,
            clock,
        }
    }
}

impl<C: Clock> TokenSourceBuilder<C> {
    /// How long a token is taken to live whose server does not say. 30 minutes unless told.
    #[must_use]
    pub fn assumed_lifetime(mut self, lifetime: Duration) -> Self {
        self.assumed_lifetime = lifetime;
        self
    }

    /// How often a login is tried at most, and how long the first pause is; each further one is twice as long, with
    /// jitter. 4 tries and half a second unless told.
    #[must_use]
    pub fn retry(mut self, tries: usize, first_delay: Duration) -> Self {
        (self.tries, self.first_delay) = (tries, first_delay);
        self
    }

    /// The source.
    pub fn build(self) -> TokenSource<C> {
        let retry = ExponentialBuilder::default()
            .with_min_delay(self.first_delay)
            .with_max_delay(LONGEST_WAIT)
            .with_max_times(self.tries.saturating_sub(1))
            .with_jitter();
        TokenSource(Arc::new(Inner {
            exchange: self.exchange,
            assumed_lifetime: self.assumed_lifetime,
            retry,
            kept: ArcSwapOption::empty(),
            flight: Mutex::new(None),
            clock: self.clock,
        }))
    }
}

impl CachedToken {
    /// The token.
    pub fn get(&self) -> Option<&Token> {
        self.0.as_ref().map(|kept| kept.token.as_ref())
    }
}

impl fmt::Debug for CachedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CachedToken(***)")
    }
}

impl<C: Clock> fmt::Debug for Inner<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// When a life of so long is to be renewed: after 80 to 90 % of it, so that a fleet does not renew at once.
fn renewal(life: u64) -> u64 {
    let mut random = [0; 2];
    // Without random numbers the fleet renews at once, which is no failure.
    let jitter = getrandom::fill(&mut random).map_or(0, |()| u64::from(u16::from_le_bytes(random)));
    life / 10 * 8 + (life / 10).saturating_mul(jitter) / u64::from(u16::MAX)
}
