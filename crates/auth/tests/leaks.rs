//! No assertion, token or secret stands in a log, an error or a `Debug`.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/key.rs"]
mod key;
#[path = "../../http/tests/support/mod.rs"]
mod support;

use std::{
    error::Error,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use key::TestKey;
use keybearer_auth::{Client, ClientAuth, ExchangeError, JwtBearer, TokenSource};
use keybearer_core::{Network, Secret};
use support::{Server, closed_port};
use tracing_subscriber::{fmt, fmt::MakeWriter, util::SubscriberInitExt};

const TOKEN: &str = "00Dxx!the-access-token";
const SECRET: &str = "the-client-secret";
const PROXY_PASSWORD: &str = "the-proxy-password";

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Sink;

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_secret_is_told_anywhere() {
    fmt::Subscriber::builder()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(Sink)
        .finish()
        .init();
    let mut told = String::new();
    let mut secrets = vec![TOKEN.to_owned(), SECRET.into(), PROXY_PASSWORD.into()];

    for auth in [
        ClientAuth::None,
        ClientAuth::SecretBasic(SECRET.into()),
        ClientAuth::SecretPost(SECRET.into()),
        ClientAuth::PrivateKeyJwt,
    ] {
        told += &format!("{auth:?}\n");
        let token = format!("{{\"access_token\":\"{TOKEN}\",\"refresh_token\":\"{SECRET}\"}}");
        for (status, body) in [
            ("200 OK", token.as_str()),
            // What is cut off, and an error that repeats what it was sent.
            ("200 OK", &token[..30]),
            ("400 Bad Request", "ECHO"),
            ("500 Internal Server Error", "ECHO"),
            ("200 OK", "<html>ECHO</html>"),
            (
                "302 Found\r\nlocation: https://a.example/?token=the-access-token",
                "",
            ),
        ] {
            let server = server(status, body).await;
            let grant = grant(server.url(), &Network::default(), auth.clone());
            told += &format!("{grant:?}\n");
            match grant.exchange().await {
                Ok(token) => {
                    let access = token.access_token();
                    told += &format!("{token:?} {access:?} {:?}\n", access.authorization());
                }
                Err(error) => told += &all(&error),
            }
            secrets.extend(server.requests().iter().flat_map(|request| parts(request)));
        }
    }

    let assertion = grant(
        "https://a.example".into(),
        &Network::default(),
        ClientAuth::None,
    )
    .assertion()
    .await
    .unwrap();
    told += &format!("{assertion:?}\n");
    secrets.push(assertion.expose().to_owned());

    let mut network = Network::default();
    let proxy = format!("http://me:{PROXY_PASSWORD}@{}", closed_port().await);
    network.proxy = Some(Secret::from(proxy));
    for url in ["http://a.invalid/", "https://a.invalid/"] {
        let grant = grant(url.into(), &network, ClientAuth::SecretPost(SECRET.into()));
        told += &format!("{grant:?}\n");
        told += &all(&grant.exchange().await.unwrap_err());
    }

    let server = server("200 OK", &format!("{{\"access_token\":\"{TOKEN}\"}}")).await;
    let source = TokenSource::new(grant(server.url(), &Network::default(), ClientAuth::None));
    let token = source.token().await.unwrap();
    told += &format!("{source:?} {token:?} {:?}\n", source.cached().unwrap());

    let log = String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned();
    // The log is there, that of the HTTP library too: the test would see a leak.
    assert!(log.contains("sending a request"), "{log}");
    assert!(
        log.contains("hyper_util") || log.contains("reqwest"),
        "{log}"
    );
    assert!(secrets.len() > 40);
    for secret in &secrets {
        for (place, text) in [("errors and Debug", &told), ("log", &log)] {
            assert!(
                !text.contains(secret.as_str()),
                "{secret} is in {place}: {text}"
            );
        }
    }
}

/// Answers with this body; `ECHO` in it is an OAuth error that repeats all that was sent.
async fn server(status: &str, body: &str) -> Server {
    let (status, body) = (status.to_owned(), body.to_owned());
    Server::replying(move |request| {
        let repeated = parts(request).join(" and ");
        let echo = format!("{{\"error\":\"x\",\"error_description\":\"{repeated}\"}}");
        let body = body.replace("ECHO", &echo);
        format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    })
    .await
}

/// What is secret in a request: the assertions, their signatures, and the header with the client's secret.
fn parts(request: &str) -> Vec<String> {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or_default();
    let basic = head
        .lines()
        .filter_map(|line| line.strip_prefix("authorization: Basic "));
    let assertions = body
        .split('&')
        .filter_map(|pair| pair.split_once("assertion="))
        .flat_map(|(_, jwt)| [Some(jwt), jwt.rsplit('.').next()]);
    basic
        .chain(assertions.flatten())
        .map(str::to_owned)
        .collect()
}

fn grant(url: String, network: &Network, auth: ClientAuth) -> JwtBearer {
    let client = Client::new(network, Duration::from_secs(20));
    JwtBearer::builder(TestKey::new().bound, Arc::new(client), url)
        .issuer("client")
        .client_auth(auth)
        .build()
}

fn all(error: &ExchangeError) -> String {
    let mut told = format!("{error:?}\n{error}\n{:?}\n", error.hint());
    let mut source = error.source();
    while let Some(cause) = source {
        told += &format!("{cause:?}\n{cause}\n");
        source = cause.source();
    }
    told
}
