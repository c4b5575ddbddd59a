//! The signer of one key version.

use std::fmt;

use keybearer_core::{
    Algorithm, Error, ErrorKind, KeyId, KeyType, PublicKey, Result, Signature, Signer, async_trait,
};
use keybearer_http::service;
use serde_json::Value;

use crate::{
    api::{Ask, Session},
    key::known,
    locator::Locator,
    request::{self, odd},
};

/// Signs with one version of a key that stays in Vault.
pub(crate) struct TransitSigner {
    pub(crate) session: Session,
    pub(crate) place: Locator,
    pub(crate) id: KeyId,
    pub(crate) version: u64,
    pub(crate) algorithms: Vec<Algorithm>,
    /// `None` where the role may not read it.
    pub(crate) public: Option<PublicKey>,
}

impl TransitSigner {
    async fn signed(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        let body = request::body(algorithm, message, self.version);
        let data = match asked(&self.session, &self.place, &body).await {
            Ok(data) => data,
            Err(error) => return Err(self.explained(error).await),
        };
        let (version, signature) = request::signature(algorithm, &data)?;
        if version != self.version {
            return Err(other_version(version, self.version));
        }
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
                "the signature is not by the key that Vault showed when it was opened",
            )
            .with_hint("the key may have been deleted and made anew, or restored from a backup: open it again"));
        }
        Ok(signature)
    }

    /// Transit answers 500 also where this key may not sign any more: what the key's own state says is the better error.
    async fn explained(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Backend || self.public.is_none() {
            return error;
        }
        let path = self.place.read_path();
        let ask = Ask { path, body: None };
        match self.session.ask(&ask).await {
            Ok(data) => known(&data, Some(self.version), &ask.path)
                .err()
                .unwrap_or(error),
            Err(_) => error,
        }
    }
}

/// The version that signs (for 0 the latest), of a key that cannot be read. It must be of the kind that does the first of
/// these algorithms.
pub(crate) async fn probe(
    session: &Session,
    place: &Locator,
    algorithms: &[Algorithm],
    version: u64,
) -> Result<u64> {
    let Some(&algorithm) = algorithms.first() else {
        return Ok(version);
    };
    let text = b"keybearer asks which version of this key signs";
    let body = request::probe(algorithm, text, version);
    let data = asked(session, place, &body).await?;
    let signed = request::probed(algorithm, &data)?;
    if version != 0 && signed != version {
        return Err(other_version(signed, version));
    }
    Ok(signed)
}

async fn asked(session: &Session, place: &Locator, body: &Value) -> Result<Value> {
    let path = place.sign_path();
    let ask = Ask {
        path,
        body: Some(body),
    };
    session.ask(&ask).await
}

fn other_version(signed: u64, wanted: u64) -> Error {
    Error::new(
        ErrorKind::KeyMismatch,
        format!("version {signed} of the key signed, and not {wanted}"),
    )
    .with_hint("what answers is not the Transit engine that this key was opened at: check what stands between")
}

#[async_trait]
impl Signer for TransitSigner {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        self.check(algorithm, message)?;
        let signing = self.signed(algorithm, message);
        service::told("Vault", &self.id, algorithm, signing).await
    }

    async fn public_key(&self) -> Result<PublicKey> {
        self.public.clone().ok_or_else(|| {
            let path = self.place.read_path();
            Error::new(
                ErrorKind::PermissionDenied,
                format!("the token's policies do not allow read on {path}"),
            )
            .with_key(&self.id)
            .with_hint(format!("add to a policy: path \"{path}\" {{ capabilities = [\"read\"] }}, or name a file that has the public key: public-key=PATH, or certificate=PATH"))
        })
    }
}

impl fmt::Debug for TransitSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransitSigner")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}
