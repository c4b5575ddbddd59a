//! Who we are to Azure: a chain of sources, as in Microsoft's SDKs, or one that the program names.

mod assertion;
mod cli;
mod entra;
mod environment;
mod identity;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use keybearer_core::{Error, ErrorKind, OpenContext, Registry, Result, Secret};
use keybearer_http::Client;
use tokio::{sync::Mutex, time::Instant};

use crate::{Login, locator::Locator};
use cli::Cli;
use entra::Entra;
use identity::ManagedIdentity;

/// What gets tokens, in the order in which it is asked.
#[derive(Debug)]
pub(crate) struct Credentials {
    candidates: Vec<Candidate>,
    /// The candidate that gave a token; the others are not asked again.
    chosen: AtomicUsize,
    caller: Caller,
    lease: Mutex<Option<Lease>>,
}

#[derive(Debug)]
struct Candidate {
    name: &'static str,
    /// Or why there is none.
    source: std::result::Result<Source, String>,
}

#[derive(Debug)]
enum Source {
    Entra(Entra),
    Identity(ManagedIdentity),
    Cli(Cli),
}

/// How sources reach their servers.
#[derive(Debug)]
struct Caller {
    client: Client,
    /// For this machine's own network.
    direct: Client,
    cx: OpenContext,
    /// Where callers of this cloud log in; `None` where nothing tells.
    authority: Option<String>,
}

#[derive(Debug)]
struct Lease {
    token: Secret,
    until: Instant,
}

/// Why a source gives no token.
enum Refused {
    /// It is not there: the next one is asked.
    Absent(String),
    /// It is there, and failed: that is said.
    Failed(Error),
}

/// No candidate yet.
const NONE: usize = usize::MAX;

impl Credentials {
    pub(crate) fn new(
        login: Login,
        certificates: Option<Registry>,
        key: &Locator,
        cx: &OpenContext,
    ) -> Result<Self> {
        let authority = environment::authority(cx.env.as_ref())?;
        let mut network = cx.network.clone();
        // Nobody waits long for a metadata service that may not be there.
        network.connect_timeout = Some(Duration::from_secs(1).min(cx.timeout));
        let candidates = match login {
            Login::Environment => environment::candidates(certificates, cx),
            login => vec![environment::given(login, cx.env.as_ref())],
        };
        Ok(Self {
            candidates,
            chosen: AtomicUsize::new(NONE),
            caller: Caller {
                client: Client::new(&cx.network, cx.timeout),
                direct: Client::new(&network, cx.timeout).without_proxy(),
                cx: cx.clone(),
                authority: authority.or_else(|| key.login().map(str::to_owned)),
            },
            lease: Mutex::default(),
        })
    }

    /// The token to use now. One is asked for, however many wait.
    pub(crate) async fn token(&self, resource: &str) -> Result<Secret> {
        let mut kept = self.lease.lock().await;
        if let Some(lease) = kept.as_ref()
            && Instant::now() < lease.until
        {
            return Ok(lease.token.clone());
        }
        let lease = self.asked(resource).await?;
        let token = lease.token.clone();
        *kept = Some(lease);
        Ok(token)
    }

    /// A token that was refused is not used again.
    pub(crate) async fn forget(&self, refused: &Secret) {
        let mut kept = self.lease.lock().await;
        if kept.as_ref().is_some_and(|lease| lease.token == *refused) {
            *kept = None;
        }
    }

    async fn asked(&self, resource: &str) -> Result<Lease> {
        let chosen = self.chosen.load(Ordering::Relaxed);
        let mut reasons = Vec::new();
        for (index, candidate) in self.candidates.iter().enumerate() {
            if chosen != NONE && index != chosen {
                continue;
            }
            let given = match &candidate.source {
                Ok(source) => source.token(resource, &self.caller).await,
                Err(why) => Err(Refused::Absent(why.clone())),
            };
            match given {
                Ok(lease) => {
                    tracing::debug!(source = candidate.name, "Azure has given a token");
                    self.chosen.store(index, Ordering::Relaxed);
                    return Ok(lease);
                }
                Err(Refused::Absent(why)) if chosen == index => {
                    return Err(candidate.has_ended(why));
                }
                Err(Refused::Absent(why)) => reasons.push(format!("{} ({why})", candidate.name)),
                Err(Refused::Failed(error)) => return Err(error),
            }
        }
        Err(Error::new(
            ErrorKind::Unauthenticated,
            format!("nothing here has Azure credentials: {}", reasons.join("; ")),
        )
        .with_hint("set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, give this machine a managed identity, or run az login"))
    }
}

impl Candidate {
    /// What has given tokens before gives none: a service may be away for a while, a login has to be made anew.
    fn has_ended(&self, why: String) -> Error {
        let message = format!("{} gives no token any more", self.name);
        match &self.source {
            Ok(Source::Cli(_)) => Error::new(ErrorKind::Unauthenticated, message)
                .with_hint("run az login again, in the account of this process"),
            _ => Error::new(ErrorKind::Unavailable, message),
        }
        .with_source(why)
    }
}

impl Source {
    async fn token(&self, resource: &str, caller: &Caller) -> std::result::Result<Lease, Refused> {
        match self {
            Self::Entra(entra) => Ok(entra.token(resource, caller).await?),
            Self::Identity(identity) => identity.token(resource, caller).await,
            Self::Cli(cli) => cli.token(resource, caller).await,
        }
    }
}

impl Lease {
    /// For so many seconds from `began`; given up a tenth, and at most five minutes, before its end, so that no signature
    /// meets the end itself.
    fn new(token: &str, began: Instant, seconds: u64) -> Self {
        let early =
            Duration::from_millis(seconds.saturating_mul(100)).min(Duration::from_secs(300));
        let lifetime = Duration::from_secs(seconds.min(86_400)).saturating_sub(early);
        Self {
            token: token.into(),
            until: began + lifetime,
        }
    }
}

/// The names of those that may give tokens, or of the one that does.
impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chosen = self.chosen.load(Ordering::Relaxed);
        match self.candidates.get(chosen) {
            Some(candidate) => f.write_str(candidate.name),
            None => f.write_str("the caller"),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A number, which some endpoints write as text.
fn number(value: &serde_json::Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

/// A key source that is shared.
type SharedKey = Arc<dyn keybearer_core::KeySource>;
