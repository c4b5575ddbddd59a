//! A subject from plain values.

use std::{fmt, sync::Arc};

use keybearer_core::{Algorithm, KeyUri, OpenContext, PublicKey, Registry, Result, Signature};

use crate::{Failure, Subject, TestEnv, verify};

type Verifier = fn(&PublicKey, Algorithm, &[u8], &Signature) -> Result<(), Failure>;
type Counter = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A [`Subject`] from plain values: enough for file formats and for most services.
#[derive(Clone)]
pub struct UriSubject {
    registry: Registry,
    uri: KeyUri,
    public_key: PublicKey,
    context: OpenContext,
    verifier: Verifier,
    algorithms: Vec<Algorithm>,
    secrets: Vec<Vec<u8>>,
    max_message: Option<usize>,
    tells_public_key: bool,
    certificates: usize,
    wrong_secret: Option<KeyUri>,
    missing_key: Option<KeyUri>,
    twin_keys: Option<KeyUri>,
    service_down: Option<KeyUri>,
    attempts: Option<Counter>,
    requests: Option<Counter>,
    process_variables: Vec<String>,
}

macro_rules! setters {
    ($($(#[$doc:meta])+ $name:ident: $type:ty => $field:ident = $value:expr;)+) => {$(
        $(#[$doc])+
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$field = $value;
            self
        }
    )+};
}

impl UriSubject {
    /// The key that this registry opens under this URI. `public_key` is from its maker, not from the provider under test.
    pub fn new(registry: Registry, uri: KeyUri, public_key: PublicKey) -> Self {
        Self {
            algorithms: Algorithm::of(public_key.key_type()).to_vec(),
            registry,
            uri,
            public_key,
            context: TestEnv::new().context(),
            verifier: verify::aws_lc,
            secrets: Vec::new(),
            max_message: None,
            tells_public_key: true,
            certificates: 0,
            wrong_secret: None,
            missing_key: None,
            twin_keys: None,
            service_down: None,
            attempts: None,
            requests: None,
            process_variables: Vec::new(),
        }
    }

    setters! {
        /// The environment to open in.
        env: TestEnv => context = env.context();
        /// What to open in, where more than the environment matters.
        context: OpenContext => context = context;
        /// The verifier; [`verify::aws_lc`] unless told.
        verifier: Verifier => verifier = verifier;
        /// See [`Subject::algorithms`].
        algorithms: Vec<Algorithm> => algorithms = algorithms;
        /// See [`Subject::max_message`].
        max_message: usize => max_message = Some(max_message);
        /// See [`Subject::tells_public_key`].
        tells_public_key: bool => tells_public_key = tells_public_key;
        /// See [`Subject::certificates`].
        certificates: usize => certificates = certificates;
        /// See [`Subject::wrong_secret`].
        wrong_secret: KeyUri => wrong_secret = Some(wrong_secret);
        /// See [`Subject::missing_key`].
        missing_key: KeyUri => missing_key = Some(missing_key);
        /// See [`Subject::twin_keys`].
        twin_keys: KeyUri => twin_keys = Some(twin_keys);
        /// See [`Subject::service_down`].
        service_down: KeyUri => service_down = Some(service_down);
    }

    /// One more secret: see [`Subject::secrets`].
    #[must_use]
    pub fn secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// See [`Subject::attempts`]. For files, how often the source of the wrong secret was read:
    /// [`TestEnv::uses`].
    #[must_use]
    pub fn attempts(mut self, count: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.attempts = Some(Arc::new(count));
        self
    }

    /// See [`Subject::requests`].
    #[must_use]
    pub fn requests(mut self, count: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.requests = Some(Arc::new(count));
        self
    }

    /// See [`Subject::process_variables`].
    #[must_use]
    pub fn process_variable(mut self, name: impl Into<String>) -> Self {
        self.process_variables.push(name.into());
        self
    }
}

impl fmt::Debug for UriSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UriSubject")
            .field("uri", &self.uri)
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

impl Subject for UriSubject {
    fn registry(&self) -> Registry {
        self.registry.clone()
    }

    fn uri(&self) -> KeyUri {
        self.uri.clone()
    }

    fn context(&self) -> OpenContext {
        self.context.clone()
    }

    fn public_key(&self) -> PublicKey {
        self.public_key.clone()
    }

    fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), Failure> {
        (self.verifier)(&self.public_key, algorithm, message, signature)
    }

    fn secrets(&self) -> Vec<Vec<u8>> {
        self.secrets.clone()
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        self.algorithms.clone()
    }

    fn max_message(&self) -> Option<usize> {
        self.max_message
    }

    fn tells_public_key(&self) -> bool {
        self.tells_public_key
    }

    fn certificates(&self) -> usize {
        self.certificates
    }

    fn wrong_secret(&self) -> Option<KeyUri> {
        self.wrong_secret.clone()
    }

    fn missing_key(&self) -> Option<KeyUri> {
        self.missing_key.clone()
    }

    fn twin_keys(&self) -> Option<KeyUri> {
        self.twin_keys.clone()
    }

    fn service_down(&self) -> Option<KeyUri> {
        self.service_down.clone()
    }

    fn attempts(&self) -> Option<u64> {
        self.attempts.as_ref().map(|count| count())
    }

    fn requests(&self) -> Option<u64> {
        self.requests.as_ref().map(|count| count())
    }

    fn process_variables(&self) -> Vec<String> {
        self.process_variables.clone()
    }
}
