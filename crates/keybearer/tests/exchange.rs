//! From a key's path to the API of a local org, through the facade alone.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/org.rs"]
mod org;

use std::time::Duration;

use keybearer::{
    Network,
    auth::{Exchange, ExchangeErrorKind, Token, TokenSource},
    http::{Client, Request},
    salesforce::Identity,
};
use keybearer_localorg::Fault;
use org::MadeOrg;

async fn call(token: &Token) -> u16 {
    let client = Client::new(&Network::default(), Duration::from_secs(20));
    let url = format!("{}/services/oauth2/userinfo", token.instance_url().unwrap());
    let request = Request::get(&url).unwrap();
    let request = request.header("authorization", token.access_token().authorization());
    client.send(request).await.unwrap().status()
}

#[tokio::test]
async fn a_token_is_kept_until_it_is_refused() {
    let made = MadeOrg::start().await;
    let source = TokenSource::new(made.login().await);
    let first = source.token().await.unwrap();
    assert_eq!(call(&first).await, 200);
    let identity = Identity::of(&first).unwrap();
    assert!(identity.organization_id.starts_with("00D"));
    source.token().await.unwrap();
    assert_eq!(made.org.token_posts(), 1);
    // The session ends at the server, which alone knows.
    made.org.advance_clock(Duration::from_secs(7201));
    assert_eq!(call(&first).await, 403);
    source.invalidate(&first);
    made.org.set_clock_offset(0);
    let second = source.token().await.unwrap();
    assert_ne!(second.access_token(), first.access_token());
    assert_eq!(call(&second).await, 200);
    source.invalidate(&first);
    source.token().await.unwrap();
    assert_eq!(made.org.token_posts(), 2);
}

#[tokio::test]
async fn what_passes_is_tried_again_with_an_assertion_that_the_org_takes() {
    let made = MadeOrg::start().await;
    made.org.inject(Fault::html(503));
    made.org
        .inject(Fault::refusal("unknown_error", "retry your request"));
    let source = TokenSource::builder(made.login().await)
        .retry(4, Duration::from_millis(1))
        .build();
    source.token().await.unwrap();
    assert_eq!(made.org.token_posts(), 3);
}

#[tokio::test]
async fn what_stays_is_not_tried_again() {
    let made = MadeOrg::start().await;
    let login = made.login().await;
    let refusals = [
        ("invalid_grant", "user hasn't approved this consumer"),
        ("invalid_grant", "login rate exceeded"),
    ];
    for (posts, (error, description)) in (1..).zip(refusals) {
        made.org.inject(Fault::refusal(error, description));
        let refused = login.exchange().await.unwrap_err();
        assert!(refused.hint().is_some());
        assert_eq!(made.org.token_posts(), posts);
    }
    made.org.inject(Fault::unavailable(3600));
    let source = TokenSource::new(login);
    let error = source.token().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(error.kind(), ExchangeErrorKind::Network);
    assert_eq!(made.org.token_posts(), 3);
}

#[tokio::test]
async fn sixty_four_who_ask_at_once_make_one_login() {
    let made = MadeOrg::start().await;
    let source = TokenSource::new(made.login().await);
    let ask = |_| {
        let source = source.clone();
        tokio::spawn(async move { source.token().await.unwrap() })
    };
    let waiting: Vec<_> = (0..64).map(ask).collect();
    for waiter in waiting {
        waiter.await.unwrap();
    }
    assert_eq!(made.org.token_posts(), 1);
}
