//! What a signature by a service costs beyond the service's own answer. A relay of bytes stands before the service and
//! notes when the question came and when the answer had gone back: what of the caller's time is not between the two is ours,
//! and the way to the relay.

use std::{
    any::Any,
    hint::black_box,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use keybearer::{Algorithm, KeyUri, Registry, Signer};
use keybearer_azurekv::AzureKv;
use keybearer_conformance::TestEnv;
use keybearer_fakes::{Kind, Server, azure, gcp, vault};
use keybearer_gcpkms::GcpKms;
use keybearer_tests::{Scratch, kms, python_with};
use keybearer_vault::Vault;

use crate::{Row, micros, middle, runtime};

const SIGNATURES: usize = 60;
const ROUNDS: usize = 5;
const MESSAGE: &[u8] = &[b'a'; 300];
const GOAL: Duration = Duration::from_millis(1);

/// A service and how its RS256 key is opened at another address, `host:port`.
struct Service {
    address: String,
    registry: Registry,
    env: TestEnv,
    uri: Box<dyn Fn(&str) -> KeyUri>,
    /// Ends with this.
    _running: Box<dyn Any>,
}

type Start = fn() -> Result<Service, String>;

const SERVICES: [(&str, Start); 4] = [
    ("vault (a double)", vault_double),
    ("gcpkms (a double)", gcp_double),
    ("azurekv (a double, over TLS)", azure_double),
    ("awskms (ministack)", ministack),
];

pub(crate) fn rows() -> Vec<Row> {
    let row = |(name, start): (&str, Start)| {
        let what = format!("RS256 by {name}, beyond the service's own answer, median");
        let goal = "under 1 ms";
        match start() {
            Err(why) => Row::new(&what, format!("SKIPPED: {why}"), goal, None),
            Ok(service) => {
                let (ours, theirs) = measured(&service);
                let measured = format!(
                    "{:.0} µs, and {:.0} µs its own",
                    micros(ours),
                    micros(theirs)
                );
                Row::new(&what, measured, goal, Some(ours < GOAL))
            }
        }
    };
    SERVICES.into_iter().map(row).collect()
}

fn vault_double() -> Result<Service, String> {
    let server = Server::start(vault::Vault::default());
    server.service.make("job", Kind::Rsa2048);
    Ok(Service {
        address: server.address().to_string(),
        registry: Registry::new().with(Vault),
        env: TestEnv::new().var("VAULT_TOKEN", vault::ROOT),
        uri: Box::new(|address| {
            KeyUri::literal("vault", "transit/keys/job")
                .with_attribute("address", format!("http://{address}"))
        }),
        _running: Box::new(server),
    })
}

fn gcp_double() -> Result<Service, String> {
    let (server, ready) = gcp::served();
    let version = ready["keys"]["RSA_SIGN_PKCS1_2048_SHA256"].as_str();
    let version = version.ok_or("no such key")?.to_owned();
    let credentials = ready["accounts"]["signer"].to_string();
    Ok(Service {
        address: server.address().to_string(),
        registry: Registry::new().with(GcpKms),
        env: TestEnv::new().var("CREDENTIALS", credentials),
        uri: Box::new(move |address| {
            KeyUri::literal("gcpkms", &version)
                .with_attribute("endpoint", format!("http://{address}"))
                .with_attribute("credentials-source", "env:CREDENTIALS")
        }),
        _running: Box::new(server),
    })
}

fn azure_double() -> Result<Service, String> {
    let (server, ready) = azure::served(azure::VAULT, None);
    let said = |json: &serde_json::Value| json.as_str().unwrap_or_default().to_owned();
    let scratch = Scratch::new();
    let ca = scratch.write("ca.pem", said(&ready["ca_pem"]));
    let kid = said(&ready["keys"]["Rsa2048"]);
    let env = TestEnv::new()
        .var("SSL_CERT_FILE", ca)
        .var("AZURE_AUTHORITY_HOST", server.url())
        .var("AZURE_TENANT_ID", said(&ready["tenant"]))
        .var("AZURE_CLIENT_ID", "signer")
        .var("AZURE_CLIENT_SECRET", said(&ready["secret"]));
    Ok(Service {
        address: server.address().to_string(),
        registry: Registry::new().with(AzureKv::new()),
        env,
        uri: Box::new(move |address| {
            KeyUri::literal("azurekv", &kid)
                .with_attribute("endpoint", format!("https://{address}"))
        }),
        _running: Box::new((server, scratch)),
    })
}

fn ministack() -> Result<Service, String> {
    python_with("ministack")?;
    let kms = kms::Kms::start();
    let arn = kms.arn("RSA_2048").to_owned();
    Ok(Service {
        address: kms.address().to_owned(),
        registry: kms.registry("signer"),
        env: TestEnv::new(),
        uri: Box::new(move |address| kms::at(&arn, &format!("http://{address}"))),
        _running: Box::new(kms),
    })
}

/// What is ours and what is the service's: the medians of the best round, since the machine's other work can only add.
fn measured(service: &Service) -> (Duration, Duration) {
    let relay = Relay::before(&service.address);
    let uri = (service.uri)(&relay.address.to_string());
    let runtime = runtime();
    let mut cx = service.env.context();
    // Where a program's own certificate is not one of the system's.
    let ca = cx.env.var("SSL_CERT_FILE");
    cx.network.ca_certificate = ca.and_then(|path| Some(path.expose_str()?.into()));
    let signer: Arc<dyn Signer> = runtime
        .block_on(service.registry.open(&uri, &cx))
        .expect("the service's key");
    let round = || {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..SIGNATURES {
            relay.forget();
            let began = Instant::now();
            let signed = runtime.block_on(signer.sign(Algorithm::Rs256, MESSAGE));
            let whole = began.elapsed();
            black_box(signed.expect("a signature"));
            let answer = relay.answer_took();
            ours.push(whole.saturating_sub(answer));
            theirs.push(answer);
        }
        (middle(ours), middle(theirs))
    };
    let rounds = (0..ROUNDS).map(|_| round());
    rounds.min().expect("a round")
}

/// Passes bytes on, whatever they are: a service over TLS can be measured as well.
struct Relay {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// Since it was last forgotten.
#[derive(Clone, Copy, Default)]
struct Seen {
    question: Option<Instant>,
    answer: Option<Instant>,
}

impl Relay {
    fn before(service: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its number");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (service, notes) = (service.to_owned(), seen.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(&service).expect("the service");
                for stream in [&client, &server] {
                    stream.set_nodelay(true).expect("an open connection");
                }
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let (questions, answers) = (notes.clone(), notes.clone());
                thread::spawn(move || {
                    pass_on(client, server, || {
                        let mut seen = questions.lock().unwrap();
                        seen.question = seen.question.or(Some(Instant::now()));
                    })
                });
                thread::spawn(move || {
                    pass_on(back.0, back.1, || {
                        answers.lock().unwrap().answer = Some(Instant::now());
                    })
                });
            }
        });
        Self { address, seen }
    }

    fn forget(&self) {
        *self.seen.lock().unwrap() = Seen::default();
    }

    /// From the question's first byte to the answer's last.
    fn answer_took(&self) -> Duration {
        let seen = *self.seen.lock().unwrap();
        seen.answer.expect("an answer") - seen.question.expect("a question")
    }
}

/// Noted before anything goes on: what comes of it is later than the note.
fn pass_on(mut from: TcpStream, mut to: TcpStream, note: impl Fn()) {
    let mut bytes = [0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        note();
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
