//! What is put to the suite.

use std::sync::Arc;

use async_trait::async_trait;
use keybearer_core::{
    Algorithm, KeyUri, OpenContext, PublicKey, Registry, Result, Signature, Signer,
};

use crate::{Failure, verify};

/// One key of one provider, as the suite sees it; [`UriSubject`](crate::UriSubject) is one from plain values.
///
/// What has a default is optional. The checks that need it are reported as skipped, by name, where it is left out.
#[async_trait]
pub trait Subject: Send + Sync + 'static {
    /// The registry with the provider.
    fn registry(&self) -> Registry;

    /// The key, with the pointers to its secrets.
    fn uri(&self) -> KeyUri;

    /// What the key is opened in: the same environment for every case.
    fn context(&self) -> OpenContext;

    /// The public half, as the maker of the key tells it (a fixture, `openssl`, the service itself): never as the signer
    /// under test does.
    fn public_key(&self) -> PublicKey;

    /// Checks a signature with an implementation that shares no code with the signer.
    fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), Failure> {
        verify::aws_lc(&self.public_key(), algorithm, message, signature)
    }

    /// What must never be printed or logged: passwords, PINs, tokens, key bytes. At least eight bytes each, so that none
    /// of them turns up by chance.
    fn secrets(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// What the signer must say that it does, in any order.
    fn algorithms(&self) -> Vec<Algorithm> {
        Algorithm::of(self.public_key().key_type()).to_vec()
    }

    /// The longest message in bytes, where there is a limit.
    fn max_message(&self) -> Option<usize> {
        None
    }

    /// Whether the signer tells its public key.
    fn tells_public_key(&self) -> bool {
        true
    }

    /// How many certificates come with the key.
    fn certificates(&self) -> usize {
        0
    }

    /// Opens the key, each time anew.
    async fn open(&self) -> Result<Arc<dyn Signer>> {
        self.registry().open(&self.uri(), &self.context()).await
    }

    /// A signer's `id()` with the secrets supplied anew. Unless told, the pointers to secrets (`…-source`) of
    /// [`uri`](Self::uri).
    fn resupply(&self, id: KeyUri) -> KeyUri {
        let uri = self.uri();
        uri.attribute_names()
            .filter(|name| name.ends_with("-source"))
            .filter_map(|name| Some((name, uri.attribute(name)?)))
            .fold(id, |id, (name, value)| id.with_attribute(name, value))
    }

    /// The same key with a wrong secret.
    fn wrong_secret(&self) -> Option<KeyUri> {
        None
    }

    /// A key that does not exist, where others do.
    fn missing_key(&self) -> Option<KeyUri> {
        None
    }

    /// What several keys answer to.
    fn twin_keys(&self) -> Option<KeyUri> {
        None
    }

    /// A key whose service is down.
    fn service_down(&self) -> Option<KeyUri> {
        None
    }

    /// How often somebody has tried to authenticate, as the far side counts it.
    fn attempts(&self) -> Option<u64> {
        None
    }

    /// How many requests the far side has received.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// Environment variables of the process that the key source itself cannot do without, and that keybearer does not
    /// read: `SOFTHSM2_CONF` for the module of SoftHSM2.
    fn process_variables(&self) -> Vec<String> {
        Vec::new()
    }
}
