//! A gate before the service, which can be told to throttle, to close, and to answer with a page.

use std::{
    io::{BufRead, BufReader, Read, Result, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    thread,
};

const THROTTLED: &str = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
const PAGE: &str = "<html><body>Log in to the network</body></html>";

pub(crate) struct Gate {
    url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_closed: AtomicBool,
    gives_page: AtomicBool,
    throttled: AtomicU32,
}

impl Gate {
    /// Before a service at `host:port`.
    pub(crate) fn before(service: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let (shared, service) = (state.clone(), service.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (state, service) = (shared.clone(), service.clone());
                thread::spawn(move || state.serve(client, &service));
            }
        });
        Self { url, state }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The next so many requests are throttled.
    pub(crate) fn throttle(&self, requests: u32) {
        self.state.throttled.store(requests, SeqCst);
    }

    /// Connections end without an answer.
    pub(crate) fn close(&self) {
        self.state.is_closed.store(true, SeqCst);
    }

    pub(crate) fn open(&self) {
        self.state.is_closed.store(false, SeqCst);
    }

    pub(crate) fn answer_with_a_page(&self) {
        self.state.gives_page.store(true, SeqCst);
    }
}

impl State {
    /// One request, and the connection is over: what the client keeps open cannot blur what the gate was told.
    fn serve(&self, client: TcpStream, service: &str) -> Result<()> {
        let request = request(&client)?;
        if self.is_closed.load(SeqCst) {
            return client.shutdown(Shutdown::Both);
        }
        let one_less = |left: u32| left.checked_sub(1);
        if self
            .throttled
            .fetch_update(SeqCst, SeqCst, one_less)
            .is_ok()
        {
            return answer(
                &client,
                "400 Bad Request",
                "application/x-amz-json-1.1",
                THROTTLED,
            );
        }
        if self.gives_page.load(SeqCst) {
            return answer(&client, "200 OK", "text/html", PAGE);
        }
        let mut server = TcpStream::connect(service)?;
        server.write_all(&request)?;
        let mut said = Vec::new();
        server.read_to_end(&mut said)?;
        (&client).write_all(&said)
    }
}

/// The request as it came, but that the connection is to be closed.
fn request(client: &TcpStream) -> Result<Vec<u8>> {
    let mut lines = BufReader::new(client);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        let name = line
            .split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if name == "content-length" {
            length = line
                .split(':')
                .nth(1)
                .and_then(|it| it.trim().parse().ok())
                .unwrap_or(0);
        }
        if name != "connection" {
            head.push_str(&line);
        }
    }
    head.push_str("connection: close\r\n\r\n");
    let mut body = vec![0; length];
    lines.read_exact(&mut body)?;
    Ok([head.into_bytes(), body].concat())
}

fn answer(mut client: &TcpStream, status: &str, kind: &str, body: &str) -> Result<()> {
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
