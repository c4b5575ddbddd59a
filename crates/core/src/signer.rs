//! What signs.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{Algorithm, Certificate, Error, ErrorKind, KeyId, PublicKey, Result, Signature};

/// Something that can sign with one private key, in one version, for ever. It may or may not be able to see the key.
///
/// The contract, which the suite of `keybearer-conformance` checks:
/// - An algorithm that is not in [`algorithms`](Self::algorithms) is refused with
///   [`ErrorKind::UnsupportedAlgorithm`], before any I/O ([`check`](Self::check) does it). Nothing is ever guessed from
///   the size of a key.
/// - [`sign`](Self::sign) takes the whole message, never a digest; the implementer hashes.
/// - The encoding is that of JWS: see [`Signature`]. The salt of RSASSA-PSS is as long as the hash.
/// - Calls may run at the same time, may be dropped at any point without harm to others, and never block the executor.
/// - `Debug`, [`id`](Self::id), errors and logs never hold a PIN, a password, a token, an assertion or a key byte.
/// - [`id`](Self::id) opened again, with the secrets supplied anew, reaches the same key *version*.
/// - There is no creation, deletion or export here: see [`KeyMaker`](crate::KeyMaker).
#[async_trait]
pub trait Signer: fmt::Debug + Send + Sync + 'static {
    /// The key this signer was opened on: a key URI pinned to a version, free of secrets.
    fn id(&self) -> &KeyId;

    /// What the key may do, most preferred first; never empty; known at open.
    fn algorithms(&self) -> &[Algorithm];

    /// Signs `message`: the whole message, never a digest. The implementer hashes.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedAlgorithm`] before any I/O; [`ErrorKind::Unsupported`] for a message longer than
    /// [`max_message`](Self::max_message), before any I/O too; then whatever the source says.
    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature>;

    /// The longest message, in bytes, that [`sign`](Self::sign) takes for this algorithm (AWS KMS signs Ed25519 only
    /// over 4,096 bytes and fewer).
    fn max_message(&self, algorithm: Algorithm) -> usize {
        let _ = algorithm;
        usize::MAX
    }

    /// The public half, where the source can tell it and lets us ask.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the source has none, [`ErrorKind::PermissionDenied`] where the role may sign
    /// but not read.
    async fn public_key(&self) -> Result<PublicKey> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "this key source does not tell the public key",
        )
        .with_key(self.id())
        .with_hint("name a file that has it: public-key=PATH, or certificate=PATH"))
    }

    /// Certificates for the key, leaf first; empty where there are none.
    async fn certificate_chain(&self) -> Result<Vec<Certificate>> {
        Ok(Vec::new())
    }

    /// What every [`sign`](Self::sign) begins with: refuses an algorithm that the key does not do and a message that is
    /// too long.
    fn check(&self, algorithm: Algorithm, message: &[u8]) -> Result<()> {
        check_algorithm(self.id(), self.algorithms(), algorithm)?;
        let limit = self.max_message(algorithm);
        if message.len() <= limit {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the message has {} bytes, and this key signs at most {limit} with {algorithm}",
                message.len()
            ),
        )
        .with_key(self.id()))
    }
}

/// The key to sign with *now*: a file that is replaced while running, an alias that is moved. [`Bound`] is the constant
/// one.
#[async_trait]
pub trait KeySource: fmt::Debug + Send + Sync + 'static {
    /// The signer and the algorithm to use now.
    async fn current(&self) -> Result<Bound>;
}

/// A signer with one algorithm that it does, so that a JWT's header and its signature cannot disagree.
#[derive(Clone)]
pub struct Bound {
    signer: Arc<dyn Signer>,
    algorithm: Algorithm,
}

impl Bound {
    /// Pairs a signer with an algorithm.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedAlgorithm`] where the key does not do it.
    pub fn new(signer: Arc<dyn Signer>, algorithm: Algorithm) -> Result<Self> {
        check_algorithm(signer.id(), signer.algorithms(), algorithm)?;
        Ok(Self { signer, algorithm })
    }

    /// The signer.
    pub fn signer(&self) -> &Arc<dyn Signer> {
        &self.signer
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Signs the whole message.
    ///
    /// # Errors
    /// As [`Signer::sign`]; [`ErrorKind::Backend`] where the signer answers with a signature of another algorithm.
    pub async fn sign(&self, message: &[u8]) -> Result<Signature> {
        let signature = self.signer.sign(self.algorithm, message).await?;
        if signature.algorithm() == self.algorithm {
            return Ok(signature);
        }
        let (asked, made) = (self.algorithm, signature.algorithm());
        Err(Error::new(
            ErrorKind::Backend,
            format!("the key was asked for {asked} and signed with {made}"),
        )
        .with_key(self.signer.id()))
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound")
            .field("id", self.signer.id())
            .field("algorithm", &self.algorithm)
            .finish()
    }
}

#[async_trait]
impl KeySource for Bound {
    async fn current(&self) -> Result<Bound> {
        Ok(self.clone())
    }
}

fn check_algorithm(id: &KeyId, algorithms: &[Algorithm], algorithm: Algorithm) -> Result<()> {
    if algorithms.contains(&algorithm) {
        return Ok(());
    }
    let names: Vec<_> = algorithms.iter().map(|known| known.name()).collect();
    Err(Error::new(
        ErrorKind::UnsupportedAlgorithm,
        format!("this key does not do {algorithm}"),
    )
    .with_key(id)
    .with_hint(format!("it does {}", names.join(", "))))
}

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        impl<S: Signer + ?Sized> Signer for $pointer<S> {
            fn id(&self) -> &KeyId {
                (**self).id()
            }

            fn algorithms(&self) -> &[Algorithm] {
                (**self).algorithms()
            }

            async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
                (**self).sign(algorithm, message).await
            }

            fn max_message(&self, algorithm: Algorithm) -> usize {
                (**self).max_message(algorithm)
            }

            async fn public_key(&self) -> Result<PublicKey> {
                (**self).public_key().await
            }

            async fn certificate_chain(&self) -> Result<Vec<Certificate>> {
                (**self).certificate_chain().await
            }
        }

        #[async_trait]
        impl<S: KeySource + ?Sized> KeySource for $pointer<S> {
            async fn current(&self) -> Result<Bound> {
                (**self).current().await
            }
        }
    )*};
}

forward!(Arc Box);
