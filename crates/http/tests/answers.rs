//! What servers do to a request, on real sockets.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::time::{Duration, Instant};

use keybearer_core::Network;
use keybearer_http::{Client, HttpErrorKind, Request};
use support::{Server, closed_port, get, told};
use tokio::io::AsyncWriteExt;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

#[tokio::test]
async fn an_answer_arrives_whole_and_a_form_goes_out() {
    let server = Server::answering(format!("{OK}content-length: 7\r\n\r\n{{\"a\":1}}")).await;
    let request = Request::post_form(&server.url(), [("a b", "c&d")]).unwrap();
    let answer = support::client(&Network::default())
        .send(request.header("accept", "application/json".into()))
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.body(), b"{\"a\":1}");
    assert_eq!(answer.media_type().as_deref(), Some("application/json"));
    let request = server.requests().remove(0);
    assert!(request.starts_with("POST /token HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"));
    assert!(request.contains("accept: application/json\r\n"));
    assert!(request.contains("user-agent: keybearer/"));
    assert!(request.ends_with("\r\n\r\na+b=c%26d"), "{request}");
}

#[tokio::test]
async fn chunks_are_put_together() {
    let chunks = "3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
    let server = Server::answering(format!("{OK}transfer-encoding: chunked\r\n\r\n{chunks}")).await;
    assert_eq!(get(&server.url()).await.unwrap().body(), b"{\"a\":1}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let trap = Server::answering(format!("{OK}content-length: 2\r\n\r\n{{}}")).await;
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let head = format!(
            "HTTP/1.1 {status}\r\nlocation: {}?a=b\r\ncontent-length: 0\r\n\r\n",
            trap.url()
        );
        let server = Server::answering(head).await;
        let request = Request::post_form(&server.url(), [("assertion", "x")]).unwrap();
        let answer = support::client(&Network::default())
            .send(request)
            .await
            .unwrap();
        assert_eq!(answer.status().to_string(), status[..3]);
        assert_eq!(answer.location_host(), Some(trap.address.to_string()));
    }
    assert_eq!(trap.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refused_connection_names_the_host() {
    let address = closed_port().await;
    let error = get(&format!("http://{address}/")).await.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Connect);
    assert!(error.is_transient());
    assert_eq!(error.host(), address.to_string());
    let told = told(&error);
    assert!(
        told.contains(&format!("{address} refused the connection")),
        "{told}"
    );
    assert!(told.contains("check the host and its port"), "{told}");
}

#[tokio::test]
async fn a_name_without_an_address_is_told_as_that() {
    let error = get("http://no-such-org.invalid/").await.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Resolve);
    assert!(error.is_transient());
    let told = told(&error);
    assert!(
        told.contains("no-such-org.invalid has no address"),
        "{told}"
    );
    assert!(told.contains("My Domain"), "{told}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_in_time() {
    let silent = Server::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    // Headers, and then a body that never ends its last line.
    let slow = Server::start(|mut stream| async move {
        let head = format!("{OK}content-length: 100\r\n\r\n{{");
        stream.write_all(head.as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    for server in [silent, slow] {
        let client = Client::new(&Network::default(), Duration::from_millis(300));
        let started = Instant::now();
        let sent = client.send(Request::get(&server.url()).unwrap()).await;
        let error = sent.unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_eq!(error.kind(), HttpErrorKind::Timeout);
        assert!(error.is_transient());
        let told = told(&error);
        let said = format!("{} did not answer within 0.3 s", server.address);
        assert!(told.contains(&said), "{told}");
        assert!(told.contains("--timeout"), "{told}");
    }
}

#[tokio::test]
async fn a_connection_that_is_never_made_has_its_own_limit() {
    // A listener whose queue is full drops what else comes, as a firewall does.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _first = tokio::net::TcpStream::connect(address).await.unwrap();
    for _ in 0..3 {
        tokio::spawn(tokio::net::TcpStream::connect(address));
    }
    tokio::task::yield_now().await;
    let mut network = Network::default();
    network.connect_timeout = Some(Duration::from_millis(400));
    let sent = support::client(&network)
        .send(Request::get(&format!("http://{address}/")).unwrap())
        .await;
    let error = sent.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Timeout);
    let told = told(&error);
    let said = format!("{address} could not be connected to within 0.4 s");
    assert!(told.contains(&said), "{told}");
}

#[tokio::test]
async fn broken_answers_are_told_by_what_broke() {
    let big = "x".repeat(100);
    let cases = [
        (String::new(), "closed the connection without an answer"),
        (
            "HTTP/1.1 200 O".into(),
            "closed the connection without an answer",
        ),
        (format!("{OK}content-length: 100\r\n\r\n{{"), "broke off"),
        (
            format!("{OK}transfer-encoding: chunked\r\n\r\n5\r\n{{"),
            "broke off",
        ),
        (
            format!("{OK}transfer-encoding: chunked\r\n\r\nzz\r\n{big}"),
            "broke off",
        ),
        ("SSH-2.0-OpenSSH_9.6\r\n".into(), "is not HTTP"),
        (
            "\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\u{28}".into(),
            "is not HTTP",
        ),
    ];
    for (answer, said) in cases {
        let server = Server::answering(answer.clone()).await;
        let error = get(&server.url()).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Broken, "{answer:?}: {error:?}");
        assert!(error.is_transient());
        let told = told(&error);
        assert!(told.contains(said), "{answer:?}: {told}");
        assert!(told.contains(&server.address.to_string()), "{told}");
    }
}

#[tokio::test]
async fn an_endless_answer_ends_at_the_limit() {
    let length = format!("{OK}content-length: 1048577\r\n\r\n");
    let chunked = format!("{OK}transfer-encoding: chunked\r\n\r\n");
    let until_closed = format!("{OK}connection: close\r\n\r\n");
    for head in [length, chunked, until_closed] {
        let is_chunked = head.contains("chunked");
        let server = Server::start(move |mut stream| {
            let head = head.clone();
            async move {
                stream.write_all(head.as_bytes()).await.unwrap();
                let mut block = vec![b' '; 0x8000];
                if is_chunked {
                    block.splice(..0, *b"8000\r\n");
                    block.extend(b"\r\n");
                }
                while stream.write_all(&block).await.is_ok() {}
            }
        })
        .await;
        let error = get(&server.url()).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::TooLarge);
        assert!(!error.is_transient());
        assert!(told(&error).contains("more than 1048576 bytes"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_of_exactly_the_limit_is_taken() {
    let server = Server::answering(format!("{OK}content-length: 8\r\n\r\n{{\"a\":12}}")).await;
    let ask = |bytes| {
        let client = support::client(&Network::default()).with_max_body(bytes);
        let request = Request::get(&server.url()).unwrap();
        async move { client.send(request).await }
    };
    assert_eq!(ask(8).await.unwrap().body().len(), 8);
    assert_eq!(ask(7).await.unwrap_err().kind(), HttpErrorKind::TooLarge);
}

#[tokio::test]
async fn an_endless_header_ends_too() {
    let server = Server::start(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await.unwrap();
        while stream.write_all(&[b'a'; 0x4000]).await.is_ok() {}
    })
    .await;
    let error = get(&server.url()).await.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::TooLarge, "{}", told(&error));
}

#[tokio::test]
async fn a_header_with_a_line_break_is_not_sent() {
    let server = Server::answering(format!("{OK}content-length: 0\r\n\r\n")).await;
    let request = Request::get(&server.url())
        .unwrap()
        .header("authorization", "Bearer hunter2\r\nx: y".into());
    let sent = support::client(&Network::default()).send(request).await;
    let error = sent.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Config);
    assert!(!format!("{error:?}").contains("hunter2"));
    assert_eq!(server.requests(), Vec::<String>::new());
}
