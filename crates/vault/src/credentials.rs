//! Who we are to Vault: a token from where its users keep it, or a login by AppRole.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use keybearer_core::{Env, Error, ErrorKind, Result, Secret, SecretSource};
use serde_json::json;
use tokio::{
    sync::{Mutex, OnceCell},
    time::Instant,
};

use crate::{answer, api::Api};

/// Where a token comes from. `Display` names the source, never the secret.
#[derive(Debug)]
pub(crate) enum Credentials {
    Given(Secret),
    Token(Pointer),
    AppRole(AppRole),
}

/// A place that has a secret. Files and variables are read each time, as agents rotate them; a person and a file
/// descriptor answer once.
pub(crate) struct Pointer {
    pub(crate) source: SecretSource,
    what: &'static str,
    env: Arc<dyn Env>,
    kept: OnceCell<Secret>,
}

/// A login by role and secret, repeated when its token ends.
#[derive(Debug)]
pub(crate) struct AppRole {
    pub(crate) mount: String,
    pub(crate) role: String,
    /// Absent where the role asks for none.
    pub(crate) secret: Option<SecretId>,
    pub(crate) session: Mutex<Option<Lease>>,
}

#[derive(Debug)]
pub(crate) enum SecretId {
    Given(Secret),
    At(Pointer),
}

#[derive(Debug)]
pub(crate) struct Lease {
    token: Secret,
    /// `None`: for ever.
    until: Option<Instant>,
}

impl Credentials {
    /// `VAULT_TOKEN`, then `~/.vault-token`: the order of Vault's own programs. OpenBao's names come first, as there.
    pub(crate) async fn found(env: &Arc<dyn Env>) -> Result<Self> {
        for name in ["BAO_TOKEN", "VAULT_TOKEN"] {
            if env.var(name).is_some_and(|token| !token.is_empty()) {
                return Ok(Self::token_at(SecretSource::Env(name.into()), env));
            }
        }
        let home = env
            .var("HOME")
            .and_then(|home| home.expose_str().map(PathBuf::from));
        let file = home.map(|home| home.join(".vault-token"));
        if let Some(file) = file
            && is_there(env.as_ref(), &file).await
        {
            return Ok(Self::token_at(SecretSource::File(file), env));
        }
        Err(Error::new(
            ErrorKind::Unauthenticated,
            "there is no token for Vault: tried BAO_TOKEN, VAULT_TOKEN and ~/.vault-token",
        )
        .with_hint("run vault login, set VAULT_TOKEN, name a file by token-source=file:PATH, or log in by role-id= and secret-id-source="))
    }

    pub(crate) fn token_at(source: SecretSource, env: &Arc<dyn Env>) -> Self {
        Self::Token(Pointer::new(source, "Vault token", env))
    }

    /// The token to use now.
    pub(crate) async fn token(&self, api: &Api) -> Result<Secret> {
        match self {
            Self::Given(token) => Ok(token.clone()),
            Self::Token(pointer) => pointer.read().await,
            Self::AppRole(role) => role.token(api).await,
        }
    }

    /// Another token than this one, which was refused; `None` where there is no other.
    pub(crate) async fn newer(&self, refused: &Secret, api: &Api) -> Result<Option<Secret>> {
        match self {
            Self::Given(_) => Ok(None),
            Self::Token(pointer) => {
                let now = pointer.read().await?;
                Ok((now != *refused).then_some(now))
            }
            // A policy refuses a new token too: only one that has ended is worth a login.
            Self::AppRole(_) if api.knows(refused).await != Some(false) => Ok(None),
            Self::AppRole(role) => {
                role.forget(refused).await;
                role.token(api).await.map(Some)
            }
        }
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("the program"),
            Self::Token(pointer) => pointer.source.fmt(f),
            Self::AppRole(role) => write!(f, "AppRole {} at auth/{}", role.role, role.mount),
        }
    }
}

impl Pointer {
    pub(crate) fn new(source: SecretSource, what: &'static str, env: &Arc<dyn Env>) -> Self {
        Self {
            source,
            what,
            env: env.clone(),
            kept: OnceCell::new(),
        }
    }

    async fn read(&self) -> Result<Secret> {
        match &self.source {
            SecretSource::Env(_) | SecretSource::File(_) => self.fresh().await,
            _ => self.kept.get_or_try_init(|| self.fresh()).await.cloned(),
        }
    }

    async fn fresh(&self) -> Result<Secret> {
        let secret = self.source.read(self.what, self.env.as_ref()).await?;
        let text = secret.expose_str().map(str::trim).unwrap_or_default();
        if text.is_empty() || text.contains(char::is_control) {
            return Err(Error::new(
                ErrorKind::BadSecret,
                format!("what {} has is no {}", self.source, self.what),
            )
            .with_hint("it must be one line of text"));
        }
        Ok(text.into())
    }
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pointer({})", self.source)
    }
}

impl AppRole {
    /// One login however many ask.
    async fn token(&self, api: &Api) -> Result<Secret> {
        let mut session = self.session.lock().await;
        if let Some(lease) = session.as_ref()
            && lease.until.is_none_or(|until| Instant::now() < until)
        {
            return Ok(lease.token.clone());
        }
        let lease = self.log_in(api).await?;
        let token = lease.token.clone();
        *session = Some(lease);
        Ok(token)
    }

    async fn forget(&self, refused: &Secret) {
        let mut session = self.session.lock().await;
        if session
            .as_ref()
            .is_some_and(|lease| lease.token == *refused)
        {
            *session = None;
        }
    }

    async fn log_in(&self, api: &Api) -> Result<Lease> {
        let mut body = json!({ "role_id": self.role });
        if let Some(secret) = &self.secret {
            let secret = secret.read().await?;
            body["secret_id"] = secret.expose_str().unwrap_or_default().into();
        }
        let path = format!("auth/{}/login", self.mount);
        let began = Instant::now();
        let response = api.send(&path, Some(&body), None).await?;
        match response.status() {
            200 => {}
            400 => {
                return Err(Error::new(
                    ErrorKind::BadSecret,
                    format!("Vault refuses the role id {} or its secret id", self.role),
                )
                .with_hint(format!(
                    "a secret id may have expired or been used up: vault write -f {}",
                    format_args!("auth/{}/role/NAME/secret-id", self.mount)
                )));
            }
            403 | 404 => {
                return Err(Error::new(
                    ErrorKind::Unauthenticated,
                    format!("Vault lets nobody log in at {path}"),
                )
                .with_hint("check auth-mount= and the namespace: vault auth list; a role is locked for a while too, after some logins with a wrong secret id"));
            }
            _ => return Err(api.failure(&response, &path).await),
        }
        let auth = answer::part(&response, "auth")?;
        let token = auth["client_token"]
            .as_str()
            .filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| {
            Error::new(
                ErrorKind::Backend,
                "Vault's answer to the login has no token",
            )
        })?;
        let seconds = auth["lease_duration"].as_u64().unwrap_or_default();
        // A tenth before its end, so that no signature meets the end itself. Zero is a token without an end.
        let lifetime = Duration::from_millis(seconds.saturating_mul(900));
        Ok(Lease {
            token: token.into(),
            until: (seconds > 0).then(|| began.checked_add(lifetime)).flatten(),
        })
    }
}

impl SecretId {
    async fn read(&self) -> Result<Secret> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::At(pointer) => pointer.read().await,
        }
    }
}

/// What cannot be read is there: its reading says why.
async fn is_there(env: &dyn Env, file: &Path) -> bool {
    match env.read(file, 64 << 10).await {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}
