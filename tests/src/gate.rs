//! A gate before the service: a proxy that can be told to throttle, to close, to stay silent and to lie.

use std::{
    io::{BufRead, BufReader, Read, Result, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use keybearer_core::Certificate;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::{Scratch, tool};

const THROTTLED: &str = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;

#[derive(Debug)]
pub struct Gate {
    address: String,
    scheme: &'static str,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    is_closed: AtomicBool,
    throttled: AtomicU32,
    unanswered: AtomicU32,
    requests: AtomicU64,
    heads: Mutex<Vec<String>>,
    /// The type and the text of what is answered to all.
    answer: Mutex<Option<(&'static str, String)>>,
    /// What is replaced in the service's answers, by something as long.
    swapped: Mutex<Option<(String, String)>>,
}

impl Gate {
    /// Before a service at `host:port`.
    pub fn before(service: &str) -> Self {
        Self::new(service, "http", |client, state, service| {
            state.serve(client, service)
        })
    }

    /// The same over TLS, with a certificate of its own in the file that is given too.
    pub fn with_tls(service: &str, scratch: &Scratch) -> (Self, String) {
        let [key, der, certificate] =
            ["gate.key", "gate.der", "gate.crt"].map(|it| scratch.text(it));
        #[rustfmt::skip]
        tool("openssl", &[
            "req", "-x509", "-nodes", "-days", "30", "-newkey", "rsa:2048", "-subj", "/CN=gate", "-keyout", &key, "-out", &certificate,
            "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
        ]);
        #[rustfmt::skip]
        tool("openssl", &["pkcs8", "-topk8", "-nocrypt", "-in", &key, "-outform", "DER", "-out", &der]);
        let config = Arc::new(tls(Path::new(&certificate), Path::new(&der)));
        let gate = Self::new(service, "https", move |client, state, service| {
            let tls = ServerConnection::new(config.clone()).unwrap();
            state.serve(StreamOwned::new(tls, client), service)
        });
        (gate, certificate)
    }

    fn new(
        service: &str,
        scheme: &'static str,
        serve: impl Fn(TcpStream, &State, &str) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let (shared, service, serve) = (state.clone(), service.to_owned(), Arc::new(serve));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (state, service, serve) = (shared.clone(), service.clone(), serve.clone());
                thread::spawn(move || serve(client, &state, &service));
            }
        });
        Self {
            address,
            scheme,
            state,
        }
    }

    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// How many requests have come.
    pub fn counter(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let state = self.state.clone();
        move || state.requests.load(SeqCst)
    }

    /// The heads of all requests, as they came.
    pub fn heads(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clone()
    }

    /// The next so many requests are throttled, with word of when to come again.
    pub fn throttle(&self, requests: u32) {
        self.state.throttled.store(requests, SeqCst);
    }

    /// The next so many requests get no answer, and their connections stay open.
    pub fn ignore(&self, requests: u32) {
        self.state.unanswered.store(requests, SeqCst);
    }

    /// Connections end without an answer.
    pub fn close(&self) {
        self.state.is_closed.store(true, SeqCst);
    }

    pub fn open(&self) {
        self.state.is_closed.store(false, SeqCst);
    }

    /// This is answered to all, and the service is not asked.
    pub fn answer_with(&self, content_type: &'static str, text: impl Into<String>) {
        *self.state.answer.lock().unwrap() = Some((content_type, text.into()));
    }

    /// In the service's answers one text stands for another of the same length.
    pub fn swap(&self, text: &str, other: &str) {
        assert_eq!(text.len(), other.len());
        *self.state.swapped.lock().unwrap() = Some((text.into(), other.into()));
    }
}

impl State {
    /// One request, and the connection is over: what the client keeps open cannot blur what the gate was told.
    fn serve(&self, mut client: impl Read + Write, service: &str) -> Result<()> {
        let (head, body) = request(&mut client)?;
        self.requests.fetch_add(1, SeqCst);
        let forwarded = forwarded(&head);
        self.heads.lock().unwrap().push(head);
        if self.is_closed.load(SeqCst) {
            return Ok(());
        }
        if one_less(&self.unanswered) {
            // Until the client gives up.
            return client.read(&mut [0]).map(drop);
        }
        if one_less(&self.throttled) {
            let kind = "application/x-amz-json-1.1\r\nretry-after: 7";
            return answer(&mut client, "400 Bad Request", kind, THROTTLED);
        }
        let told = self.answer.lock().unwrap().clone();
        if let Some((kind, text)) = told {
            return answer(&mut client, "200 OK", kind, &text);
        }
        let mut server = TcpStream::connect(service)?;
        server.write_all(forwarded.as_bytes())?;
        server.write_all(&body)?;
        let mut said = Vec::new();
        server.read_to_end(&mut said)?;
        if let Some((text, other)) = self.swapped.lock().unwrap().as_ref() {
            said = String::from_utf8(said)
                .unwrap()
                .replace(text, other)
                .into_bytes();
        }
        client.write_all(&said)?;
        client.flush()
    }
}

fn one_less(left: &AtomicU32) -> bool {
    let less = |left: u32| left.checked_sub(1);
    left.fetch_update(SeqCst, SeqCst, less).is_ok()
}

/// A request's head and its body.
fn request(client: &mut impl Read) -> Result<(String, Vec<u8>)> {
    let mut lines = BufReader::new(client);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body)?;
    Ok((head, body))
}

/// The head as the service gets it: with the path alone, where the gate was asked as a proxy, and to be the connection's
/// last.
fn forwarded(head: &str) -> String {
    let mut lines = head.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    let mut told = match first.split_once(" http://") {
        Some((method, rest)) => {
            let path = rest.find(['/', ' ']).map_or("", |at| &rest[at..]);
            format!("{method} {path}")
        }
        None => first.to_owned(),
    };
    let of_connection = |line: &&str| {
        let name = line.to_ascii_lowercase();
        name.starts_with("connection:") || name.starts_with("proxy-")
    };
    told.extend(lines.filter(|line| !of_connection(line)));
    told + "connection: close\r\n\r\n"
}

fn answer(client: &mut impl Write, status: &str, kind: &str, body: &str) -> Result<()> {
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )?;
    client.flush()
}

fn tls(certificate: &Path, key: &Path) -> ServerConfig {
    let chain = Certificate::from_file(&std::fs::read(certificate).unwrap()).unwrap();
    let chain = chain
        .iter()
        .map(|it| CertificateDer::from(it.as_der().to_vec()))
        .collect();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(std::fs::read(key).unwrap()));
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}
