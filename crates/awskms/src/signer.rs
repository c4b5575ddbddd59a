//! The signer of one key in AWS KMS.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Instant,
};

use aws_sdk_kms::primitives::Blob;
use keybearer_core::{
    Algorithm, Error, ErrorKind, KeyId, KeyType, PublicKey, Result, Signature, Signer, async_trait,
};
use tracing::Instrument;

use crate::{
    client::Caller,
    failure::Call,
    quiet::quiet,
    spec::{self, LONGEST_RAW},
};

/// Signs with a private key that stays in AWS KMS.
pub(crate) struct KmsSigner {
    pub(crate) caller: Caller,
    pub(crate) id: KeyId,
    pub(crate) pin: Pin,
    pub(crate) algorithms: Vec<Algorithm>,
    /// `None` where the role may not read it.
    pub(crate) public: Option<PublicKey>,
}

/// The key that must have signed.
#[derive(Clone, Debug)]
pub(crate) enum Pin {
    /// The key with this ARN.
    At(String),
    /// Where nobody may ask for the ARN of a name: the key that signs first.
    FirstAnswer {
        name: String,
        arn: Arc<OnceLock<String>>,
    },
}

impl Pin {
    pub(crate) fn first_answer(name: &str) -> Self {
        Self::FirstAnswer {
            name: name.into(),
            arn: Arc::default(),
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::At(arn) => arn,
            Self::FirstAnswer { name, arn } => arn.get().unwrap_or(name),
        }
    }

    fn is(&self, signed: &str) -> bool {
        match self {
            Self::At(arn) => arn == signed,
            Self::FirstAnswer { arn, .. } => arn.get_or_init(|| signed.into()) == signed,
        }
    }
}

impl KmsSigner {
    async fn signed(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        let unknown = || {
            Error::new(
                ErrorKind::UnsupportedAlgorithm,
                format!("AWS KMS has no {algorithm}"),
            )
        };
        let spec = spec::spec(algorithm).ok_or_else(unknown)?;
        let (kind, input) = spec::input(algorithm, message);
        let key = self.pin.key();
        let call = Call {
            permission: "kms:Sign",
            key,
            sources: &self.caller.sources,
        };
        let request = self.caller.client.sign();
        let request = request
            .key_id(key)
            .message_type(kind)
            .message(Blob::new(input))
            .signing_algorithm(spec.clone());
        let answer = quiet(request.send()).await;
        let answer = answer.map_err(|error| call.failed(&error))?;
        let unnamed = || odd("the answer does not say which key signed".into());
        let signed = answer.key_id().ok_or_else(unnamed)?;
        if !self.pin.is(signed) {
            return Err(Error::new(
                ErrorKind::KeyMismatch,
                format!("another key signed: {signed}, and not {}", self.pin.key()),
            )
            .with_hint("the alias was moved: open it anew"));
        }
        if answer.signing_algorithm() != Some(&spec) {
            return Err(odd("it was made with another algorithm".into()));
        }
        let bytes = answer.signature().map(|blob| blob.as_ref().to_vec());
        self.encode(algorithm, bytes.unwrap_or_default())
    }

    /// KMS writes ECDSA in DER; RSA and Ed25519 as JWS does.
    fn encode(&self, algorithm: Algorithm, bytes: Vec<u8>) -> Result<Signature> {
        let length = bytes.len();
        if let Some(KeyType::Rsa { bits }) = self.public.as_ref().map(PublicKey::key_type)
            && length != bits.div_ceil(8)
        {
            return Err(odd(format!(
                "it has {length} bytes, and the key {bits} bits"
            )));
        }
        let encoded = match algorithm.curve() {
            Some(_) => Signature::from_der(algorithm, &bytes),
            None => Signature::from_jws(algorithm, bytes),
        };
        encoded.map_err(|error| odd(error.to_string()))
    }
}

#[async_trait]
impl Signer for KmsSigner {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        self.check(algorithm, message)?;
        let span = tracing::debug_span!("sign", key = %self.id, %algorithm);
        let signed = async {
            let began = Instant::now();
            let signed = self.signed(algorithm, message).await;
            let micros = began.elapsed().as_micros() as u64;
            tracing::debug!(micros, ok = signed.is_ok(), "AWS KMS has signed");
            signed
        };
        let signed = signed.instrument(span).await;
        signed.map_err(|error| error.with_key(&self.id))
    }

    fn max_message(&self, algorithm: Algorithm) -> usize {
        match algorithm.hash() {
            Some(_) => usize::MAX,
            None => LONGEST_RAW,
        }
    }

    async fn public_key(&self) -> Result<PublicKey> {
        self.public.clone().ok_or_else(|| {
            Error::new(ErrorKind::PermissionDenied, "kms:GetPublicKey is not allowed on this key")
                .with_key(&self.id)
                .with_hint("allow it, or name a file that has the public key: public-key=PATH, or certificate=PATH")
        })
    }
}

impl fmt::Debug for KmsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsSigner")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

fn odd(why: String) -> Error {
    Error::new(
        ErrorKind::Backend,
        "AWS KMS's signature is not one of this key",
    )
    .with_source(why)
}
