//! Logins against a server that says Salesforce's words, and how many requests each costs.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "../../http/tests/support/mod.rs"]
mod support;

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_auth::{Client, Exchange, ExchangeError, ExchangeErrorKind, JwtBearer, TokenSource};
use keybearer_core::{Algorithm, Bound, EcCurve, KeyType, Network};
use keybearer_salesforce::{Identity, Login};
use keybearer_soft::{PrivateKey, SoftSigner};
use serde_json::Value;
use support::Server;

const LOGIN: &str = "https://login.salesforce.com";
const TEST: &str = "https://test.salesforce.com";
const ORG: &str = "https://acme.my.salesforce.com";
const SANDBOX: &str = "https://acme--uat.sandbox.my.salesforce.com";

fn bound() -> Bound {
    let key = PrivateKey::generate(KeyType::Ec(EcCurve::P256)).unwrap();
    let signer = SoftSigner::new(&"pem:/test.pem".parse().unwrap(), &key, &[]).unwrap();
    Bound::new(Arc::new(signer), Algorithm::Es256).unwrap()
}

fn grant(server: &Server, audience: &str) -> JwtBearer {
    let client = Client::new(&Network::default(), Duration::from_secs(20));
    JwtBearer::builder(bound(), Arc::new(client), server.url())
        .issuer("3MVG9")
        .subject("integration@acme.example")
        .audience(audience)
        .build()
}

/// Takes this audience and no other, as Salesforce says it.
async fn wants(audience: &'static str) -> Server {
    Server::replying(move |request| {
        if audience_of(request) == audience {
            answer("200 OK", &token(ORG))
        } else {
            refusal("invalid_grant", "audience is invalid")
        }
    })
    .await
}

fn audience_of(request: &str) -> String {
    claims_of(request)["aud"].as_str().unwrap().to_owned()
}

