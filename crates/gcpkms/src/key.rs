//! From a resource name to a signer.

use std::sync::Arc;

use keybearer_core::{
    Algorithm, Entries, Error, ErrorKind, KeyId, KeyUri, OpenContext, Result, Secret, SecretSource,
    Signer,
};
use keybearer_http::{Client, service};
use url::Url;

use crate::{
    answer::field,
    api::{Ask, Session},
    credentials::{Credentials, GOOGLE},
    locator::{self, Locator},
    public::{self, Known},
    signer::KmsSigner,
    spec, state, versions,
};

/// A key in Google Cloud KMS, without a URI.
///
/// ```no_run
/// # async fn open(cx: &keybearer_core::OpenContext) -> keybearer_core::Result<()> {
/// use keybearer_gcpkms::{GcpKey, Identity};
/// let key = GcpKey::new(
///     "projects/p/locations/europe-west3/keyRings/jwt/cryptoKeys/login/cryptoKeyVersions/1",
/// )?
/// .endpoint("https://cloudkms.europe-west3.rep.googleapis.com")?
/// .identity(Identity::Source("file:/etc/keybearer/signer.json".parse()?))
/// .open(cx)
/// .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct GcpKey {
    locator: Locator,
    endpoint: Option<Url>,
    identity: Identity,
    algorithms: Vec<Algorithm>,
    uri: KeyUri,
}

/// Who signs, as Google knows it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Identity {
    /// Application Default Credentials, looked for in the context's environment: `GOOGLE_APPLICATION_CREDENTIALS`, the file
    /// that gcloud writes, the metadata server.
    Default,
    /// The JSON of a service account's key, or of what gcloud writes.
    Json(Secret),
    /// The same by a pointer. A file or a variable is read again for each new token.
    Source(SecretSource),
    /// This access token, for as long as it lives.
    AccessToken(Secret),
}

impl GcpKey {
    /// The key of this resource name: `projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N`. Without the version,
    /// the only one that is enabled.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUri`] where it is none.
    pub fn new(name: &str) -> Result<Self> {
        let locator = Locator::parse(name)?;
        let uri = KeyUri::literal("gcpkms", name);
        Ok(Self::at(locator, uri))
    }

    pub(crate) fn at(locator: Locator, uri: KeyUri) -> Self {
        Self {
            locator,
            endpoint: None,
            identity: Identity::Default,
            algorithms: Vec::new(),
            uri,
        }
    }

    /// At this address of the service: a regional or a private endpoint, `https://HOST`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUri`] where it is none, and for `http:` to another machine.
    pub fn endpoint(mut self, endpoint: &str) -> Result<Self> {
        self.endpoint = Some(locator::address(endpoint, "Cloud KMS")?);
        self.uri = self.uri.with_attribute("endpoint", endpoint);
        Ok(self)
    }

    /// As whom; [`Identity::Default`] unless told.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// What the version does, for an account that may sign but not read the public key: one algorithm. Where it may, what Cloud
    /// KMS says counts.
    #[must_use]
    pub fn algorithms(mut self, algorithms: Vec<Algorithm>) -> Self {
        self.algorithms = algorithms;
        self
    }

    /// Opens it: finds the version, where none is named, and reads its public key once.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Ambiguous`] where several versions are enabled, [`ErrorKind::PermissionDenied`],
    /// [`ErrorKind::Unauthenticated`], [`ErrorKind::Unsupported`] for a version that is disabled,
    /// [`ErrorKind::UnsupportedAlgorithm`] for one that does not sign, and whatever kept Cloud KMS from answering.
    pub async fn open(self, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let key = self.uri.clone();
        self.opened(cx).await.map_err(|error| error.with_key(key))
    }

    /// Lists the versions of the key, whatever their state; of a version, that one.
    pub(crate) async fn entries(self, cx: &OpenContext) -> Result<Entries> {
        let key = self.uri.clone();
        let listed = async {
            let (session, _) = session(self.identity, self.endpoint, self.uri, cx).await?;
            versions::entries(&session, &self.locator).await
        };
        listed.await.map_err(|error| error.with_key(key))
    }

