//! However many ask, one login is made.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/script.rs"]
mod script;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use keybearer_auth::{Exchange, ExchangeError, Token, TokenSource};
use keybearer_core::async_trait;
use script::{Outcome, Script, living, network, refused};
use tokio::time::{sleep, timeout};

const WAITERS: usize = 64;

#[tokio::test(start_paused = true)]
async fn sixty_four_waiters_share_one_login() {
    let script = Script::new([(5, living("a", 100))]);
    let source = TokenSource::builder(script.clone())
        .clock(script.clock())
        .build();
    let tokens = ask(&source).await;
    assert_eq!(tokens.len(), WAITERS);
    let first = tokens[0].as_ref().unwrap();
    assert_eq!(first.access_token().expose(), "a");
    for token in &tokens {
        assert!(Arc::ptr_eq(token.as_ref().unwrap(), first));
    }
    assert_eq!(script.logins(), 1);
}

#[tokio::test(start_paused = true)]
async fn sixty_four_waiters_receive_the_same_refusal_of_one_login() {
    let refusal = refused().with_hint("activate the user");
    let script = Script::new([(5, Err(refusal)), (5, living("b", 100))]);
    let source = TokenSource::builder(script.clone())
        .clock(script.clock())
        .build();
    for outcome in ask(&source).await {
        let error = outcome.unwrap_err();
        assert_eq!(error.to_string(), "no such user");
        assert_eq!(error.hint(), Some("activate the user"));
    }
    assert_eq!(script.logins(), 1);
    // A failure is not kept: who asks again, asks the server.
    assert!(source.token().await.is_ok());
    assert_eq!(script.logins(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_fails_nobody() {
    let script = Script::new([(10, living("a", 100))]);
    let source = TokenSource::builder(script.clone())
        .clock(script.clock())
        .build();
    let impatient = timeout(Duration::from_secs(1), source.token()).await;
    assert!(impatient.is_err());
    // The login goes on for those who come later, and for nobody.
    let late = source.token().await.unwrap();
    assert_eq!(late.access_token().expose(), "a");
    assert_eq!(script.logins(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_login_whose_only_caller_has_gone_is_not_wasted() {
    let script = Script::new([(10, living("a", 100))]);
    let source = TokenSource::builder(script.clone())
        .clock(script.clock())
        .build();
    assert!(
        timeout(Duration::from_secs(1), source.token())
            .await
            .is_err()
    );
    sleep(Duration::from_secs(20)).await;
    let kept = source.cached().unwrap();
    assert_eq!(kept.get().unwrap().access_token().expose(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_its_waiters_and_not_the_next() {
    #[derive(Debug)]
    struct PanicsOnce(AtomicUsize);
    #[async_trait]
    impl Exchange for PanicsOnce {
        async fn exchange(&self) -> Outcome {
            assert!(self.0.fetch_add(1, Ordering::SeqCst) > 0, "the first login");
            living("b", 100)
        }
    }
    let source = TokenSource::new(PanicsOnce(AtomicUsize::new(0)));
    let error = source.token().await.unwrap_err();
    assert!(error.to_string().contains("stopped"), "{error}");
    assert!(error.hint().is_some());
    assert!(source.token().await.is_ok());
}

#[test]
fn a_runtime_that_ends_takes_its_login_with_it_and_nothing_else() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
    };
    let slow = runtime();
    let source = slow.block_on(async {
        let script = Script::new([(3600, living("a", 100)), (0, living("b", 100))]);
        let source = TokenSource::new(script);
        let asked = timeout(Duration::from_millis(10), source.token()).await;
        assert!(asked.is_err());
        source
    });
    drop(slow);
    let token = runtime().block_on(source.token()).unwrap();
    assert_eq!(token.access_token().expose(), "b");
}

#[test]
fn threads_that_ask_at_once_make_one_login_for_each_refused_token() {
    #[derive(Debug)]
    struct Counts(Arc<AtomicUsize>);
    #[async_trait]
    impl Exchange for Counts {
        async fn exchange(&self) -> Result<Token, ExchangeError> {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            let json = format!("{{\"access_token\":\"t{number}\",\"expires_in\":3600}}");
            Token::from_json(json.as_bytes(), SystemTime::now())
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let logins = Arc::new(AtomicUsize::new(0));
        let source = TokenSource::new(Counts(logins.clone()));
        for round in 0..200 {
            let expected = format!("t{round}");
            for outcome in ask(&source).await {
                assert_eq!(outcome.unwrap().access_token().expose(), expected);
            }
            assert_eq!(logins.load(Ordering::SeqCst), round + 1);
            let kept = source.token().await.unwrap();
            source.invalidate(&kept);
        }
    });
}

#[tokio::test(start_paused = true)]
async fn waiters_of_a_login_that_is_tried_again_wait_for_its_end() {
    let script = Script::new([(1, Err(network())), (1, living("a", 100))]);
    let source = TokenSource::builder(script.clone())
        .clock(script.clock())
        .build();
    for outcome in ask(&source).await {
        assert_eq!(outcome.unwrap().access_token().expose(), "a");
    }
    assert_eq!(script.logins(), 2);
}

async fn ask<C: keybearer_auth::Clock>(
    source: &TokenSource<C>,
) -> Vec<Result<Arc<Token>, ExchangeError>> {
    let tasks: Vec<_> = (0..WAITERS)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { source.token().await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}
