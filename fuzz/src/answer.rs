//! What a token endpoint answers: the whole HTTP response is made up, and goes through a real exchange.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    thread,
    time::Duration,
};

use keybearer_auth::{Client, JwtBearer};
use keybearer_core::{
    Algorithm, Bound, KeyId, KeyUri, Network, Result, Signature, Signer, async_trait,
};

/// What the server answers next.
static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

static GRANT: LazyLock<(JwtBearer, tokio::runtime::Runtime)> = LazyLock::new(|| {
    let endpoint = format!("http://{}/token", serve());
    let signer = Arc::new(Fixed(KeyId::new(&KeyUri::new("fixed", "key"))));
    let key = Bound::new(signer, Algorithm::Ed25519).expect("it has this algorithm");
    let client = Client::new(&Network::default(), Duration::from_secs(5));
    let grant = JwtBearer::builder(key, Arc::new(client), endpoint).issuer("fuzz");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    (grant.build(), runtime.expect("a runtime"))
});

pub(crate) fn run(bytes: &[u8]) {
    let (grant, runtime) = &*GRANT;
    *ANSWER.lock().unwrap_or_else(PoisonError::into_inner) = bytes.to_vec();
    match runtime.block_on(grant.exchange()) {
        Ok(token) => {
            let secret = token.access_token().expose();
            assert!(!secret.is_empty());
            let told = format!("{:?}", token.access_token());
            assert!(secret.len() < 8 || !told.contains(secret));
            let _ = (token.expires_in(), token.instance_url(), token.lifetime());
        }
        Err(error) => {
            let told = format!("{error} {error:?} {:?}", error.hint());
            assert!(!told.is_empty());
            let _ = (error.is_transient(), error.retry_after());
            // What a server says must not drive the terminal.
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
    }
}

/// Answers each connection once and closes it; the address.
fn serve() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that has gone away has seen enough.
            let _ = answer(stream);
        }
    });
    address
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut part)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            length => request.extend(&part[..length]),
        }
    }
    let bytes = ANSWER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    stream.write_all(&bytes)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| length.parse() == Ok(body.len()))
}

/// Signs nothing: the answer does not depend on it.
#[derive(Debug)]
struct Fixed(KeyId);

#[async_trait]
impl Signer for Fixed {
    fn id(&self) -> &KeyId {
        &self.0
    }

    fn algorithms(&self) -> &[Algorithm] {
        &[Algorithm::Ed25519]
    }

    async fn sign(&self, algorithm: Algorithm, _: &[u8]) -> Result<Signature> {
        Signature::from_jws(algorithm, [0; 64])
    }
}
