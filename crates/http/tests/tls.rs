//! TLS servers, in order and not.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;
#[path = "support/tls.rs"]
mod tls;

use std::{fs, path::PathBuf};

use keybearer_core::Network;
use keybearer_http::{HttpError, HttpErrorKind, Request, Response};
use support::{Server, client, data, told};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

#[tokio::test]
async fn a_ca_of_ones_own_is_trusted() {
    let address = tls::serve("server").await;
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}/", address.port());
        let answer = get(&url, Some(data("ca.pem"))).await.unwrap();
        assert_eq!((answer.status(), answer.body()), (200, &b"{}"[..]));
    }
}

#[tokio::test]
async fn each_fault_of_a_certificate_is_told_with_its_cure() {
    let ca = Some(data("ca.pem"));
    let cases = [
        ("server", None, "is not trusted here", "--ca-certificate"),
        ("expired", ca.clone(), "has expired", "clock"),
        ("other", ca, "is for other names", "check the URL's host"),
    ];
    for (name, ca, said, cure) in cases {
        let address = tls::serve(name).await;
        let host = format!("localhost:{}", address.port());
        let error = get(&format!("https://{host}/"), ca).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Tls, "{name}: {error:?}");
        assert!(!error.is_transient(), "{name}");
        let told = told(&error);
        for part in [said, cure, &host] {
            assert!(told.contains(part), "{name}: {told}");
        }
    }
}

#[tokio::test]
async fn https_at_a_port_of_plain_http_is_told_as_that() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        std::future::pending::<()>().await;
    });
    let error = get(&format!("https://{address}/"), Some(data("ca.pem")))
        .await
        .unwrap_err();
    let told = told(&error);
    let said = format!("{address} does not speak TLS");
    assert!(told.contains(&said), "{told}");
    assert_eq!(error.kind(), HttpErrorKind::Broken);
}

#[tokio::test]
async fn a_server_that_hangs_up_in_the_handshake_may_be_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // All that was sent is read: what is left unread would reset the connection.
        let mut hello = [0; 16384];
        assert!(stream.read(&mut hello).await.unwrap() > 0);
    });
    let error = get(&format!("https://{address}/"), Some(data("ca.pem")))
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let said = format!("{address} closed the connection before TLS");
    assert!(told(&error).contains(&said), "{error}");
}

#[tokio::test]
async fn a_file_that_holds_no_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roots.pem");
    let missing = folder.path().join("missing.pem");
    for text in [
        "",
        "hello",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    ] {
        fs::write(&path, text).unwrap();
        for path in [&path, &missing] {
            let sent = get("https://127.0.0.1:1/", Some(path.clone())).await;
            let error = sent.unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::Config);
            assert!(
                told(&error).contains(&path.display().to_string()),
                "{error}"
            );
            assert!(told(&error).contains("PEM"));
        }
    }
}

#[tokio::test]
async fn plain_http_reads_no_file_of_roots() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let answer = get(&server.url(), Some("/no/such/file".into())).await;
    assert_eq!(answer.unwrap().status(), 200);
}

async fn get(url: &str, ca: Option<PathBuf>) -> Result<Response, HttpError> {
    let mut network = Network::default();
    network.ca_certificate = ca;
    client(&network).send(Request::get(url).unwrap()).await
}
