//! The signer of one key version.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use keybearer_core::{
    Algorithm, Error, ErrorKind, KeyId, KeyType, PublicKey, Result, Signature, Signer, async_trait,
};
use keybearer_http::service;
use serde_json::Value;

use crate::{
    api::{Ask, Session},
    locator::Locator,
    public::{self, check_name, check_sum, damaged, odd},
    spec::{self, LONGEST_DATA},
};

/// Signs with one version of a key that stays in Cloud KMS.
pub(crate) struct KmsSigner {
    pub(crate) session: Session,
    pub(crate) id: KeyId,
    pub(crate) version: Locator,
    pub(crate) algorithm: [Algorithm; 1],
    /// `None` where the account may not read it.
    pub(crate) public: Option<PublicKey>,
}

impl KmsSigner {
    async fn signed(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        let (body, verified) = spec::body(algorithm, message);
        let ask = Ask {
            path: format!("{}:asymmetricSign", self.version),
            body: Some(&body),
            permission: "cloudkms.cryptoKeyVersions.useToSign",
            about: &self.version,
        };
        let read = |answer: &Value| self.read(algorithm, answer, verified);
        let signature = self.session.ask(&ask, read).await?;
        let Some(public) = &self.public else {
            return Ok(signature);
        };
        if service::is_by(public, message, &signature) == Some(false) {
            return Err(Error::new(
                ErrorKind::KeyMismatch,
                "the signature is not by the key that Cloud KMS showed when it was opened",
            )
            .with_hint("what answers is not the Cloud KMS of before: check endpoint= and what stands between"));
        }
        Ok(signature)
    }

    /// What Google asks its callers to check: the version, that the digest arrived whole, and that the signature did.
    fn read(&self, algorithm: Algorithm, answer: &Value, verified: &str) -> Result<Signature> {
        check_name(answer, &self.version)?;
        if answer[verified] != true {
            return Err(damaged(&format!("{verified} is not true")));
        }
        let text = answer["signature"].as_str().unwrap_or_default();
        let bytes = STANDARD.decode(text);
        let bytes = bytes.map_err(|error| odd(&format!("a signature: {error}")))?;
        check_sum(answer, "signatureCrc32c", &bytes)?;
        let length = bytes.len();
        if let Some(KeyType::Rsa { bits }) = self.public.as_ref().map(PublicKey::key_type)
            && length != bits.div_ceil(8)
        {
            return Err(odd(&format!(
                "a signature of {length} bytes by a key of {bits} bits"
            )));
        }
        // No RSA key of Cloud KMS is shorter: what is, is of a key of another kind.
        if algorithm.is_rsa() && length < 256 {
            return Err(odd(&format!(
                "a signature of {length} bytes is not of an RSA key"
            )));
        }
        Signature::from_der(algorithm, &bytes).map_err(|error| odd(&error.to_string()))
    }
}

#[async_trait]
impl Signer for KmsSigner {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn algorithms(&self) -> &[Algorithm] {
        &self.algorithm
    }

    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        self.check(algorithm, message)?;
        let signing = self.signed(algorithm, message);
        service::told("Cloud KMS", &self.id, algorithm, signing).await
    }

    fn max_message(&self, algorithm: Algorithm) -> usize {
        match algorithm.hash() {
            Some(_) => usize::MAX,
            None => LONGEST_DATA,
        }
    }

    async fn public_key(&self) -> Result<PublicKey> {
        self.public.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::PermissionDenied,
                format!("{} has no {} on {}", self.session.credentials, public::PERMISSION, self.version),
            )
            .with_key(&self.id)
            .with_hint("grant it roles/cloudkms.publicKeyViewer on the key, or name a file that has the public key: public-key=PATH, or certificate=PATH")
        })
    }
}

impl fmt::Debug for KmsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsSigner")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
