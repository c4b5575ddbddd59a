//! The signer of one key version.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_core::{
    Algorithm, Error, ErrorKind, Hash, KeyId, KeyType, PublicKey, Result, Signature, Signer,
    async_trait,
};
use keybearer_http::service;
use serde_json::json;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::{
    answer::Asked,
    api::{Ask, Session},
    jwk,
    locator::Locator,
};

/// Signs with one version of a key that stays in Key Vault.
pub(crate) struct KeyVaultSigner {
    pub(crate) session: Session,
    /// With its version.
    pub(crate) key: Locator,
    pub(crate) id: KeyId,
    pub(crate) algorithms: Vec<Algorithm>,
    /// `None` where the caller may not read it.
    pub(crate) public: Option<PublicKey>,
}

impl KeyVaultSigner {
    async fn signed(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        let (_, signature) = sign(&self.session, &self.key, algorithm, message).await?;
        let Some(public) = &self.public else {
            return Ok(signature);
        };
        let length = signature.as_bytes().len();
        if let KeyType::Rsa { bits } = public.key_type()
            && length != bits.div_ceil(8)
        {
            return Err(odd(format!(
                "it has {length} bytes, and the key {bits} bits"
            )));
        }
        if service::is_by(public, message, &signature) == Some(false) {
            return Err(Error::new(
                ErrorKind::KeyMismatch,
                "the signature is not by the key that the vault showed when it was opened",
            )
            .with_hint("what answers is not the vault that was asked: check endpoint= and what stands between"));
        }
        Ok(signature)
    }
}

/// One signature, and the version that made it.
pub(crate) async fn sign(
    session: &Session,
    key: &Locator,
    algorithm: Algorithm,
    message: &[u8],
) -> Result<(String, Signature)> {
    let digest = match algorithm.hash() {
        Some(Hash::Sha256) => Sha256::digest(message).to_vec(),
        Some(Hash::Sha384) => Sha384::digest(message).to_vec(),
        Some(Hash::Sha512) => Sha512::digest(message).to_vec(),
        None => return Err(none(algorithm)),
    };
    // Key Vault's names are JWS's (RFC 7518).
    let body = json!({"alg": algorithm.jws_name(), "value": URL_SAFE_NO_PAD.encode(digest)});
    let ask = Ask {
        key,
        asked: Asked::Sign(algorithm),
        body: Some(body),
    };
    let answer = session.ask(&ask).await?;
    let kid = answer["kid"].as_str();
    let kid = kid.ok_or_else(|| odd("it does not say which key signed".into()))?;
    let wanted = key.version.as_ref();
    let version = key
        .version_in(kid)
        .filter(|version| wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(version)))
        .ok_or_else(|| jwk::other(key, kid))?;
    let value = answer["value"].as_str().unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(value.trim_end_matches('='));
    let bytes = bytes.map_err(|error| odd(error.to_string()))?;
    let signature = Signature::from_jws(algorithm, bytes);
    Ok((version, signature.map_err(|error| odd(error.to_string()))?))
}

/// Key Vault does not have it.
pub(crate) fn none(algorithm: Algorithm) -> Error {
    Error::new(
        ErrorKind::UnsupportedAlgorithm,
        format!("Azure Key Vault has no {algorithm}"),
    )
}

fn odd(why: String) -> Error {
    Error::new(
        ErrorKind::Backend,
        "the vault's answer is not a signature of this key",
    )
    .with_source(why)
}

#[async_trait]
impl Signer for KeyVaultSigner {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        self.check(algorithm, message)?;
        let signing = self.signed(algorithm, message);
        service::told("Azure Key Vault", &self.id, algorithm, signing).await
    }

    async fn public_key(&self) -> Result<PublicKey> {
        self.public.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::PermissionDenied,
                "the caller has no get permission on this key",
            )
            .with_key(&self.id)
            .with_hint("give it, or name a file that has the public key: public-key=PATH, or certificate=PATH")
        })
    }
}

impl fmt::Debug for KeyVaultSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyVaultSigner")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}
