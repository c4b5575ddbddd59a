//! A key in a far place, after a script: slow, throttled, with a PIN, a limit, a role that may sign and not read; and,
//! where a test asks for it, broken in one way.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use keybearer_conformance::{TestEnv, UriSubject};
use keybearer_core::{
    Algorithm, Attribute, Certificate, EcCurve, Error, ErrorKind, KeyId, KeyType, KeyUri,
    OpenContext, Provider, PublicKey, Registry, Result, Secret, Signature, Signer, async_trait,
};
use keybearer_soft::{PrivateKey, SoftSigner};
use tokio::{sync::Semaphore, time::sleep};

pub(crate) const PIN: &str = "correct-horse";
pub(crate) const LIMIT: usize = 4_096;

/// One way in which a signer can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    AnswersWithAnotherAlgorithm,
    HandsOverDer,
    SignsTheBeginning,
    SignsWhateverIsAsked,
    AsksBeforeItRefuses,
    NamesAnAlgorithmTwice,
    ClaimsALongerLimit,
    TellsAnotherPublicKey,
    HasACertificateOfAnother,
    HasAnIdOfAnother,
    SignsOneAtATime,
    IsSpoiltByACallerWhoLeaves,
    BlocksTheExecutor,
    PanicsAtNothing,
    CallsAWrongPinMissing,
    TriesAWrongPinTwice,
    CallsAMissingKeyBroken,
    TakesTheFirstOfTwins,
    CallsAnOutageBroken,
    ShowsThePin,
    LogsTheMessage,
    ReadsTheProcessEnvironment,
}

/// How the far side behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    pub(crate) delay: Duration,
    /// Every so many requests, one is refused for a moment.
    pub(crate) throttles_every: Option<usize>,
    pub(crate) tells_public_key: bool,
    pub(crate) flaw: Option<Flaw>,
}

/// The far side: one key, few connections, and a count of what reaches it.
struct FarSide {
    script: Script,
    key: SoftSigner,
    other: PrivateKey,
    connections: Semaphore,
    requests: AtomicU64,
    attempts: AtomicU64,
    signs: AtomicUsize,
    at_once: AtomicUsize,
    spoilt: AtomicBool,
}

/// Opens `script:` keys.
#[derive(Clone)]
struct Scripted(Arc<FarSide>);

struct ScriptedSigner {
    far: Arc<FarSide>,
    id: KeyId,
    algorithms: Vec<Algorithm>,
    pin: Secret,
}

/// The subject of this script, complete with everything that the suite can ask for.
pub(crate) fn subject(script: Script) -> UriSubject {
    let p256 = KeyType::Ec(EcCurve::P256);
    let key = PrivateKey::generate(p256).unwrap();
    let public = key.public_key().clone();
    let far = Arc::new(FarSide {
        script,
        key: SoftSigner::new(&KeyUri::new("script", "key/1"), &key, &[]).unwrap(),
        other: PrivateKey::generate(p256).unwrap(),
        connections: Semaphore::new(8),
        requests: AtomicU64::new(0),
        attempts: AtomicU64::new(0),
        signs: AtomicUsize::new(0),
        at_once: AtomicUsize::new(0),
        spoilt: AtomicBool::new(false),
    });
    let uri =
        |locator: &str| KeyUri::new("script", locator).with_attribute("pin-source", "env:PIN");
    let (requests, attempts) = (far.clone(), far.clone());
    let env = TestEnv::new()
        .var("PIN", PIN)
        .var("WRONG", "battery-staple");
    UriSubject::new(Registry::new().with(Scripted(far)), uri("key/1"), public)
        .env(env)
        .secret(PIN)
        .secret("battery-staple")
        .max_message(LIMIT)
        .tells_public_key(script.tells_public_key)
        .wrong_secret(uri("key/1").with_attribute("pin-source", "env:WRONG"))
        .missing_key(uri("key/9"))
        .twin_keys(uri("key"))
        .service_down(uri("down"))
        .requests(move || requests.requests.load(Relaxed))
        .attempts(move || attempts.attempts.load(Relaxed))
}

impl FarSide {
    fn has(&self, flaw: Flaw) -> bool {
        self.script.flaw == Some(flaw)
    }

