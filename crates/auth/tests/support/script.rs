//! An exchange that does as a test says, and a clock that stands still with tokio's.
#![allow(dead_code, unreachable_pub, reason = "a part of tests")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use keybearer_auth::{Clock, Exchange, ExchangeError, ExchangeErrorKind, Token};
use keybearer_core::async_trait;
use tokio::time::Instant;

pub type Outcome = Result<Token, ExchangeError>;

/// Gives one outcome after the other, each after its time.
#[derive(Clone, Debug)]
pub struct Script(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    steps: Mutex<VecDeque<(Duration, Outcome)>>,
    starts: Mutex<Vec<Instant>>,
    begun: Instant,
}

impl Script {
    pub fn new(steps: impl IntoIterator<Item = (u64, Outcome)>) -> Self {
        let steps = steps.into_iter();
        let steps = steps.map(|(seconds, outcome)| (Duration::from_secs(seconds), outcome));
        Self(Arc::new(Inner {
            steps: Mutex::new(steps.collect()),
            starts: Mutex::default(),
            begun: Instant::now(),
        }))
    }

    /// When each login began, in seconds.
    pub fn starts(&self) -> Vec<f64> {
        let starts = self.0.starts.lock().unwrap();
        let since = |start: &Instant| (*start - self.0.begun).as_secs_f64();
        starts.iter().map(since).collect()
    }

    pub fn logins(&self) -> usize {
        self.starts().len()
    }

    pub fn clock(&self) -> TestClock {
        TestClock(self.0.begun)
    }
}

#[async_trait]
impl Exchange for Script {
    async fn exchange(&self) -> Outcome {
        self.0.starts.lock().unwrap().push(Instant::now());
        let step = self.0.steps.lock().unwrap().pop_front();
        let Some((time, outcome)) = step else {
            panic!("one login more than the script has");
        };
        tokio::time::sleep(time).await;
        outcome
    }
}

#[derive(Clone, Debug)]
pub struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A token that lives for so many seconds, as its server says.
pub fn living(name: &str, seconds: u64) -> Outcome {
    let json = format!("{{\"access_token\":\"{name}\",\"expires_in\":{seconds}}}");
    Token::from_json(json.as_bytes(), SystemTime::UNIX_EPOCH)
}

/// A token whose server tells no lifetime.
pub fn plain(name: &str) -> Outcome {
    let json = format!("{{\"access_token\":\"{name}\"}}");
    Token::from_json(json.as_bytes(), SystemTime::UNIX_EPOCH)
}

pub fn network() -> ExchangeError {
    ExchangeError::new(ExchangeErrorKind::Network, "the wire is cut")
}

pub fn refused() -> ExchangeError {
    ExchangeError::new(ExchangeErrorKind::OAuth, "no such user")
}
