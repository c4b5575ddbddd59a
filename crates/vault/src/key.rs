//! From a place to a signer.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use keybearer_core::{
    Algorithm, Env, Error, ErrorKind, KeyId, KeyUri, OpenContext, PublicKey, Result, Secret,
    SecretSource, Signer,
};
use keybearer_http::Client;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use crate::{
    api::{Api, Ask, Session},
    credentials::{AppRole, Credentials, Pointer, SecretId},
    locator::{self, Locator},
    signer::{self, TransitSigner},
};

/// A key in a Transit engine, without a URI.
///
/// ```no_run
/// # async fn open(cx: &keybearer_core::OpenContext) -> keybearer_core::Result<()> {
/// use keybearer_vault::{Login, VaultKey};
/// let key = VaultKey::new("https://vault.example:8200", "transit", "jwt")?
///     .namespace("team-a")
///     .login(Login::AppRole {
///         mount: "approle".into(),
///         role_id: "5f0c…".into(),
///         secret_id: Some("8d1a…".into()),
///     })
///     .open(cx)
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct VaultKey {
    address: Url,
    place: Locator,
    version: Option<u64>,
    namespace: Option<String>,
    login: Login,
    algorithms: Option<Vec<Algorithm>>,
    uri: KeyUri,
}

/// Who signs, as Vault knows it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Login {
    /// `VAULT_TOKEN` or `~/.vault-token` of the context's environment (OpenBao's `BAO_TOKEN` first).
    Environment,
    /// This token, for as long as it lives.
    Token(Secret),
    /// A token by a pointer. A file is read for each signature, so what an agent writes there is used.
    TokenSource(SecretSource),
    /// A login by AppRole, repeated before its token ends.
    AppRole {
        /// Where the method is mounted below `auth/`: most often `approle`.
        mount: String,
        /// The role's id.
        role_id: String,
        /// The secret id, where the role asks for one.
        secret_id: Option<Secret>,
    },
    /// The same, with a secret id that is read anew for each login.
    AppRoleSource {
        /// Where the method is mounted below `auth/`: most often `approle`.
        mount: String,
        /// The role's id.
        role_id: String,
        /// Where the secret id is.
        secret_id: SecretSource,
    },
}

impl VaultKey {
    /// The key `name` of the Transit engine at `mount`, of the Vault at `address` (`https://host:8200`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUri`] where the address is none, or where the mount or the name is no path.
    pub fn new(address: &str, mount: &str, name: &str) -> Result<Self> {
        let place = Locator::parse(&format!("{mount}/keys/{name}"))?;
        let uri = KeyUri::literal("vault", &place.read_path());
        Self::at(address, place, uri)
    }

    pub(crate) fn at(address: &str, place: Locator, uri: KeyUri) -> Result<Self> {
        Ok(Self {
            address: locator::address(address)?,
            uri: uri.with_attribute("address", address),
            place,
            version: None,
            namespace: None,
            login: Login::Environment,
            algorithms: None,
        })
    }

    /// This version of it; the latest at opening unless told.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// In this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        let namespace = namespace.into();
        self.uri = self.uri.with_attribute("namespace", &namespace);
        self.namespace = Some(namespace);
        self
    }

    /// As whom; [`Login::Environment`] unless told.
    #[must_use]
    pub fn login(mut self, login: Login) -> Self {
        self.login = login;
        self
    }

    /// What the key does, for a role that may sign but not read the key. Where it may, what Vault says counts.
    #[must_use]
    pub fn algorithms(mut self, algorithms: Vec<Algorithm>) -> Self {
        self.algorithms = Some(algorithms);
        self
    }

    /// Opens it: reads the public key and the version once. Where the role may not read them, one signature over a fixed text
    /// tells the version, and whether the key is of the kind that was told.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::PermissionDenied`], [`ErrorKind::Unauthenticated`],
    /// [`ErrorKind::UnsupportedAlgorithm`] for a key that does not sign, and whatever kept Vault from answering.
    pub async fn open(self, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let key = self.uri.clone();
        self.opened(cx).await.map_err(|error| error.with_key(key))
    }

    async fn opened(self, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let mut network = cx.network.clone();
        let ca = variable(cx.env.as_ref(), "CACERT");
        if let Some(ca) = ca {
            network.ca_certificate = Some(ca.into());
        }
        let session = Session {
            api: Api {
                client: Client::new(&network, cx.timeout),
                address: self.address,
                namespace: self.namespace,
            },
            credentials: credentials(self.login, &cx.env).await?,
            timeout: cx.timeout,
        };
        let ask = Ask {
            path: self.place.read_path(),
            body: None,
        };
        let (version, algorithms, public) = match session.ask(&ask).await {
            Ok(data) => {
                let (version, public) = known(&data, self.version, &ask.path)?;
                let algorithms = Algorithm::of(public.key_type()).to_vec();
                (version, algorithms, Some(public))
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let told = self.algorithms.filter(|algorithms| !algorithms.is_empty());
                let Some(algorithms) = told else {
                    return Err(error.with_hint(format!(
                        "allow read on {} in a policy, or say what the key does: alg=RS256, and public-key=FILE or certificate=FILE",
                        ask.path
                    )));
                };
                let version = self.version.unwrap_or_default();
                let version = signer::probe(&session, &self.place, &algorithms, version).await?;
                (version, algorithms, None)
            }
            Err(error) => return Err(error),
        };
        let uri = self.uri.with_attribute("version", version.to_string());
        Ok(Arc::new(TransitSigner {
            session,
            place: self.place,
            id: KeyId::new(&uri),
            version,
            algorithms,
            public,
        }))
    }
}

