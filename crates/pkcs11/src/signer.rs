//! The signer of one key in a token.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use cryptoki::error::RvError;
use keybearer_core::{
    Algorithm, Certificate, Error, ErrorKind, KeyId, KeyType, PublicKey, Result, Signature, Signer,
};
use tracing::Instrument;

use crate::{
    failure::Failure,
    fault,
    objects::{self, Family, KeyName},
    plan::Plan,
    pool::{Connection, Pool},
    token::Pin,
};

/// Signs with a private key that stays in its token.
pub(crate) struct TokenSigner {
    id: KeyId,
    key: Arc<Key>,
    pool: Arc<Pool>,
    algorithms: Vec<Algorithm>,
    chain: Vec<Certificate>,
    limit: Duration,
}

/// What a worker needs to know of the key.
pub(crate) struct Key {
    pub(crate) name: KeyName,
    pub(crate) family: Family,
    pub(crate) public: Option<PublicKey>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) pin: Pin,
    /// `CKA_ALWAYS_AUTHENTICATE`: the PIN is wanted at each signature.
    pub(crate) always_authenticate: bool,
}

impl TokenSigner {
    pub(crate) fn new(
        id: KeyId,
        key: Key,
        pool: Arc<Pool>,
        chain: Vec<Certificate>,
        limit: Duration,
    ) -> Self {
        Self {
            id,
            algorithms: key.plans.iter().map(|plan| plan.algorithm).collect(),
            key: Arc::new(key),
            pool,
            chain,
            limit,
        }
    }

    async fn signed(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        let plan = self
            .key
            .plans
            .iter()
            .find(|plan| plan.algorithm == algorithm);
        let plan =
            *plan.ok_or_else(|| Error::new(ErrorKind::Backend, "the key has lost an algorithm"))?;
        let (key, input) = (self.key.clone(), plan.input(message));
        let work = move |connection: &mut Connection| key.sign(connection, plan, &input);
        let bytes = self.pool.run_patiently(self.limit, work).await?;
        self.key.encode(algorithm, bytes)
    }
}

#[async_trait]
impl Signer for TokenSigner {
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
            tracing::debug!(micros, ok = signed.is_ok(), "the token has signed");
            signed
        };
        let signed = signed.instrument(span).await;
        signed.map_err(|error| error.with_key(&self.id))
    }

    async fn public_key(&self) -> Result<PublicKey> {
        self.key.public.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                "the token tells neither the public key nor a certificate of this key",
            )
            .with_key(&self.id)
            .with_hint("name a file that has it: public-key=PATH, or certificate=PATH")
        })
    }

    async fn certificate_chain(&self) -> Result<Vec<Certificate>> {
        Ok(self.chain.clone())
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSigner")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .field("token", self.pool.token())
            .finish_non_exhaustive()
    }
}

impl Key {
    fn sign(
        &self,
        connection: &mut Connection,
        plan: Plan,
        input: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let token = connection.token().clone();
        let module = token.module().clone();
        let open = connection.session(&self.pin)?;
        let is_known = open.keys.contains_key(&self.name);
        let handle = objects::key(&module, open, &self.name)?;
        if !is_known {
            let id = self.name.id.as_deref();
            let found = objects::public_key(&module, &open.session, handle, self.family, id)?;
            if let (Some(opened), Some(found)) = (&self.public, &found)
                && opened != found
            {
                open.keys.remove(&self.name);
                return Err(Error::new(
                    ErrorKind::KeyMismatch,
                    format!("another key has the name {} now", self.name.to_path()),
                )
                .with_hint("the key was replaced: open it anew")
                .into());
            }
        }
        let again = self.always_authenticate.then_some(&self.pin);
        if let Some(pin) = again {
            token.expect_untried(pin)?;
        }
        let signed = plan.sign(&open.session, handle, input, again);
        signed.map_err(|fault| match (again, fault::code(&fault)) {
            (Some(pin), Some(RvError::PinIncorrect)) => token.refused(open.slot, pin),
            _ => Failure::of(&module, "signing", &fault),
        })
    }

    /// A signature as long as the key makes it: the contract's encoding, and no other key's.
    fn encode(&self, algorithm: Algorithm, bytes: Vec<u8>) -> Result<Signature> {
        let length = bytes.len();
        let odd = |why: String| {
            Error::new(
                ErrorKind::Backend,
                "the token's signature is not one of this key",
            )
            .with_source(why)
        };
        if let Some(KeyType::Rsa { bits }) = self.public.as_ref().map(PublicKey::key_type)
            && length != bits.div_ceil(8)
        {
            return Err(odd(format!(
                "it has {length} bytes, and the key {bits} bits"
            )));
        }
        Signature::from_jws(algorithm, bytes).map_err(|error| odd(error.to_string()))
    }
}
