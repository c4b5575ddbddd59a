//! From a place to a signer.

use std::{path::PathBuf, sync::Arc};

use keybearer_core::{
    Algorithm, Error, ErrorKind, KeyId, KeySource, KeyUri, OpenContext, Registry, Result, Secret,
    Signer,
};
use keybearer_http::Client;
use tokio::sync::OnceCell;

use crate::{
    answer::Asked,
    api::{Ask, Session},
    credentials::Credentials,
    jwk,
    locator::{self, Locator},
    signer::{self, KeyVaultSigner},
};

/// A key in Key Vault or a Managed HSM, without a URI.
///
/// ```no_run
/// # async fn open(cx: &keybearer_core::OpenContext) -> keybearer_core::Result<()> {
/// use keybearer_azurekv::{AzureKey, Login};
/// let key = AzureKey::new("https://jobs.vault.azure.net/keys/jwt")?
///     .login(Login::ManagedIdentity { client_id: None })
///     .open(cx)
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AzureKey {
    place: Locator,
    endpoint: Option<String>,
    login: Login,
    certificates: Option<Registry>,
    algorithms: Option<Vec<Algorithm>>,
    uri: KeyUri,
}

/// Who signs, as Azure knows it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Login {
    /// What the context's environment has, asked in this order: an application by its secret or certificate
    /// (`AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET` or `AZURE_CLIENT_CERTIFICATE_PATH`), workload identity
    /// (`AZURE_FEDERATED_TOKEN_FILE`), managed identity, and the Azure CLI.
    Environment,
    /// An application, by a secret.
    Secret {
        /// The tenant's id or domain.
        tenant_id: String,
        /// The application's (client) id.
        client_id: String,
        /// One of its secrets.
        secret: Secret,
    },
    /// An application, by a key of which it has the certificate: RS256 or PS256, on any signer that has a certificate.
    Certificate {
        /// The tenant's id or domain.
        tenant_id: String,
        /// The application's (client) id.
        client_id: String,
        /// What signs the client assertion.
        key: Arc<dyn KeySource>,
    },
    /// An application or identity that trusts another issuer's token.
    WorkloadIdentity {
        /// The tenant's id or domain.
        tenant_id: String,
        /// The application's or identity's (client) id.
        client_id: String,
        /// The file with the token, read for each login.
        token_file: PathBuf,
    },
    /// The identity that the platform gives this program: App Service and Container Apps (`IDENTITY_ENDPOINT`), or else
    /// the virtual machine by its Instance Metadata Service.
    ManagedIdentity {
        /// A user-assigned identity; the system's own where it is absent.
        client_id: Option<String>,
    },
    /// The user or application that `az login` has logged in.
    AzureCli,
}

impl AzureKey {
    /// The key of this identifier, `https://VAULT.vault.azure.net/keys/NAME/VERSION` (or of a Managed HSM or a sovereign
    /// cloud); without a version the one that is current at opening.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUri`] where it is no such identifier.
    pub fn new(identifier: &str) -> Result<Self> {
        let uri = KeyUri::literal("azurekv", identifier);
        Ok(Self::at(Locator::parse(identifier)?, uri))
    }

    pub(crate) fn at(place: Locator, uri: KeyUri) -> Self {
        Self {
            place,
            endpoint: None,
            login: Login::Environment,
            certificates: None,
            algorithms: None,
            uri,
        }
    }

    /// Reaches the vault at another address, `https://HOST`: that of a gateway or private link. The identifier stays.
    #[must_use]
    pub fn endpoint(mut self, address: impl Into<String>) -> Self {
        let address = address.into();
        self.uri = self.uri.with_attribute("endpoint", &address);
        self.endpoint = Some(address);
        self
    }

    /// As whom; [`Login::Environment`] unless told.
    #[must_use]
    pub fn login(mut self, login: Login) -> Self {
        self.login = login;
        self
    }

    /// What opens the file of `AZURE_CLIENT_CERTIFICATE_PATH`, as `keystore:`. Without it [`Login::Environment`] takes no
    /// certificate.
    #[must_use]
    pub fn certificates(mut self, registry: Registry) -> Self {
        self.certificates = Some(registry);
        self
    }

    /// What the key does, for a caller who may sign but not read the key. Where it may, what the vault says counts.
    #[must_use]
    pub fn algorithms(mut self, algorithms: Vec<Algorithm>) -> Self {
        self.algorithms = Some(algorithms);
        self
    }

    /// Opens it: reads the public key and the version once. Where the caller may not read them and no version is given,
    /// one signature over a fixed text tells the version.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::PermissionDenied`], [`ErrorKind::Unauthenticated`], [`ErrorKind::Unsupported`]
    /// for a key that is disabled or outside its validity, [`ErrorKind::UnsupportedAlgorithm`] for one that does not sign,
    /// and whatever kept the vault from answering.
    pub async fn open(self, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let key = self.uri.clone();
        self.opened(cx).await.map_err(|error| error.with_key(key))
    }

    async fn opened(self, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let mut place = self.place;
        let session = Session {
            client: Client::new(&cx.network, cx.timeout),
            address: address(self.endpoint.as_deref(), &place)?,
            credentials: Credentials::new(self.login, self.certificates, &place, cx)?,
            resource: OnceCell::new(),
            timeout: cx.timeout,
        };
        let ask = Ask {
            key: &place,
            asked: Asked::Get,
            body: None,
        };
        let (version, algorithms, public) = match session.ask(&ask).await {
            Ok(answer) => {
                let (version, public) = jwk::read(&answer, &place)?;
                (
                    version,
                    Algorithm::of(public.key_type()).to_vec(),
                    Some(public),
                )
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let algorithms = told(self.algorithms, error)?;
                let version = match (&place.version, algorithms.first()) {
                    (None, Some(&algorithm)) => {
                        let text = b"keybearer asks which version of this key signs";
                        signer::sign(&session, &place, algorithm, text).await?.0
                    }
                    (version, _) => version.clone().unwrap_or_default(),
                };
                (version, algorithms, None)
            }
            Err(error) => return Err(error),
        };
        let id = KeyId::new(&self.uri.with_literal(&place.kid(&version)));
        place.version = Some(version);
        Ok(Arc::new(KeyVaultSigner {
            session,
            key: place,
            id,
            algorithms,
            public,
        }))
    }
}

/// What the user says of a key that the caller may not read.
fn told(algorithms: Option<Vec<Algorithm>>, error: Error) -> Result<Vec<Algorithm>> {
    let Some(algorithms) = algorithms else {
        let cure = error.hint().unwrap_or_default().to_owned();
        return Err(error.with_hint(format!(
            "{cure}; or say what the key does: alg=RS256, and public-key=FILE or certificate=FILE"
        )));
    };
    let has = |algorithm: &Algorithm| algorithm.hash().is_some();
    match algorithms.iter().find(|algorithm| !has(algorithm)) {
        Some(&none) => Err(signer::none(none)),
        None => Ok(algorithms),
    }
}

fn address(endpoint: Option<&str>, place: &Locator) -> Result<String> {
    let Some(endpoint) = endpoint else {
        return Ok(format!("https://{}", place.host));
    };
    let url = locator::https(endpoint).map_err(|why| {
        Error::new(
            ErrorKind::InvalidUri,
            format!("endpoint= is not usable: {why}"),
        )
        .with_hint("an endpoint is https://HOST; tokens go there, and so over TLS alone")
    })?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
