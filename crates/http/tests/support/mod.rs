//! Servers on loopback that do as a test says, and what asks them.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

use std::{
    error::Error,
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use keybearer_core::Network;
use keybearer_http::{Client, HttpError, Request, Response};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A server that takes connections until its test ends.
pub struct Server {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Reads each connection's first request and hands the connection to `then`.
    pub async fn start<F, W>(then: F) -> Self
    where
        F: Fn(TcpStream) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        Self::start_with(move |stream, _| then(stream)).await
    }

    /// Answers each first request with what `reply` makes of it, and closes.
    pub async fn replying(reply: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::start_with(move |mut stream, request| {
            let answer = reply(&request);
            async move {
                // The client may have gone before the end: that is its affair.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        })
        .await
    }

    async fn start_with<F, W>(then: F) -> Self
    where
        F: Fn(TcpStream, String) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let then = Arc::new(then);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (then, seen) = (then.clone(), seen.clone());
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    seen.lock().unwrap().push(request.clone());
                    then(stream, request).await;
                });
            }
        });
        Self { address, heads }
    }

    /// Answers each first request with these bytes, and closes.
    pub async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(move |mut stream| {
            let answer = answer.clone();
            async move {
                // The client may have gone before the end: that is its affair.
                let _ = stream.write_all(&answer).await;
            }
        })
        .await
    }

    pub fn url(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// The requests that came, heads and bodies.
    pub fn requests(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// A request up to the end of its body, where `content-length` tells it.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let wanted: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
            if body.len() >= wanted {
                return text.into_owned();
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await {
            Ok(0) | Err(_) => return String::from_utf8_lossy(&bytes).into_owned(),
            Ok(count) => bytes.extend_from_slice(&more[..count]),
        }
    }
}

/// A port at which nothing listens.
pub async fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../http/tests/data")
        .join(name)
}

pub fn client(network: &Network) -> Client {
    Client::new(network, Duration::from_secs(20))
}

pub async fn get(url: &str) -> Result<Response, HttpError> {
    client(&Network::default())
        .send(Request::get(url).unwrap())
        .await
}

/// All that an error says.
pub fn told(error: &HttpError) -> String {
    let mut text = format!("{error}\n");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!("{cause}\n"));
        source = cause.source();
    }
    text + error.hint().unwrap_or_default()
}
