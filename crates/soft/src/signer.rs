//! The signer of a key in a file.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use keybearer_core::{
    Algorithm, Certificate, Error, ErrorKind, KeyId, KeyUri, PublicKey, Result, Signature, Signer,
};

use crate::{PrivateKey, fingerprint::spki_sha256, key::Parts, offload};

/// Signs with a [`PrivateKey`].
///
/// RSA runs on a thread that may block where tokio is the executor and in place elsewhere; the curves take microseconds
/// and run in place always. A signature that is given up half way ends by itself.
pub struct SoftSigner {
    id: KeyId,
    key: Arc<Parts>,
    chain: Vec<Certificate>,
}

impl SoftSigner {
    /// The signer of a key that was found at `uri`, with those certificates of `pool` that are its own, leaf first.
    ///
    /// Its [`id`](Signer::id) is the URI with `spki-sha256`, so that another key in the same place is noticed.
    ///
    /// # Errors
    /// [`ErrorKind::KeyMismatch`] where the URI's `spki-sha256` is another key's, [`ErrorKind::InvalidUri`] where it is
    /// no SHA-256 in hexadecimal.
    pub fn new(uri: &KeyUri, key: &PrivateKey, pool: &[Certificate]) -> Result<Self> {
        let found = spki_sha256(key.public_key());
        if let Some(asked) = uri.attribute(SPKI_SHA256) {
            check(uri, asked, &found)?;
        }
        Ok(Self {
            id: KeyId::new(&uri.clone().with_attribute(SPKI_SHA256, found)),
            key: key.parts().clone(),
            chain: Certificate::chain_for(key.public_key(), pool),
        })
    }
}

const SPKI_SHA256: &str = "spki-sha256";

fn check(uri: &KeyUri, asked: &str, found: &str) -> Result<()> {
    if asked.len() != found.len() || !asked.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(uri
            .invalid("spki-sha256 is not a SHA-256 in hexadecimal")
            .with_hint("it has 64 digits: openssl pkey -in KEY -pubout -outform DER | sha256sum"));
    }
    if asked.eq_ignore_ascii_case(found) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::KeyMismatch,
        format!("the key in the file has the fingerprint {found}, and {asked} was asked for"),
    )
    .with_key(KeyId::new(uri))
    .with_hint("the key was replaced: put the old one back, or ask for the new one's spki-sha256"))
}

#[async_trait]
impl Signer for SoftSigner {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn algorithms(&self) -> &[Algorithm] {
        &self.key.algorithms
    }

    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        self.check(algorithm, message)?;
        let signed = if self.key.backend.is_slow() {
            let (key, message) = (self.key.clone(), message.to_vec());
            offload(move || key.backend.sign(algorithm, &message)).await
        } else {
            self.key.backend.sign(algorithm, message)
        };
        signed.map_err(|error| error.with_key(&self.id))
    }

    async fn public_key(&self) -> Result<PublicKey> {
        Ok(self.key.public.clone())
    }

    async fn certificate_chain(&self) -> Result<Vec<Certificate>> {
        Ok(self.chain.clone())
    }
}

impl fmt::Debug for SoftSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftSigner")
            .field("id", &self.id)
            .field("key", &self.key)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use keybearer_core::{EcCurve, KeyType};
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    fn uri() -> KeyUri {
        "pem:/k.pem?password-value=hunter2".parse().unwrap()
    }

    #[tokio::test]
    async fn signs_and_is_pinned_to_its_key() {
        let key = PrivateKey::generate(KeyType::Ed25519).unwrap();
        let signer = SoftSigner::new(&uri(), &key, &[]).unwrap();
        let signature = signer.sign(Algorithm::Ed25519, b"message").await.unwrap();
        UnparsedPublicKey::new(&ED25519, key.public_key().key_bytes())
            .verify(b"message", signature.as_bytes())
            .unwrap();
        let pinned = signer.id().uri().clone();
        assert_eq!(
            pinned.to_string(),
            format!("pem:/k.pem?spki-sha256={}", spki_sha256(key.public_key()))
        );
        SoftSigner::new(&pinned, &key, &[]).unwrap();

        let other = PrivateKey::generate(KeyType::Ec(EcCurve::P384)).unwrap();
        let error = SoftSigner::new(&pinned, &other, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::KeyMismatch);
        let broken = uri().with_attribute("spki-sha256", "12:34");
        let error = SoftSigner::new(&broken, &key, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidUri);
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    /// While an RSA key signs, the one thread of the executor is free; a curve's signature is there at once.
    #[tokio::test(flavor = "current_thread")]
    async fn rsa_leaves_the_executor_to_others() {
        let rsa = PrivateKey::from_pkcs1_der(include_bytes!("../tests/keys/rsa-2048.der")).unwrap();
        let curve = PrivateKey::generate(KeyType::Ed25519).unwrap();
        for (key, algorithm, at_once) in [
            (rsa, Algorithm::Rs256, false),
            (curve, Algorithm::Ed25519, true),
        ] {
            let signer = SoftSigner::new(&uri(), &key, &[]).unwrap();
            let mut signing = std::pin::pin!(signer.sign(algorithm, b"message"));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let first = signing.as_mut().poll(&mut context);
            assert_eq!(first.is_ready(), at_once, "{algorithm}");
            if !at_once {
                // Somebody else's turn, on the same thread, before the signature is asked for again.
                let other = tokio::spawn(async { 7 });
                assert_eq!(other.await.unwrap(), 7);
                signing.await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn refuses_what_the_key_does_not_do() {
        let key = PrivateKey::generate(KeyType::Ec(EcCurve::P256)).unwrap();
        let signer = SoftSigner::new(&uri(), &key, &[]).unwrap();
        assert_eq!(signer.algorithms(), [Algorithm::Es256]);
        let error = signer.sign(Algorithm::Rs256, b"").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm);
    }
}
