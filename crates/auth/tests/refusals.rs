//! What a server answers that is no token, and how it is told.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/key.rs"]
mod key;
#[path = "../../http/tests/support/mod.rs"]
mod support;

use std::{sync::Arc, time::Duration};

use ExchangeErrorKind::{Network as Net, OAuth, Throttled};
use key::TestKey;
use keybearer_auth::{Client, ExchangeError, ExchangeErrorKind, JwtBearer, Token};
use keybearer_core::Network;
use support::{Server, closed_port};

async fn ask(answer: &str) -> (Result<Token, ExchangeError>, Server) {
    let server = Server::answering(answer).await;
    let client = Client::new(&Network::default(), Duration::from_secs(20));
    let grant = JwtBearer::builder(TestKey::new().bound, Arc::new(client), server.url());
    let outcome = grant
        .issuer("client")
        .subject("user")
        .build()
        .exchange()
        .await;
    (outcome, server)
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn each_answer_has_its_kind_its_words_and_whether_another_try_is_worth_it() {
    let json = "application/json;charset=UTF-8";
    let html = "text/html";
    let page = "<html><body>Down for maintenance</body></html>";
    let grant =
        r#"{"error":"invalid_grant","error_description":"user hasn't approved this consumer"}"#;
    let cases = [
        (
            "400 Bad Request",
            json,
            grant,
            OAuth,
            false,
            "refused the assertion (invalid_grant: user hasn't approved this consumer)",
        ),
        (
            "401 Unauthorized",
            json,
            r#"{"error":"invalid_client"}"#,
            OAuth,
            false,
            "(invalid_client)",
        ),
        (
            "400 Bad Request",
            json,
            r#"{"error":"unknown_error","error_description":"retry your request"}"#,
            OAuth,
            true,
            "retry your request",
        ),
        (
            "400 Bad Request",
            json,
            r#"{"error":"temporarily_unavailable"}"#,
            OAuth,
            true,
            "temporarily_unavailable",
        ),
        ("403 Forbidden", json, "{}", OAuth, false, "(status 403)"),
        (
            "400 Bad Request",
            "text/plain",
            "Bad_OAuth_Token",
            OAuth,
            false,
            "(status 400)",
        ),
        (
            "400 Bad Request",
            json,
            "\u{1b}[2J{",
            OAuth,
            false,
            "(status 400)",
        ),
        (
            "400 Bad Request",
            json,
            "{\"error\":\"a\\u001b[2Jb\"}",
            OAuth,
            false,
            "(a [2Jb)",
        ),
        (
            "200 OK",
            json,
            r#"{"error":"invalid_scope"}"#,
            OAuth,
            false,
            "(invalid_scope)",
        ),
        (
            "429 Too Many Requests",
            html,
            page,
            Throttled,
            true,
            "asks for slower requests",
        ),
        (
            "200 OK",
            html,
            page,
            Net,
            true,
            "answered with a web page (status 200)",
        ),
        (
            "200 OK",
            json,
            page,
            Net,
            true,
            "answered with a web page (status 200)",
        ),
        (
            "503 Service Unavailable",
            html,
            page,
            Net,
            true,
            "answered with a web page (status 503)",
        ),
        (
            "404 Not Found",
            html,
            page,
            Net,
            false,
            "answered with a web page (status 404)",
        ),
        (
            "407 Proxy Authentication Required",
            html,
            page,
            Net,
            false,
            "answered with a web page (status 407)",
        ),
        (
            "503 Service Unavailable",
            json,
            r#"{"error":"system_down"}"#,
            Net,
            true,
            "failed with status 503 (system_down)",
        ),
        (
            "500 Internal Server Error",
            json,
            "",
            Net,
            true,
            "failed with status 500",
        ),
        ("408 Request Timeout", json, "", Net, true, "status 408"),
        ("200 OK", json, "", Net, false, "it is not a JSON object"),
        ("200 OK", json, "[]", Net, false, "it is not a JSON object"),
        (
            "200 OK",
            json,
            "{\"access_token\":\"abc",
            Net,
            false,
            "it is not a JSON object",
        ),
        ("200 OK", json, "{}", Net, false, "it has no access_token"),
        (
            "200 OK",
            json,
            r#"{"access_token":""}"#,
            Net,
            false,
            "it has no access_token",
        ),
        (
            "200 OK",
            json,
            r#"{"access_token":7}"#,
            Net,
            false,
            "it has no access_token",
        ),
        (
            "200 OK",
            json,
            r#"{"access_token":"a\r\nb: c"}"#,
            Net,
            false,
            "cannot stand in a header",
        ),
        (
            "200 OK",
            json,
            r#"{"access_token":"a","token_type":"DPoP"}"#,
            Net,
            false,
            "token_type is not Bearer",
        ),
        (
            "204 No Content",
            json,
            "",
            Net,
            false,
            "it is not a JSON object",
        ),
    ];
    for (status, kind, body, expected, transient, said) in cases {
        let (outcome, server) = ask(&answer(status, kind, body)).await;
        let error = outcome.unwrap_err();
        let context = format!("{status} {body}: {error:?}");
        assert_eq!(error.kind(), expected, "{context}");
        assert_eq!(error.is_transient(), transient, "{context}");
        let told = error.to_string();
        assert!(told.contains(said), "{context}");
        assert!(told.contains(&server.address.to_string()), "{context}");
        assert!(
            !told.contains("maintenance") && !told.contains('\u{1b}'),
            "{context}"
        );
        assert_eq!(server.requests().len(), 1, "{context}");
    }
}

#[tokio::test]
async fn a_refusal_keeps_the_servers_words_and_status() {
    let body = r#"{"error":"invalid_grant","error_description":"audience is invalid","more":1}"#;
    let (outcome, _) = ask(&answer("400 Bad Request", "application/json", body)).await;
    let error = outcome.unwrap_err();
    let oauth = error.oauth().unwrap();
    assert_eq!(oauth.error.as_deref(), Some("invalid_grant"));
    assert_eq!(
        oauth.error_description.as_deref(),
        Some("audience is invalid")
    );
    assert_eq!(oauth.status, 400);
    let long = format!("{{\"error\":\"{}\"}}", "x".repeat(10_000));
    let (outcome, _) = ask(&answer("400 Bad Request", "application/json", &long)).await;
    assert!(outcome.unwrap_err().to_string().len() < 700);
}

#[tokio::test]
async fn a_redirect_is_told_with_its_host_alone() {
    for (place, said) in [
        (
            "https://acme.my.salesforce.com/services/oauth2/token?a=secret",
            "redirects to the host acme.my.salesforce.com (status 302)",
        ),
        ("/secret", "redirects to another place (status 302)"),
    ] {
        let (outcome, _) = ask(&format!(
            "HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.is_transient()), (Net, false));
        assert!(error.to_string().contains(said), "{error}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn what_the_server_asks_to_wait_is_kept() {
    for head in [
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 17\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 17\r\n",
        "HTTP/1.1 503 Service Unavailable\r\ndate: Sun, 06 Nov 1994 08:49:20 GMT\r\n\
         retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        "HTTP/1.1 400 Bad Request\r\nretry-after: 17\r\n",
    ] {
        let (outcome, _) = ask(&format!("{head}content-length: 0\r\n\r\n")).await;
        let asked = outcome.unwrap_err().retry_after();
        assert_eq!(asked, Some(Duration::from_secs(17)), "{head}");
    }
}

#[tokio::test]
async fn the_date_is_told_whatever_the_answer_was() {
    let head = "HTTP/1.1 400 Bad Request\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\n\r\n";
    let server = Server::answering(head).await;
    let client = Arc::new(Client::new(&Network::default(), Duration::from_secs(20)));
    let grant = JwtBearer::builder(TestKey::new().bound, client, server.url()).build();
    let (outcome, date) = grant.exchange_dated().await;
    assert!(outcome.is_err());
    assert_eq!(date.as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
}

#[tokio::test]
async fn no_server_is_a_failure_of_the_network_and_no_url_one_of_the_configuration() {
    let key = TestKey::new();
    let ask = |url: String| {
        let client = Client::new(&Network::default(), Duration::from_secs(20));
        let grant = JwtBearer::builder(key.bound.clone(), Arc::new(client), url).build();
        async move { grant.exchange().await.unwrap_err() }
    };
    let error = ask(format!("http://{}/token", closed_port().await)).await;
    assert_eq!((error.kind(), error.is_transient()), (Net, true));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("refused the connection"), "{cause}");
    assert!(error.hint().is_some());
    let error = ask("login.example".into()).await;
    assert_eq!(
        (error.kind(), error.is_transient()),
        (ExchangeErrorKind::Config, false)
    );
}

#[test]
fn lifetimes_are_read_as_servers_write_them() {
    let lifetime = |value: &str| {
        let json = format!("{{\"access_token\":\"a\",\"expires_in\":{value}}}");
        let token = Token::from_json(json.as_bytes(), std::time::SystemTime::UNIX_EPOCH);
        token.unwrap().expires_in().map(|life| life.as_secs())
    };
    assert_eq!(lifetime("3600"), Some(3600));
    assert_eq!(lifetime("3600.0"), Some(3600));
    assert_eq!(lifetime("\"3600\""), Some(3600));
    for strange in ["-1", "null", "\"soon\"", "[]", "1e300", "\"-5\"", "\"NaN\""] {
        assert_eq!(lifetime(strange), None, "{strange}");
    }
}
