//! How long a token is kept, and what renews it.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/script.rs"]
mod script;

use std::time::Duration;

use keybearer_auth::TokenSource;
use script::{Outcome, Script, TestClock, living, plain, refused};
use tokio::time::sleep;

fn keep(steps: impl IntoIterator<Item = (u64, Outcome)>) -> (Script, TokenSource<TestClock>) {
    let script = Script::new(steps);
    let source = TokenSource::builder(script.clone())
        .clock(script.clock())
        .build();
    (script, source)
}

async fn wait(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

async fn name(source: &TokenSource<TestClock>) -> String {
    let token = source.token().await.unwrap();
    token.access_token().expose().to_owned()
}

fn cached(source: &TokenSource<TestClock>) -> Option<String> {
    let kept = source.cached()?;
    Some(kept.get().unwrap().access_token().expose().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_kept_token_is_renewed_beside_its_use_before_its_end() {
    let (script, source) = keep([(0, living("a", 100)), (5, living("b", 100))]);
    assert_eq!(cached(&source), None);
    assert_eq!(name(&source).await, "a");
    wait(79).await;
    assert_eq!(cached(&source).as_deref(), Some("a"));
    assert_eq!(name(&source).await, "a");
    assert_eq!(script.logins(), 1);
    wait(11).await;
    // Due: the old one is given at once, and the new login runs.
    assert_eq!(cached(&source), None);
    for _ in 0..10 {
        assert_eq!(name(&source).await, "a");
    }
    wait(1).await;
    assert_eq!(script.starts(), [0.0, 90.0]);
    wait(5).await;
    assert_eq!(cached(&source).as_deref(), Some("b"));
    assert_eq!(script.logins(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_does_not_renew_at_once() {
    let mut due = Vec::new();
    for _ in 0..40 {
        let (_, source) = keep([(0, living("a", 1000))]);
        name(&source).await;
        let mut seconds = 0;
        while source.cached().is_some() {
            wait(1).await;
            seconds += 1;
        }
        due.push(seconds);
    }
    assert!(due.iter().all(|due| (800..=901).contains(due)), "{due:?}");
    due.sort_unstable();
    due.dedup();
    assert!(due.len() > 10, "{due:?}");
}

#[tokio::test(start_paused = true)]
async fn the_old_token_is_kept_while_it_lives_if_its_renewal_fails() {
    let refusals = [
        (0, living("a", 1000)),
        (0, Err(refused())),
        (0, Err(refused())),
    ];
    let (script, source) = keep(refusals);
    name(&source).await;
    wait(901).await;
    assert_eq!(name(&source).await, "a");
    wait(1).await;
    assert_eq!(script.logins(), 2);
    // Not each use tries again.
    assert_eq!(cached(&source).as_deref(), Some("a"));
    assert_eq!(name(&source).await, "a");
    wait(20).await;
    assert_eq!(name(&source).await, "a");
    assert_eq!(script.logins(), 2);
    // At its end it is not given any more: the refusal is.
    wait(78).await;
    assert_eq!(cached(&source), None);
    let error = source.token().await.unwrap_err();
    assert_eq!(error.to_string(), "no such user");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_tried_again_after_a_pause() {
    let (script, source) = keep([
        (0, living("a", 1000)),
        (0, Err(refused())),
        (0, living("b", 1000)),
    ]);
    name(&source).await;
    wait(900).await;
    name(&source).await;
    wait(31).await;
    assert_eq!(name(&source).await, "a");
    wait(1).await;
    assert_eq!(name(&source).await, "b");
    assert_eq!(script.logins(), 3);
}

#[tokio::test(start_paused = true)]
async fn only_the_refused_token_is_dropped() {
    let (script, source) = keep([(0, living("a", 100)), (0, living("b", 100))]);
    let first = source.token().await.unwrap();
    source.invalidate(&first);
    assert_eq!(cached(&source), None);
    assert_eq!(name(&source).await, "b");
    // Another thread that was refused with the first token comes late: the second stays.
    source.invalidate(&first);
    assert_eq!(cached(&source).as_deref(), Some("b"));
    assert_eq!(name(&source).await, "b");
    assert_eq!(script.logins(), 2);
    let of_another_source = plain("x").unwrap();
    source.invalidate(&of_another_source);
    assert_eq!(cached(&source).as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn a_token_refused_during_its_renewal_is_not_given_again() {
    let (script, source) = keep([(0, living("a", 100)), (5, living("b", 100))]);
    let first = source.token().await.unwrap();
    wait(95).await;
    assert_eq!(name(&source).await, "a");
    source.invalidate(&first);
    assert_eq!(name(&source).await, "b");
    assert_eq!(script.logins(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_is_told_or_of_the_exchange_or_assumed() {
    let of_exchange = plain("b").map(|token| token.with_assumed_lifetime(Duration::from_secs(200)));
    let told = living("c", 300);
    let told = told.map(|token| token.with_assumed_lifetime(Duration::from_secs(1)));
    for (outcome, seconds) in [(plain("a"), 1800), (of_exchange, 200), (told, 300)] {
        let (script, source) = keep([(0, outcome), (0, Err(refused())), (0, Err(refused()))]);
        let kept = name(&source).await;
        wait(seconds - 1).await;
        // It lives still, though it is due.
        assert_eq!(name(&source).await, kept);
        wait(1).await;
        assert!(source.token().await.is_err(), "{kept}");
        assert_eq!(script.logins(), 3, "{kept}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_token_again_proves_no_new_life_and_is_not_asked_for_all_the_time() {
    let again = (0..20).map(|_| (0, plain("a")));
    let script = Script::new(again);
    let source = TokenSource::builder(script.clone())
        .clock(script.clock())
        .assumed_lifetime(Duration::from_secs(1000))
        .build();
    for _ in 0..999 {
        assert_eq!(name(&source).await, "a");
        wait(1).await;
    }
    let ahead = script.logins();
    assert!((2..=6).contains(&ahead), "{:?}", script.starts());
    // Its first life is over: the next login is waited for.
    wait(1).await;
    assert_eq!(cached(&source), None);
    assert_eq!(name(&source).await, "a");
    assert_eq!(script.logins(), ahead + 1);
    assert_eq!(cached(&source).as_deref(), Some("a"));
    wait(500).await;
    assert_eq!(cached(&source).as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn a_life_of_nothing_is_used_once_by_those_who_waited() {
    let (script, source) = keep([(0, living("a", 0)), (0, living("b", 0))]);
    assert_eq!(name(&source).await, "a");
    assert_eq!(cached(&source), None);
    assert_eq!(name(&source).await, "b");
    assert_eq!(script.logins(), 2);
}