    async fn opened(self, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let (session, uri) = session(self.identity, self.endpoint, self.uri, cx).await?;
        let version = match self.locator.version {
            Some(_) => self.locator,
            None => versions::only_enabled(&session, &self.locator).await?,
        };
        let known = match public::read(&session, &version).await {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                unseen(&session, &version, self.algorithms, error).await?
            }
            read => read?,
        };
        let uri = uri.with_literal(&version.to_string());
        Ok(Arc::new(KmsSigner {
            session,
            id: KeyId::new(&uri),
            version,
            algorithm: [known.algorithm],
            public: known.public,
        }))
    }
}

/// Cloud KMS as this caller, and the URI with its endpoint where that is not Google's own.
async fn session(
    identity: Identity,
    endpoint: Option<Url>,
    uri: KeyUri,
    cx: &OpenContext,
) -> Result<(Session, KeyUri)> {
    let credentials = Credentials::open(identity, cx).await?;
    let (endpoint, uri) = match endpoint {
        Some(endpoint) => (endpoint, uri),
        None => {
            let universe = universe(&credentials, cx).await?;
            let endpoint = format!("https://cloudkms.{universe}");
            let address = locator::address(&endpoint, "Cloud KMS")?;
            // The id must mean the same where the credentials say nothing of it.
            match universe == GOOGLE {
                true => (address, uri),
                false => (address, uri.with_attribute("endpoint", endpoint)),
            }
        }
    };
    let session = Session {
        client: Client::new(&cx.network, cx.timeout),
        endpoint,
        credentials,
        timeout: cx.timeout,
    };
    Ok((session, uri))
}

/// Where Cloud KMS is, unless an endpoint is named. A token of one universe is not sent to another.
async fn universe(credentials: &Credentials, cx: &OpenContext) -> Result<String> {
    let wanted = cx.env.var("GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    let wanted = wanted.and_then(|value| value.expose_str().map(str::to_owned));
    let wanted = wanted.filter(|value| !value.is_empty());
    let held = || credentials.universe();
    let held = service::retried("the metadata server", cx.timeout, held).await?;
    match (wanted, held) {
        (Some(wanted), Some(held)) if wanted != held => Err(Error::new(
            ErrorKind::Unauthenticated,
            format!("{credentials} is of the universe {held}, and {wanted} is asked for"),
        )
        .with_hint("see GOOGLE_CLOUD_UNIVERSE_DOMAIN, or take credentials of that universe")),
        (wanted, held) => Ok(wanted.or(held).unwrap_or_else(|| GOOGLE.into())),
    }
}

/// A version whose public key may not be read: what the caller says of it is believed, unless its algorithm may be seen.
async fn unseen(
    session: &Session,
    version: &Locator,
    told: Vec<Algorithm>,
    denied: Error,
) -> Result<Known> {
    let algorithm = match told.as_slice() {
        [] => {
            let hint = denied.hint().unwrap_or_default();
            let hint = format!(
                "{hint}; or say what it cannot: alg=RS256, and public-key=FILE or certificate=FILE"
            );
            return Err(denied.with_hint(hint));
        }
        [algorithm] => *algorithm,
        _ => {
            return Err(Error::new(
                ErrorKind::InvalidUri,
                "a version of Cloud KMS does one algorithm, and alg= names several",
            )
            .with_hint("its public key may not be read, so alg= must name the one that it does"));
        }
    };
    let unfit = |what: String| {
        Error::new(ErrorKind::UnsupportedAlgorithm, what).with_hint(format!(
            "name in alg= what the version does: {}",
            version.gcloud("describe")
        ))
    };
    if !spec::is_known(algorithm) {
        return Err(unfit(format!("Cloud KMS has no {algorithm}")));
    }
    let ask = Ask {
        path: version.to_string(),
        body: None,
        permission: "cloudkms.cryptoKeyVersions.get",
        about: version,
    };
    match session.ask(&ask, |answer| Ok(answer.clone())).await {
        Ok(answer) => {
            let name = field(&answer, "algorithm");
            if answer["state"] != "ENABLED" {
                return Err(state::unusable(version, Some(&answer)));
            }
            if spec::algorithm(&name) != Some(algorithm) {
                let what = format!("{version} does not do {algorithm}: its algorithm is {name}");
                return Err(unfit(what));
            }
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
        Err(error) => return Err(error),
    }
    Ok(Known {
        algorithm,
        public: None,
    })
}
