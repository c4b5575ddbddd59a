//! Who we are to Google: Application Default Credentials, or what the caller names.
//!
//! Source: <https://cloud.google.com/docs/authentication/application-default-credentials>.

mod direct;
mod document;
mod endpoint;
mod find;
mod impersonated;
mod metadata;

use std::{fmt, sync::Arc, time::Duration};

use keybearer_core::{Env, Network, OpenContext, Result, Secret, SecretSource};
use keybearer_http::Client;
use tokio::{
    sync::{Mutex, OnceCell},
    time::Instant,
};

use crate::key::Identity;
use document::Document;
use metadata::Metadata;

/// What a token may be used for: Cloud KMS and nothing else.
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/cloudkms";

/// Where everything is unless a universe of its own is named.
pub(crate) const GOOGLE: &str = "googleapis.com";

/// A token is not used in its last minutes: the metadata server gives the same one out until four minutes before its end.
const MARGIN: Duration = Duration::from_secs(225);

/// One source of access tokens. `Display` names the account, where it is known, and the source; never a secret.
pub(crate) struct Credentials {
    source: Source,
    client: Client,
    who: String,
    member: String,
    quota_project: Option<String>,
    universe: Option<String>,
    kept: Mutex<Option<Lease>>,
}

#[derive(Debug)]
enum Source {
    /// A token of the caller's.
    Given(Secret),
    /// A file, or another text, of Google's credentials.
    Document(Text),
    Metadata(Box<Metadata>),
}

/// Where that text is. Files and variables are read again for each new token; a person and a file descriptor answer once.
struct Text {
    source: Option<SecretSource>,
    env: Arc<dyn Env>,
    kept: OnceCell<Secret>,
}

/// An access token, and until when it is used.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) token: Secret,
    until: Instant,
}

impl Credentials {
    /// Looks for them, and reads what must be known before the first token.
    pub(crate) async fn open(identity: Identity, cx: &OpenContext) -> Result<Self> {
        let client = Client::new(&cx.network, cx.timeout);
        let source = match identity {
            Identity::Default => find::source(cx).await?,
            Identity::Source(source) => Source::Document(Text::at(source, &cx.env)),
            Identity::Json(json) => Source::Document(Text::given(json, &cx.env)),
            Identity::AccessToken(token) => Source::Given(token),
        };
        let mut found = Self {
            who: String::new(),
            member: "MEMBER".into(),
            quota_project: find::variable(cx.env.as_ref(), "GOOGLE_CLOUD_QUOTA_PROJECT"),
            universe: None,
            kept: Mutex::default(),
            client,
            source,
        };
        match &found.source {
            Source::Given(_) => found.who = "the token of the program".into(),
            Source::Metadata(metadata) => {
                found.who = metadata.to_string();
                // A pod of GKE may have an identity that is no service account.
                if metadata.account().contains('@') {
                    found.member = format!("serviceAccount:{}", metadata.account());
                }
            }
            Source::Document(text) => {
                let document = text.document().await?;
                let about = document.about();
                found.who = format!("{} from {text}", about.who);
                found.member = about.member;
                found.quota_project = found.quota_project.or(about.quota_project);
                found.universe = about.universe;
            }
        }
        Ok(found)
    }

    /// The token to use now. One is asked for however many wait for it.
    pub(crate) async fn token(&self) -> Result<Secret> {
        if let Source::Given(token) = &self.source {
            return Ok(token.clone());
        }
        let mut kept = self.kept.lock().await;
        if let Some(lease) = kept.as_ref()
            && Instant::now() < lease.until
        {
            return Ok(lease.token.clone());
        }
        let lease = match &self.source {
            Source::Given(token) => return Ok(token.clone()),
            Source::Metadata(metadata) => metadata.token().await?,
            Source::Document(text) => text.document().await?.token(&self.client).await?,
        };
        let token = lease.token.clone();
        *kept = Some(lease);
        Ok(token)
    }

    /// Another token than this one, which was refused; `None` where there is no other.
    pub(crate) async fn newer(&self, refused: &Secret) -> Result<Option<Secret>> {
        {
            let mut kept = self.kept.lock().await;
            if kept.as_ref().is_some_and(|lease| lease.token == *refused) {
                *kept = None;
            }
        }
        let token = self.token().await?;
        Ok((token != *refused).then_some(token))
    }

    /// The project whose quota is used, where it is not the key's.
    pub(crate) fn quota_project(&self) -> Option<&str> {
        self.quota_project.as_deref()
    }

    /// Who this is as IAM writes it, for a command that grants something.
    pub(crate) fn member(&self) -> &str {
        &self.member
    }

    /// The universe that the credentials are of.
    pub(crate) async fn universe(&self) -> Result<Option<String>> {
        match &self.source {
            Source::Metadata(metadata) => metadata.universe().await,
            _ => Ok(self.universe.clone()),
        }
    }
}

impl Lease {
    /// A token that was asked for at `began` and lives so many seconds from then.
    pub(crate) fn new(token: Secret, began: Instant, seconds: u64) -> Self {
        let lifetime = Duration::from_secs(seconds.min(24 * 60 * 60));
        // Of one that lives shortly, the first half is used.
        let used = lifetime.saturating_sub(MARGIN).max(lifetime / 2);
        Self {
            token,
            until: began + used,
        }
    }
}

impl Text {
    fn at(source: SecretSource, env: &Arc<dyn Env>) -> Self {
        Self {
            source: Some(source),
            env: env.clone(),
            kept: OnceCell::new(),
        }
    }

    fn given(json: Secret, env: &Arc<dyn Env>) -> Self {
        Self {
            source: None,
            env: env.clone(),
            kept: OnceCell::new_with(Some(json)),
        }
    }

    async fn document(&self) -> Result<Document> {
        let fresh = |source: SecretSource| async move {
            source.read("Google credentials", self.env.as_ref()).await
        };
        let json = match &self.source {
            Some(source @ (SecretSource::Env(_) | SecretSource::File(_))) => {
                fresh(source.clone()).await?
            }
            Some(source) => {
                let once = || fresh(source.clone());
                self.kept.get_or_try_init(once).await?.clone()
            }
            None => self.kept.get().cloned().unwrap_or_else(|| "".into()),
        };
        Document::parse(&json, &self.to_string())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => source.fmt(f),
            None => f.write_str("the program"),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({self})")
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.who)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("source", &self.source)
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

/// Whether it can be an account's name: it stands in errors and in the commands that they advise.
fn is_account(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "@.-_:".contains(c);
    !text.is_empty() && text.chars().all(is_part)
}

/// A network without a proxy and with a short patience, for what is near or not there.
fn near(network: &Network) -> Network {
    let mut near = network.clone();
    near.proxy = None;
    near.connect_timeout = Some(Duration::from_secs(3));
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_its_end() {
        let now = Instant::now();
        let used = |seconds| Lease::new("t".into(), now, seconds).until - now;
        assert_eq!(used(3600), Duration::from_secs(3375));
        assert_eq!(used(300), Duration::from_secs(150));
        assert_eq!(used(0), Duration::ZERO);
        assert_eq!(used(u64::MAX), Duration::from_secs(24 * 3600 - 225));
    }
}
