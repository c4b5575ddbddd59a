//! What is tried again, when, and what is not.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/script.rs"]
mod script;

use std::time::Duration;

use keybearer_auth::{ExchangeError, ExchangeErrorKind, TokenSource};
use keybearer_core::{Error, ErrorKind};
use script::{Outcome, Script, living, network, refused};
use tokio::time::Instant;

/// The outcome, when each login began, and when the answer came.
async fn run(steps: impl IntoIterator<Item = (u64, Outcome)>) -> (Outcome, Vec<f64>, f64) {
    let script = Script::new(steps);
    let source = TokenSource::builder(script.clone())
        .clock(script.clock())
        .build();
    let begun = Instant::now();
    let outcome = source.token().await.map(|token| (*token).clone());
    (outcome, script.starts(), begun.elapsed().as_secs_f64())
}

#[tokio::test(start_paused = true)]
async fn transient_failures_are_tried_again_with_growing_pauses() {
    let fails = || (0, Err(network()));
    let (outcome, starts, _) = run([fails(), fails(), fails(), (0, living("a", 9))]).await;
    assert!(outcome.is_ok());
    let pauses: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses.len(), 3);
    for (pause, least) in pauses.iter().zip([0.5, 1.0, 2.0]) {
        assert!((least..=2.0 * least).contains(pause), "{pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_are_not_the_same_for_all() {
    let mut pauses = Vec::new();
    for _ in 0..20 {
        let (_, starts, _) = run([(0, Err(network())), (0, living("a", 9))]).await;
        pauses.push((starts[1] * 1000.0) as u64);
    }
    pauses.sort_unstable();
    pauses.dedup();
    assert!(pauses.len() > 5, "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn after_the_last_try_its_error_is_given() {
    let fails = |text: &str| {
        let error = ExchangeError::new(ExchangeErrorKind::Network, text);
        (0, Err(error))
    };
    let steps = [fails("one"), fails("two"), fails("three"), fails("four")];
    let (outcome, starts, _) = run(steps).await;
    assert_eq!(outcome.unwrap_err().to_string(), "four");
    assert_eq!(starts.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn each_kind_is_tried_again_or_not() {
    let kind = |kind| ExchangeError::new(kind, "failed");
    let key = |kind| ExchangeError::from(Error::new(kind, "the key's service"));
    let cases = [
        (refused(), false),
        (kind(ExchangeErrorKind::Config), false),
        (kind(ExchangeErrorKind::LoginRate), false),
        (kind(ExchangeErrorKind::RefusedInstance), false),
        (kind(ExchangeErrorKind::Network), true),
        (kind(ExchangeErrorKind::Network).without_retry(), false),
        (kind(ExchangeErrorKind::Throttled), true),
        (key(ErrorKind::Throttled), true),
        (key(ErrorKind::Unavailable), true),
        (key(ErrorKind::NotFound), false),
        (key(ErrorKind::BadSecret), false),
    ];
    for (error, again) in cases {
        let told = format!("{error:?}");
        let (outcome, starts, took) = run([(0, Err(error)), (0, living("a", 9))]).await;
        assert_eq!(outcome.is_ok(), again, "{told}");
        assert_eq!(starts.len(), if again { 2 } else { 1 }, "{told}");
        assert_eq!(took > 0.0, again, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_server_asks_for_is_waited() {
    let asks = |seconds| network().with_retry_after(Some(Duration::from_secs(seconds)));
    let (outcome, starts, _) = run([(0, Err(asks(7))), (0, living("a", 9))]).await;
    assert!(outcome.is_ok());
    assert!((7.0..9.0).contains(&starts[1]), "{starts:?}");
    let key = Error::new(ErrorKind::Throttled, "slower").with_retry_after(Duration::from_secs(11));
    let (_, starts, _) = run([(0, Err(key.into())), (0, living("a", 9))]).await;
    assert!((11.0..13.0).contains(&starts[1]), "{starts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_longer_wait_than_the_deadline_is_the_callers() {
    let asks = network().with_retry_after(Some(Duration::from_secs(60)));
    let (outcome, starts, took) = run([(0, Err(asks))]).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
    assert_eq!((starts.len(), took), (1, 0.0));
    let forever = network().with_retry_after(Some(Duration::MAX));
    assert_eq!(run([(0, Err(forever))]).await.1.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_login_ends_at_the_deadline() {
    let (outcome, _, took) = run([(3600, living("a", 9))]).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ExchangeErrorKind::Network);
    assert!(error.to_string().contains("within 60 s"), "{error}");
    assert!((60.0..60.1).contains(&took), "{took}");
    // What is known better than that is told.
    let (outcome, starts, took) = run([(1, Err(network())), (3600, living("a", 9))]).await;
    assert_eq!(outcome.unwrap_err().to_string(), "the wire is cut");
    assert_eq!(starts.len(), 2);
    assert!((60.0..60.1).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn tries_and_deadline_are_the_callers() {
    let script = Script::new((0..9).map(|_| (0, Err(network()))));
    let source = |tries, deadline| {
        TokenSource::builder(script.clone())
            .retry(tries, Duration::from_millis(10))
            .deadline(deadline)
            .build()
    };
    assert!(source(1, Duration::MAX).token().await.is_err());
    assert_eq!(script.logins(), 1);
    assert!(source(3, Duration::from_secs(5)).token().await.is_err());
    assert_eq!(script.logins(), 4);
    assert!(source(9, Duration::from_millis(5)).token().await.is_err());
    assert_eq!(script.logins(), 5);
}
