//! Requests that go through a proxy.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;
#[path = "support/tls.rs"]
mod tls;

use keybearer_core::{Network, Secret};
use keybearer_http::{HttpError, HttpErrorKind, Request, Response};
use support::{Server, client, closed_port, data, told};
use tokio::{
    io::{AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};

const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn plain_requests_go_to_the_proxy_with_its_password() {
    let proxy = Server::answering(EMPTY).await;
    let through = format!("http://me:s3cret@{}", proxy.address);
    let answer = get("http://org.invalid/token?a=b", &through).await.unwrap();
    assert_eq!(answer.status(), 200);
    let request = proxy.requests().remove(0);
    assert!(
        request.starts_with("GET http://org.invalid/token?a=b HTTP/1.1\r\n"),
        "{request}"
    );
    // base64 of me:s3cret
    assert!(
        request.contains("proxy-authorization: Basic bWU6czNjcmV0\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn https_goes_through_a_tunnel_that_sees_nothing() {
    let server = tls::serve("server").await;
    let proxy = Server::start(move |mut stream| async move {
        let mut server = TcpStream::connect(server).await.unwrap();
        let established = b"HTTP/1.1 200 Connection established\r\n\r\n";
        stream.write_all(established).await.unwrap();
        // Either side may hang up first.
        let _ = copy_bidirectional(&mut stream, &mut server).await;
    })
    .await;
    let through = format!("http://me:s3cret@{}", proxy.address);
    let answer = get("https://localhost:8443/token?a=b", &through)
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let request = proxy.requests().remove(0);
    assert!(
        request.starts_with("CONNECT localhost:8443 HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request
            .to_lowercase()
            .contains("proxy-authorization: basic "),
        "{request}"
    );
    assert!(!request.contains("token"), "{request}");
}

#[tokio::test]
async fn a_proxy_that_speaks_tls_is_reached_by_it() {
    let proxy = tls::serve("server").await;
    let through = format!("https://localhost:{}", proxy.port());
    let answer = get("http://org.invalid/", &through).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn what_a_proxy_refuses_is_told_as_the_proxys() {
    let wants = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    let forbids = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    let cases = [
        (
            "http://org.invalid/",
            wants,
            "wants a user and a password",
            "user:password@",
        ),
        (
            "https://org.invalid/",
            wants,
            "wants a user and a password",
            "user:password@",
        ),
        (
            "https://org.invalid/",
            forbids,
            "makes no connection to org.invalid",
            "NO_PROXY",
        ),
        (
            "https://org.invalid/",
            "",
            "makes no connection to org.invalid",
            "NO_PROXY",
        ),
    ];
    for (url, answer, said, cure) in cases {
        let proxy = Server::answering(answer).await;
        let through = format!("http://me:s3cret@{}", proxy.address);
        let error = get(url, &through).await.unwrap_err();
        assert_eq!(
            error.kind(),
            HttpErrorKind::Proxy,
            "{url} {answer}: {error:?}"
        );
        assert!(!error.is_transient());
        let told = told(&error);
        for part in [said, cure, &format!("the proxy {}", proxy.address)] {
            assert!(told.contains(part), "{url} {answer}: {told}");
        }
        assert!(!format!("{told} {error:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let address = closed_port().await;
    for url in ["http://org.invalid/", "https://org.invalid/"] {
        let error = get(url, &format!("http://{address}")).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Connect, "{error:?}");
        assert!(error.is_transient());
        let told = told(&error);
        assert!(
            told.contains(&format!("the proxy {address} refused")),
            "{told}"
        );
        assert!(told.contains("HTTPS_PROXY"), "{told}");
    }
    let error = get("https://org.invalid/", "http://no-such-proxy.invalid:3128")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Resolve);
    assert!(
        told(&error).contains("no-such-proxy.invalid:3128"),
        "{error}"
    );
}

#[tokio::test]
async fn a_proxy_that_is_no_url_is_refused_before_anything_is_sent() {
    let server = Server::answering(EMPTY).await;
    for wrong in ["socks5://me:s3cret@127.0.0.1:1", ""] {
        let error = get(&server.url(), wrong).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Config);
        assert!(told(&error).contains("http://[user:password@]host:port"));
        assert!(!format!("{error:?}").contains("s3cret"));
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_client_that_goes_past_every_proxy_takes_none() {
    let server = Server::answering(EMPTY).await;
    let proxy = Server::answering("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await;
    let mut network = Network::default();
    network.proxy = Some(proxy.url().into());
    let client = client(&network).without_proxy();
    let request = Request::get(&server.url()).unwrap();
    assert_eq!(client.send(request).await.unwrap().status(), 200);
    assert_eq!(proxy.requests(), Vec::<String>::new());
}

async fn get(url: &str, proxy: &str) -> Result<Response, HttpError> {
    let mut network = Network::default();
    network.proxy = Some(Secret::from(proxy));
    network.ca_certificate = Some(data("ca.pem"));
    let client = client(&network);
    assert!(!format!("{client:?}").contains("s3cret"));
    client.send(Request::get(url).unwrap()).await
}