/// `BAO_NAME` or `VAULT_NAME`, as OpenBao's programs read them.
pub(crate) fn variable(env: &dyn Env, name: &str) -> Option<String> {
    ["BAO_", "VAULT_"]
        .iter()
        .filter_map(|prefix| env.var(&format!("{prefix}{name}")))
        .filter_map(|value| value.expose_str().map(str::to_owned))
        .find(|value| !value.is_empty())
}

async fn credentials(login: Login, env: &Arc<dyn Env>) -> Result<Credentials> {
    let app_role = |mount: String, role: String, secret| {
        if !locator::is_path(&mount) {
            return Err(Error::new(
                ErrorKind::InvalidUri,
                "the mount of the AppRole method is no path",
            )
            .with_hint("give what vault auth list shows, without auth/: auth-mount=approle"));
        }
        Ok(Credentials::AppRole(AppRole {
            mount,
            role,
            secret,
            session: Mutex::default(),
        }))
    };
    match login {
        Login::Environment => Credentials::found(env).await,
        Login::Token(token) => Ok(Credentials::Given(token)),
        Login::TokenSource(source) => Ok(Credentials::token_at(source, env)),
        Login::AppRole {
            mount,
            role_id,
            secret_id,
        } => app_role(mount, role_id, secret_id.map(SecretId::Given)),
        Login::AppRoleSource {
            mount,
            role_id,
            secret_id,
        } => {
            let pointer = Pointer::new(secret_id, "Vault secret id", env);
            app_role(mount, role_id, Some(SecretId::At(pointer)))
        }
    }
}

/// The version to sign with and its public key, from what Vault says of the key.
pub(crate) fn known(data: &Value, wanted: Option<u64>, path: &str) -> Result<(u64, PublicKey)> {
    let kind = data["type"].as_str().unwrap_or("unknown");
    if data["supports_signing"] == false {
        return Err(Error::new(
            ErrorKind::UnsupportedAlgorithm,
            format!("the key {path} does not sign: its type is {kind}"),
        )
        .with_hint("make one of type rsa-2048 (or larger), ecdsa-p256 or ed25519"));
    }
    if data["derived"] == true {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the key {path} is derived: each context has a key of its own"),
        )
        .with_hint("make a key without derived=true"));
    }
    if data["soft_deleted"] == true {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the key {path} is deleted, and can be restored"),
        )
        .with_hint("to have it back: bao write -f MOUNT/keys/NAME/soft-delete-restore"));
    }
    let latest = data["latest_version"].as_u64();
    let version = wanted
        .or(latest)
        .ok_or_else(|| odd(path, "latest_version"))?;
    let least = ["min_encryption_version", "min_decryption_version"]
        .iter()
        .filter_map(|name| data[*name].as_u64())
        .max()
        .unwrap_or_default();
    if version < least {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("version {version} of the key {path} may not sign any more: the least is {least}"),
        )
        .with_hint("leave version= out for the latest, and have the certificate of that version registered"));
    }
    let entry = data["keys"].get(version.to_string()).ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            format!("the key {path} has no version {version}"),
        )
        .with_hint(format!("its latest is {}", latest.unwrap_or_default()))
    })?;
    let text = entry["public_key"]
        .as_str()
        .ok_or_else(|| odd(path, "public_key"))?;
    let public = match kind {
        "ed25519" => STANDARD
            .decode(text.trim())
            .map_err(|_| odd(path, "public_key"))
            .and_then(|bytes| PublicKey::from_ed25519(&bytes)),
        _ => PublicKey::from_file(text.as_bytes()),
    };
    let public = public.map_err(|error| {
        Error::new(
            ErrorKind::UnsupportedAlgorithm,
            format!("no algorithm here fits the key {path}: its type is {kind}"),
        )
        .with_source(error.to_string())
    })?;
    Ok((version, public))
}

fn odd(path: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::Backend,
        format!("Vault's answer on {path} has no {what} that can be read"),
    )
}
