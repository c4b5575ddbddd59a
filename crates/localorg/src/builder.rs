//! Starting an org.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use keybearer_core::{Error, ErrorKind, Result};
use tokio::net::TcpListener;

use crate::{
    LocalOrg,
    access_token::Issuer,
    log::{Entry, Listener, Log},
    model::{App, Policy, TokenFormat, User},
    org_file::OrgFile,
    router, server,
    state::State,
    tls::Tls,
};

/// An org to be started.
#[derive(Clone)]
pub struct Builder {
    apps: Vec<App>,
    users: Vec<User>,
    policy: Policy,
    listen: SocketAddr,
    tls: bool,
    listener: Option<Listener>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            apps: Vec::new(),
            users: Vec::new(),
            policy: Policy::default(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: false,
            listener: None,
        }
    }
}

impl Builder {
    /// Registers an app.
    #[must_use]
    pub fn app(mut self, app: App) -> Self {
        self.apps.push(app);
        self
    }

    /// Makes a user.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Adds the apps and users of a file (`org.toml`), whose certificates' paths are relative to it.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] for a key that is unknown, whose hint names the nearest, and for a value that cannot be;
    /// otherwise by what the system says of a file.
    pub fn file(mut self, path: &Path) -> Result<Self> {
        let file = OrgFile::read(path)?;
        self.apps.extend(file.apps);
        self.users.extend(file.users);
        Ok(self)
    }

    /// The policy of apps that have none of their own.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Where to listen, unless on a free port of 127.0.0.1. Port 0 is a free one.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Serves TLS, with a certificate of its own: [`LocalOrg::ca_pem`]. It is for `localhost`, `127.0.0.1`, `::1` and the
    /// address that it listens on.
    #[must_use]
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// Calls `listener` for each request, once it is answered. It must not block.
    #[must_use]
    pub fn on_request(mut self, listener: impl Fn(&Entry) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Starts the org within a tokio runtime that has I/O and time. It answers when this returns.
    ///
    /// # Errors
    /// [`ErrorKind::Ambiguous`] for two apps with one consumer key or two users of one name, [`ErrorKind::NotFound`] for a
    /// user that an app allows and nobody made, and what the system says of the address.
    pub async fn start(self) -> Result<LocalOrg> {
        let names = self.apps.iter().map(|app| app.client_id.clone());
        refuse_twins("app", names)?;
        let names = self.users.iter().map(|user| user.name.to_ascii_lowercase());
        refuse_twins("user", names)?;
        self.refuse_strangers()?;
        let cannot = |error: std::io::Error| {
            let message = format!("the org cannot listen on {}", self.listen);
            Error::new(ErrorKind::Backend, message).with_source(error)
        };
        let listener = TcpListener::bind(self.listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let tls = if self.tls {
            Some(Tls::new(address.ip()).await?)
        } else {
            None
        };
        let scheme = if self.tls { "https" } else { "http" };
        let makes_jwts = self
            .apps
            .iter()
            .any(|app| app.token_format == TokenFormat::Jwt);
        let state = Arc::new(State::new(
            format!("{scheme}://{}", reachable(address)),
            self.apps,
            self.users,
            self.policy,
            Issuer::new(makes_jwts).await?,
            Log::new(self.listener),
        ));
        let router = router::router(state.clone());
        let (acceptor, ca_pem) = tls.map(|tls| (tls.acceptor, tls.ca_pem)).unzip();
        Ok(LocalOrg {
            address,
            ca_pem,
            state,
            server: tokio::spawn(server::serve(listener, acceptor, router)),
        })
    }
}

impl Builder {
    /// A user that an app allows and nobody made is a slip of the pen.
    fn refuse_strangers(&self) -> Result<()> {
        let is_there = |name: &str| {
            let mut users = self.users.iter();
            users.any(|user| user.name.eq_ignore_ascii_case(name))
        };
        for app in &self.apps {
            let mut users = app.users.iter().flatten();
            if let Some(name) = users.find(|name| !is_there(name)) {
                let message = format!(
                    "the app \"{}\" allows the user \"{}\", who is not there",
                    app.client_id.escape_debug(),
                    name.escape_debug()
                );
                return Err(Error::new(ErrorKind::NotFound, message)
                    .with_hint("make the user too: [[user]] with that name, or --user"));
            }
        }
        Ok(())
    }

    /// The apps as they are so far.
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// The users as they are so far.
    pub fn users(&self) -> &[User] {
        &self.users
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("apps", &self.apps)
            .field("users", &self.users)
            .field("policy", &self.policy)
            .field("listen", &self.listen)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// Where a client on this machine reaches it: "any address" is no destination.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    reachable
}

fn refuse_twins(what: &str, names: impl Iterator<Item = String>) -> Result<()> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Error::new(
            ErrorKind::Ambiguous,
            format!("there are two {what}s \"{}\"", pair[0].escape_debug()),
        )
        .with_hint("say each once; an app may have several certificates")),
    }
}
