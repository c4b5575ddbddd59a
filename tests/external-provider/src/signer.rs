//! The signer of one slot.

use std::fmt;

use keybearer_core::{Algorithm, KeyId, PublicKey, Result, Signature, Signer, async_trait};

use crate::wire::Connections;

/// The longest message that the device takes, in bytes.
const LONGEST: usize = 8_192;

/// Signs with the key in one slot. The device hashes, signs on P-256, and answers in DER.
pub(crate) struct AcmeSigner {
    id: KeyId,
    slot: String,
    public: PublicKey,
    connections: Connections,
}

impl AcmeSigner {
    pub(crate) fn new(
        id: KeyId,
        slot: String,
        public: PublicKey,
        connections: Connections,
    ) -> Self {
        Self {
            id,
            slot,
            public,
            connections,
        }
    }
}

#[async_trait]
impl Signer for AcmeSigner {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn algorithms(&self) -> &[Algorithm] {
        &[Algorithm::Es256]
    }

    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        self.check(algorithm, message)?;
        let der = self.connections.sign(&self.slot, message).await;
        let der = der.map_err(|error| error.with_key(&self.id))?;
        Signature::from_der(algorithm, &der)
    }

    fn max_message(&self, _: Algorithm) -> usize {
        LONGEST
    }

    async fn public_key(&self) -> Result<PublicKey> {
        Ok(self.public.clone())
    }
}

/// Without the connections, which hold the PIN.
impl fmt::Debug for AcmeSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcmeSigner")
            .field("id", &self.id)
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
