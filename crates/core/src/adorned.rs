//! The attributes that every scheme takes, applied to whatever signer was opened.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;

use crate::{
    Algorithm, Certificate, Error, ErrorKind, KeyId, KeyUri, OpenContext, PublicKey, Result,
    Signature, Signer, public_key::FILE_LIMIT,
};

/// What a URI's common attributes say.
pub(crate) struct Attributes {
    algorithms: Option<Vec<Algorithm>>,
    certificates: Option<Vec<Certificate>>,
    public_key: Option<PublicKey>,
    written: Vec<(&'static str, String)>,
}

impl Attributes {
    pub(crate) async fn read(uri: &KeyUri, cx: &OpenContext) -> Result<Self> {
        let of = |name: &'static str| uri.attribute(name).map(|value| (name, value.to_owned()));
        let certificates = match uri.attribute("certificate") {
            Some(path) => Some(
                read_file(path, "certificate", cx)
                    .await
                    .and_then(|bytes| Certificate::from_file(&bytes))?,
            ),
            None => None,
        };
        let public_key = match uri.attribute("public-key") {
            Some(path) => Some(
                read_file(path, "public key", cx)
                    .await
                    .and_then(|bytes| PublicKey::from_file(&bytes))?,
            ),
            None => None,
        };
        Ok(Self {
            algorithms: uri.algorithms()?,
            certificates,
            public_key,
            written: ["alg", "certificate", "public-key"]
                .into_iter()
                .filter_map(of)
                .collect(),
        })
    }

    pub(crate) async fn apply(self, signer: Arc<dyn Signer>) -> Result<Arc<dyn Signer>> {
        if self.written.is_empty() {
            return Ok(signer);
        }
        let algorithms = narrow(signer.as_ref(), self.algorithms)?;
        let asks_for_key = self.certificates.is_some() || self.public_key.is_some();
        let told = if asks_for_key {
            tell(signer.as_ref()).await?
        } else {
            None
        };
        if let (Some(told), Some(given)) = (&told, &self.public_key)
            && told != given
        {
            return Err(mismatch(
                "the file of public-key= is of another key",
                signer.id(),
            ));
        }
        let mut public_key = told.or(self.public_key);
        let chain = match (self.certificates, &public_key) {
            (Some(pool), Some(key)) => {
                let chain = Certificate::chain_for(key, &pool);
                if chain.is_empty() {
                    return Err(mismatch(
                        "no certificate of certificate= is for this key",
                        signer.id(),
                    ));
                }
                Some(chain)
            }
            (chain, _) => chain,
        };
        if public_key.is_none() {
            public_key = chain
                .as_ref()
                .and_then(|chain| chain.first()?.public_key().ok());
        }
        let uri = self
            .written
            .into_iter()
            .fold(signer.id().uri().clone(), |uri, (name, value)| {
                uri.with_attribute(name, value)
            });
        Ok(Arc::new(Adorned {
            id: KeyId::new(&uri),
            algorithms,
            public_key,
            chain,
            signer,
        }))
    }
}

impl KeyUri {
    /// The algorithms that `alg` names; `None` where it is not there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUri`] where one of them is none.
    pub fn algorithms(&self) -> Result<Option<Vec<Algorithm>>> {
        let Some(list) = self.attribute("alg") else {
            return Ok(None);
        };
        let parse = |name: &str| {
            name.parse::<Algorithm>().map_err(|error| {
                let invalid = self.invalid(error.to_string());
                error
                    .hint()
                    .map_or(invalid.clone(), |hint| invalid.with_hint(hint))
            })
        };
        list.split(',').map(parse).collect::<Result<_>>().map(Some)
    }
}

#[derive(Debug)]
struct Adorned {
    signer: Arc<dyn Signer>,
    id: KeyId,
    algorithms: Vec<Algorithm>,
    public_key: Option<PublicKey>,
    chain: Option<Vec<Certificate>>,
}

#[async_trait]
impl Signer for Adorned {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        self.check(algorithm, message)?;
        self.signer.sign(algorithm, message).await
    }

    fn max_message(&self, algorithm: Algorithm) -> usize {
        self.signer.max_message(algorithm)
    }

    async fn public_key(&self) -> Result<PublicKey> {
        match &self.public_key {
            Some(key) => Ok(key.clone()),
            None => self.signer.public_key().await,
        }
    }

    async fn certificate_chain(&self) -> Result<Vec<Certificate>> {
        match &self.chain {
            Some(chain) => Ok(chain.clone()),
            None => self.signer.certificate_chain().await,
        }
    }
}

/// The algorithms asked for, all of which the key must do.
fn narrow(signer: &dyn Signer, asked: Option<Vec<Algorithm>>) -> Result<Vec<Algorithm>> {
    let Some(mut asked) = asked else {
        return Ok(signer.algorithms().to_vec());
    };
    let mut seen = Vec::new();
    asked.retain(|algorithm| {
        !seen.contains(algorithm) && {
            seen.push(*algorithm);
            true
        }
    });
    for algorithm in &asked {
        signer.check(*algorithm, &[])?;
    }
    Ok(asked)
}

/// The public key, where the source tells it and lets us ask.
async fn tell(signer: &dyn Signer) -> Result<Option<PublicKey>> {
    match signer.public_key().await {
        Ok(key) => Ok(Some(key)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn read_file(path: &str, what: &str, cx: &OpenContext) -> Result<Vec<u8>> {
    cx.env
        .read(Path::new(path), FILE_LIMIT)
        .await
        .map_err(|error| {
            let kind = Error::kind_of_io(&error);
            Error::new(kind, format!("the {what} file {path} cannot be read"))
                .with_source(error.to_string())
        })
}

fn mismatch(message: &str, id: &KeyId) -> Error {
    Error::new(ErrorKind::KeyMismatch, message)
        .with_key(id)
        .with_hint("give the file that belongs to this key")
}
