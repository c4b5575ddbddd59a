//! A server on a port of its own choice, which can be stopped and started again there.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, Uri, header},
    response::Response,
    serve::Listener,
};
use rustls::ServerConfig;
use serde_json::Value;
use tokio::{net::TcpStream, sync::oneshot};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What is served. Its state outlives a stop of the server.
pub trait Service: Send + Sync + 'static {
    fn answer(&self, asked: &Asked) -> Answer;
}

/// One request.
#[derive(Debug)]
pub struct Asked {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

pub struct Server<S> {
    pub service: Arc<S>,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    running: Option<oneshot::Sender<()>>,
    ended: Option<JoinHandle<()>>,
}

impl<S: Service> Server<S> {
    pub fn start(service: S) -> Self {
        Self::on(service, None)
    }

    pub fn start_tls(service: S, tls: ServerConfig) -> Self {
        Self::on(service, Some(Arc::new(tls)))
    }

    fn on(service: S, tls: Option<Arc<ServerConfig>>) -> Self {
        let mut server = Self {
            service: Arc::new(service),
            address: ([127, 0, 0, 1], 0).into(),
            tls,
            running: None,
            ended: None,
        };
        server.restart();
        server
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        match self.tls {
            Some(_) => format!("https://localhost:{}", self.address.port()),
            None => format!("http://{}", self.address),
        }
    }

    /// Every connection ends, as when the process does.
    pub fn stop(&mut self) {
        drop(self.running.take());
        if let Some(ended) = self.ended.take() {
            ended.join().unwrap();
        }
    }

    /// Again on the same port.
    pub fn restart(&mut self) {
        self.stop();
        let (ready, bound) = mpsc::channel();
        let (running, stop) = oneshot::channel::<()>();
        let (service, tls, address) = (self.service.clone(), self.tls.clone(), self.address);
        self.ended = Some(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind(address).await.unwrap();
                ready.send(listener.local_addr().unwrap()).unwrap();
                let app = Router::new().fallback(handle::<S>).with_state(service);
                let served = async {
                    match tls {
                        Some(tls) => axum::serve(Tls(listener, tls.into()), app).await,
                        None => axum::serve(listener, app).await,
                    }
                };
                tokio::select! {
                    served = served => served.unwrap(),
                    _ = stop => {}
                }
            });
            runtime.shutdown_background();
        }));
        self.address = bound.recv().unwrap();
        self.running = Some(running);
    }
}

impl<S> Drop for Server<S> {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(ended) = self.ended.take() {
            ended.join().unwrap();
        }
    }
}

impl<S> std::fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A port on which nothing listens.
pub fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

impl Asked {
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// A header's text, or the empty one.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Answer {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, body.to_string()).with("content-type", "application/json")
    }

    /// A login page, with status 200.
    pub fn html() -> Self {
        Self::text(200, "<!doctype html><p>Log in").with("content-type", "text/html")
    }

    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into().into_bytes(),
        }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn retry_after(self, seconds: Option<u64>) -> Self {
        match seconds {
            Some(seconds) => self.with(header::RETRY_AFTER.as_str(), seconds.to_string()),
            None => self,
        }
    }
}

async fn handle<S: Service>(State(service): State<Arc<S>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let asked = Asked {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body: to_bytes(body, 1 << 20).await.unwrap(),
    };
    let answer = service.answer(&asked);
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap()
}

/// A client that breaks off, or that does not trust the certificate, ends its own connection and no other.
struct Tls(tokio::net::TcpListener, TlsAcceptor);

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.0.accept().await else {
                continue;
            };
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}