fn claims_of(request: &str) -> Value {
    let (_, jwt) = request.split_once("assertion=").unwrap();
    let claims = jwt.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

fn token(instance: &str) -> String {
    format!(
        "{{\"access_token\":\"00Dxx0000001gPL!AQ\",\"scope\":\"api\",\"instance_url\":\"{instance}\",\
         \"id\":\"https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS\",\"token_type\":\"Bearer\"}}"
    )
}

fn refusal(error: &str, description: &str) -> String {
    let body = format!("{{\"error\":\"{error}\",\"error_description\":\"{description}\"}}");
    answer("400 Bad Request", &body)
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json;charset=UTF-8\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn audiences(server: &Server) -> Vec<String> {
    let requests = server.requests();
    requests
        .iter()
        .map(|request| audience_of(request))
        .collect()
}

#[tokio::test]
async fn an_answer_has_all_that_salesforce_tells() {
    let server = wants(ORG).await;
    let token = Login::new(grant(&server, ORG), false)
        .exchange()
        .await
        .unwrap();
    assert_eq!(token.instance_url(), Some(ORG));
    assert_eq!(token.scope(), Some("api"));
    let identity = Identity::of(&token).unwrap();
    assert_eq!(identity.organization_id, "00Dxx0000001gPLEAY");
    assert_eq!(identity.user_id, "005xx000001SwiUAAS");
    assert_eq!(token.expires_in(), None);
    assert_eq!(token.lifetime(), Some(Duration::from_secs(900)));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn every_refusal_but_one_costs_one_request() {
    let cases = [
        ("invalid_grant", "user hasn't approved this consumer"),
        ("invalid_grant", "Audience validation failed"),
        ("invalid_grant", "audience is invalid."),
        ("invalid_request", "audience is invalid"),
        ("invalid_grant", "invalid assertion"),
        ("invalid_grant", "expired authorization code"),
        ("invalid_grant", "login rate exceeded"),
        ("invalid_client_id", "client identifier invalid"),
        (
            "app_not_found",
            "External client app is not installed in this org",
        ),
        ("never_seen", "before"),
    ];
    for (error, description) in cases {
        let server = Server::answering(refusal(error, description)).await;
        // Over a token source too: it tries no refusal again.
        let source = TokenSource::new(Login::new(grant(&server, ORG), false));
        let refused = source.token().await.unwrap_err();
        assert_eq!(server.requests().len(), 1, "{error}: {description}");
        let oauth = refused.oauth().unwrap();
        assert_eq!(oauth.error_description.as_deref(), Some(description));
        assert!(refused.hint().is_some(), "{error}: {description}");
    }
}

#[tokio::test]
async fn an_audience_that_we_chose_has_one_second_try_and_the_winner_is_remembered() {
    for (first, second) in [(ORG, LOGIN), (SANDBOX, TEST)] {
        let server = wants(second).await;
        let login = Login::new(grant(&server, first), false);
        login.exchange().await.unwrap();
        assert_eq!(audiences(&server), [first, second]);
        login.exchange().await.unwrap();
        assert_eq!(audiences(&server), [first, second, second]);
    }
}

#[tokio::test]
async fn a_second_try_is_the_last() {
    let server = wants("https://nobody.example").await;
    let login = Login::new(grant(&server, ORG), false);
    let error = login.exchange().await.unwrap_err();
    assert_eq!(audiences(&server), [ORG, LOGIN]);
    assert!(error.hint().unwrap().contains(TEST), "{error:?}");
    // Nothing has won, and nothing is remembered.
    login.exchange().await.unwrap_err();
    assert_eq!(audiences(&server), [ORG, LOGIN, ORG, LOGIN]);
}

#[tokio::test]
async fn an_audience_that_was_given_or_is_the_login_hosts_has_none() {
    let server = wants("https://nobody.example").await;
    Login::new(grant(&server, ORG), true)
        .exchange()
        .await
        .unwrap_err();
    assert_eq!(audiences(&server), [ORG]);
    for host in [LOGIN, TEST] {
        let server = wants("https://nobody.example").await;
        Login::new(grant(&server, host), false)
            .exchange()
            .await
            .unwrap_err();
        assert_eq!(audiences(&server), [host]);
    }
}

#[tokio::test]
async fn a_winner_that_loses_is_forgotten() {
    let moved = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let has_moved = moved.clone();
    let server = Server::replying(move |request| {
        let wanted = if has_moved.load(std::sync::atomic::Ordering::SeqCst) {
            ORG
        } else {
            LOGIN
        };
        if audience_of(request) == wanted {
            answer("200 OK", &token(ORG))
        } else {
            refusal("invalid_grant", "audience is invalid")
        }
    })
    .await;
    let login = Login::new(grant(&server, ORG), false);
    login.exchange().await.unwrap();
    moved.store(true, std::sync::atomic::Ordering::SeqCst);
    login.exchange().await.unwrap_err();
    login.exchange().await.unwrap();
    assert_eq!(audiences(&server), [ORG, LOGIN, LOGIN, ORG]);
}

#[tokio::test]
async fn the_second_try_has_an_assertion_of_its_own() {
    let server = wants(LOGIN).await;
    Login::new(grant(&server, ORG), false)
        .exchange()
        .await
        .unwrap();
    let ids: Vec<_> = server
        .requests()
        .iter()
        .map(|request| {
            let claims = claims_of(request);
            claims["jti"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn too_many_logins_are_of_their_own_kind() {
    for (error, description) in [
        ("invalid_grant", "login rate exceeded"),
        ("rate_limit_exceeded", "number of logins exceeded"),
    ] {
        let server = Server::answering(refusal(error, description)).await;
        let refused = login_error(&server).await;
        assert_eq!(refused.kind(), ExchangeErrorKind::LoginRate);
        assert!(!refused.is_transient());
        assert!(refused.hint().unwrap().contains("3,600"));
        assert!(refused.oauth().is_some());
    }
}

#[tokio::test]
async fn a_token_is_not_given_for_a_host_that_is_not_salesforces() {
    let evil = "https://my.salesforce.com.evil.example";
    let server = Server::answering(answer("200 OK", &token(evil))).await;
    let refused = login_error(&server).await;
    assert_eq!(refused.kind(), ExchangeErrorKind::RefusedInstance);
    assert!(!refused.is_transient());
    assert!(refused.to_string().contains(evil), "{refused}");
    assert!(!format!("{refused:?}").contains("00Dxx0000001gPL!"));
    let control = Server::answering(answer("200 OK", &token("https://e\\u001b[2J.example"))).await;
    let refused = login_error(&control).await;
    assert!(!refused.to_string().contains('\u{1b}'), "{refused:?}");
    let gateway = Server::answering(answer("200 OK", &token("https://gateway.acme.example"))).await;
    let login = || Login::new(grant(&gateway, ORG), false);
    assert!(login().exchange().await.is_err());
    let allowed = login().allow_instance("Gateway.acme.example");
    assert!(allowed.exchange().await.is_ok());
    // This server is on loopback, and so may be its API.
    let local = Server::answering(answer("200 OK", &token("http://localhost:8080"))).await;
    assert!(
        Login::new(grant(&local, ORG), false)
            .exchange()
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn an_answer_without_an_instance_is_other_servers_way() {
    let server = Server::answering(answer(
        "200 OK",
        "{\"access_token\":\"a\",\"expires_in\":60}",
    ))
    .await;
    let token = Login::new(grant(&server, ORG), false)
        .exchange()
        .await
        .unwrap();
    assert_eq!(token.lifetime(), Some(Duration::from_secs(60)));
    assert_eq!(Identity::of(&token), None);
}

#[tokio::test]
async fn transient_refusals_are_tried_again_by_a_token_source_alone() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server =
        Server::replying(
            move |_| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 => refusal("unknown_error", "retry your request"),
                1 => answer("503 Service Unavailable", "<html>Data Not Available</html>"),
                _ => answer("200 OK", &token(ORG)),
            },
        )
        .await;
    let login = Login::new(grant(&server, ORG), false);
    let source = TokenSource::builder(login)
        .retry(4, Duration::from_millis(1))
        .build();
    source.token().await.unwrap();
    assert_eq!(server.requests().len(), 3);
    let ids: std::collections::BTreeSet<_> = server.requests().into_iter().collect();
    assert_eq!(ids.len(), 3, "each try has its own assertion");
}

#[tokio::test]
async fn a_login_url_that_is_none_is_refused_at_once() {
    for wrong in ["acme", "", "ftp://acme.my.salesforce.com"] {
        let error = Login::at(wrong, bound(), "3MVG9", "me").unwrap_err();
        assert_eq!(error.kind(), ExchangeErrorKind::Config);
        assert!(
            error
                .hint()
                .unwrap()
                .contains("https://MyDomain.my.salesforce.com")
        );
    }
    let login = Login::at(SANDBOX, bound(), "3MVG9", "me").unwrap();
    assert_eq!(login.grant().audience(), SANDBOX);
    let endpoint = format!("{SANDBOX}/services/oauth2/token");
    assert_eq!(login.grant().token_endpoint(), endpoint);
}

async fn login_error(server: &Server) -> ExchangeError {
    let login = Login::new(grant(server, ORG), false);
    login.exchange().await.unwrap_err()
}