    /// The way there and back.
    async fn request(&self) -> Result<()> {
        let _connection = self.connections.acquire().await.unwrap();
        self.requests.fetch_add(1, Relaxed);
        sleep(self.script.delay).await;
        let count = self.signs.fetch_add(1, Relaxed);
        match self.script.throttles_every {
            Some(every) if count % every == every - 1 => {
                Err(Error::new(ErrorKind::Throttled, "too many requests")
                    .with_retry_after(Duration::from_millis(20)))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Provider for Scripted {
    fn scheme(&self) -> &'static str {
        "script"
    }

    fn attributes(&self) -> &[Attribute] {
        const {
            &[
                Attribute::new("pin-source", "where the PIN is"),
                Attribute::new("pin-value", "the PIN itself"),
            ]
        }
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let far = &self.0;
        let fails = |kind, message: &str| Err(Error::new(kind, message).with_hint("key/1"));
        match uri.locator() {
            "key/1" => {}
            "key" if far.has(Flaw::TakesTheFirstOfTwins) => {}
            "key" => return fails(ErrorKind::Ambiguous, "two keys match"),
            "down" if far.has(Flaw::CallsAnOutageBroken) => {
                return fails(ErrorKind::Backend, "no answer");
            }
            "down" => return fails(ErrorKind::Unavailable, "no answer"),
            _ if far.has(Flaw::CallsAMissingKeyBroken) => {
                return fails(ErrorKind::Backend, "error 404");
            }
            _ => return fails(ErrorKind::NotFound, "there is no such key"),
        }
        if far.has(Flaw::ReadsTheProcessEnvironment) && std::env::var_os("HOME").is_none() {
            return fails(ErrorKind::NotFound, "no configuration");
        }
        let pin = uri.secret("pin", "PIN", cx.env.as_ref()).await?;
        let pin = pin.ok_or_else(|| Error::new(ErrorKind::BadSecret, "no PIN"))?;
        far.attempts.fetch_add(1, Relaxed);
        if pin.expose() != PIN.as_bytes() {
            if far.has(Flaw::TriesAWrongPinTwice) {
                far.attempts.fetch_add(1, Relaxed);
            }
            if far.has(Flaw::CallsAWrongPinMissing) {
                return fails(ErrorKind::NotFound, "nothing for you");
            }
            return fails(ErrorKind::BadSecret, "the PIN is wrong");
        }
        let locator = if far.has(Flaw::HasAnIdOfAnother) {
            "key/9"
        } else {
            "key/1"
        };
        let mut algorithms = far.key.algorithms().to_vec();
        if far.has(Flaw::NamesAnAlgorithmTwice) {
            algorithms.extend_from_within(..);
        }
        Ok(Arc::new(ScriptedSigner {
            far: far.clone(),
            id: KeyId::new(&KeyUri::new("script", locator)),
            algorithms,
            pin,
        }))
    }
}

#[async_trait]
impl Signer for ScriptedSigner {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    fn max_message(&self, _: Algorithm) -> usize {
        if self.far.has(Flaw::ClaimsALongerLimit) {
            10 * LIMIT
        } else {
            LIMIT
        }
    }

    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        let far = &self.far;
        if far.has(Flaw::PanicsAtNothing) {
            assert!(!message.is_empty(), "nothing to sign");
        }
        if far.has(Flaw::AsksBeforeItRefuses) {
            far.request().await?;
        }
        if far.has(Flaw::SignsWhateverIsAsked) {
            return far.key.sign(Algorithm::Es256, message).await;
        }
        self.check(algorithm, message)?;
        if far.has(Flaw::LogsTheMessage) {
            tracing::info!(message = %String::from_utf8_lossy(message), "signing");
        }
        if far.has(Flaw::BlocksTheExecutor) {
            std::thread::sleep(Duration::from_millis(250));
        }
        let call = Call::begin(far)?;
        far.request().await?;
        let end = if far.has(Flaw::SignsTheBeginning) {
            1_000.min(message.len())
        } else {
            message.len()
        };
        let signature = far.key.sign(algorithm, &message[..end]).await?;
        call.end();
        if far.has(Flaw::AnswersWithAnotherAlgorithm) {
            return Signature::from_jws(Algorithm::Ed25519, signature.into_bytes());
        }
        if far.has(Flaw::HandsOverDer) {
            return Signature::from_jws(algorithm, signature.to_der()?);
        }
        Ok(signature)
    }

    async fn public_key(&self) -> Result<PublicKey> {
        if self.far.has(Flaw::TellsAnotherPublicKey) {
            return Ok(self.far.other.public_key().clone());
        }
        if !self.far.script.tells_public_key {
            return Err(Error::new(
                ErrorKind::PermissionDenied,
                "this role may not read the public key",
            ));
        }
        self.far.key.public_key().await
    }

    async fn certificate_chain(&self) -> Result<Vec<Certificate>> {
        if !self.far.has(Flaw::HasACertificateOfAnother) {
            return Ok(Vec::new());
        }
        // An outline is all that a certificate is looked at for: the fields before the key are empty.
        let fields: &[&[u8]] = &[
            &[0xa0, 0],
            &[2, 1, 1],
            &[0x30, 0],
            &[0x30, 0],
            &[0x30, 0],
            &[0x30, 0],
            self.far.other.public_key().spki_der(),
        ];
        let body = sequence(&fields.concat());
        let der = sequence(&[&body[..], &[0x30, 0, 3, 1, 0]].concat());
        Ok(vec![Certificate::from_der(der)?])
    }
}

impl fmt::Debug for ScriptedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ScriptedSigner");
        shown.field("id", &self.id);
        if self.far.has(Flaw::ShowsThePin) {
            shown.field("pin", &self.pin.expose_str());
        }
        shown.finish()
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

/// A call under way, for the flaws that need to know of others.
struct Call<'a> {
    far: &'a FarSide,
    ended: bool,
}

impl<'a> Call<'a> {
    fn begin(far: &'a FarSide) -> Result<Self> {
        let before = far.at_once.fetch_add(1, Relaxed);
        let call = Self { far, ended: false };
        let busy = before > 0 && far.has(Flaw::SignsOneAtATime);
        if busy || far.spoilt.load(Relaxed) {
            call.end();
            return Err(Error::new(ErrorKind::Backend, "the connection is in use"));
        }
        Ok(call)
    }

    fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.far.at_once.fetch_sub(1, Relaxed);
        if !self.ended && self.far.has(Flaw::IsSpoiltByACallerWhoLeaves) {
            self.far.spoilt.store(true, Relaxed);
        }
    }
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let head: &[u8] = if length < 128 {
        &[0x30, length]
    } else {
        &[0x30, 0x81, length]
    };
    [head, content].concat()
}
