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
use tokio::sync::watch;

use crate::{
    Clock, Exchange, ExchangeError, ExchangeErrorKind, SystemClock, Token, TokenSourceBuilder,
    policy::Policy,
};

/// Keeps the token of an [`Exchange`] and renews it ahead of its end.
///
/// - A kept token costs no lock and no system call ([`cached`](Self::cached)).
/// - However many ask at once, one login is made, in a task of its own: a caller who gives up fails nobody else, and all
///   receive the same token or the same error.
/// - Within the last part of its life a token is renewed beside its use; where that fails it is kept while it lives.
/// - Transient failures are tried again, each time with a new assertion; a refusal is final and costs one request.
///
/// Cloning shares. Its methods are called within a tokio runtime.
#[derive(Debug)]
pub struct TokenSource<C: Clock = SystemClock>(Arc<Inner<C>>);

/// A kept token, by reference: see [`TokenSource::cached`].
pub struct CachedToken(Guard<Option<Arc<Kept>>>);

struct Inner<C> {
    exchange: Arc<dyn Exchange>,
    policy: Policy,
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

enum Boarding {
    Token(Arc<Token>),
    Flight(Flight),
}

type Outcome = Result<Arc<Token>, ExchangeError>;
type Flight = watch::Receiver<Option<Outcome>>;

/// After a failed renewal beside a living token.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

impl TokenSource {
    /// Keeps the tokens of this exchange.
    pub fn new(exchange: impl Exchange) -> Self {
        Self::builder(exchange).build()
    }

    /// Keeps the tokens of this exchange, otherwise than by the defaults.
    pub fn builder(exchange: impl Exchange) -> TokenSourceBuilder {
        TokenSourceBuilder::new(Arc::new(exchange))
    }
}

impl<C: Clock> TokenSource<C> {
    pub(crate) fn from_parts(exchange: Arc<dyn Exchange>, policy: Policy, clock: C) -> Self {
        Self(Arc::new(Inner {
            exchange,
            policy,
            kept: ArcSwapOption::empty(),
            flight: Mutex::new(None),
            clock,
        }))
    }

    /// A token that lives: the kept one, or a new one.
    ///
    /// # Errors
    /// What the exchange says, after its transient failures were tried again.
    pub async fn token(&self) -> Outcome {
        if let Some(kept) = self.0.kept.load().as_deref()
            && self.0.is_fresh(kept)
        {
            return Ok(kept.token.clone());
        }
        let mut flight = match self.board() {
            Boarding::Token(token) => return Ok(token),
            Boarding::Flight(flight) => flight,
        };
        let landed = flight.wait_for(Option::is_some).await;
        landed
            .ok()
            .and_then(|outcome| outcome.clone())
            .unwrap_or_else(|| {
                Err(ExchangeError::new(
                    ExchangeErrorKind::Network,
                    "the login was stopped before it had an answer",
                )
                .with_hint("its tokio runtime has ended, or its task has panicked: ask again"))
            })
    }

    /// The kept token, where it is neither due for renewal nor absent. Costs no lock and no copy.
    pub fn cached(&self) -> Option<CachedToken> {
        let guard = self.0.kept.load();
        let fresh = guard.as_ref().is_some_and(|kept| self.0.is_fresh(kept));
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

    /// The kept token while it lives, with a login under way where it is to be renewed; else that login.
    fn board(&self) -> Boarding {
        let mut slot = self.0.flight.lock().unwrap_or_else(PoisonError::into_inner);
        // A flight that landed while we waited for the lock has kept its token before.
        let kept = self.0.kept.load();
        if let Some(kept) = kept.as_deref()
            && self.0.is_fresh(kept)
        {
            return Boarding::Token(kept.token.clone());
        }
        // A sender that is gone without an answer was a task that panicked, or that its runtime dropped.
        let under_way = slot
            .as_ref()
            .filter(|flight| flight.borrow().is_none() && flight.has_changed().is_ok());
        let flight = match under_way {
            Some(flight) => flight.clone(),
            None => slot.insert(self.take_off()).clone(),
        };
        match kept.as_deref().filter(|kept| self.0.now() < kept.ends_at) {
            Some(kept) => Boarding::Token(kept.token.clone()),
            None => Boarding::Flight(flight),
        }
    }

    fn take_off(&self) -> Flight {
        let (answer, flight) = watch::channel(None);
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
        let outcome = self.policy.run(&*self.exchange).await;
        match outcome {
            Ok(token) => Ok(self.keep(token)),
            Err(error) => {
                let now = self.now();
                if let Some(kept) = self.kept.load().as_deref() {
                    let pause = millis(RENEWAL_PAUSE).min(kept.ends_at.saturating_sub(now) / 2);
                    kept.renew_at.fetch_max(now + pause, Ordering::Relaxed);
                }
                let transient = error.is_transient();
                tracing::debug!(kind = ?error.kind(), transient, "a login has failed");
                Err(error)
            }
        }
    }

    fn keep(&self, token: Token) -> Arc<Token> {
        let now = self.now();
        let lifetime = token.lifetime().unwrap_or(self.policy.assumed_lifetime);
        let token = Arc::new(token);
        let ends_at = now.saturating_add(millis(lifetime));
        let mut times = (now.saturating_add(renewal(millis(lifetime))), ends_at);
        // A server may answer a second grant with the same token: that proves no new life where none is told, and a
        // third grant would tell no more.
        if token.expires_in().is_none()
            && let Some(old) = self.kept.load().as_deref()
            && old.token.access_token() == token.access_token()
            && now < old.ends_at
        {
            let pause = ((old.ends_at - now) / 2).max(millis(RENEWAL_PAUSE));
            times = (now.saturating_add(pause).min(old.ends_at), old.ends_at);
        }
        let (renew_at, ends_at) = times;
        let renew_at = AtomicU64::new(renew_at);
        self.kept.store(Some(Arc::new(Kept {
            token: token.clone(),
            renew_at,
            ends_at,
        })));
        token
    }

    fn is_fresh(&self, kept: &Kept) -> bool {
        self.now() < kept.renew_at.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        millis(self.clock.monotonic())
    }
}

// Derived, it would want a clock that can be cloned.
impl<C: Clock> Clone for TokenSource<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
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
