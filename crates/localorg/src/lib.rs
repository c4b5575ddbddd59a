//! A Salesforce-like authorization server for demos and tests, on loopback.
//!
//! It verifies assertions as Salesforce does (the app's certificate, RS256, `iss`, `sub`, `aud`, `exp`, a `jti` that was
//! not there before) with aws-lc-rs, which shares no code with what signs in keybearer, and refuses in Salesforce's own
//! words.

mod grant;
mod routes;
mod state;

use std::{io, net::SocketAddr, sync::Arc};

use keybearer_core::Certificate;
use tokio::{net::TcpListener, task::JoinHandle};

use state::State;

/// A running org. It ends when dropped.
#[derive(Debug)]
pub struct LocalOrg {
    address: SocketAddr,
    server: JoinHandle<()>,
}

/// An app of the org: whoever holds the key of one of its certificates is the app.
#[derive(Clone, Debug)]
pub struct App {
    client_id: String,
    certificates: Vec<Certificate>,
}

/// An org to be started.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    apps: Vec<App>,
    users: Vec<User>,
}

/// A user of the org.
#[derive(Clone, Debug)]
pub struct User {
    name: String,
    active: bool,
}

impl App {
    /// An app that every user may use.
    pub fn new(client_id: impl Into<String>, certificates: Vec<Certificate>) -> Self {
        Self {
            client_id: client_id.into(),
            certificates,
        }
    }
}

impl User {
    /// An active user.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            active: true,
        }
    }

    /// This user, deactivated.
    #[must_use]
    pub fn inactive(mut self) -> Self {
        self.active = false;
        self
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

    /// Starts the org on a free port of the loopback address, within a tokio runtime. It answers when this returns.
    ///
    /// # Errors
    /// What the system says of the port.
    pub async fn start(self) -> io::Result<LocalOrg> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(
            format!("http://{address}"),
            self.apps,
            self.users,
        ));
        let server = tokio::spawn(async move {
            // It ends with its task; a connection that fails is its client's affair.
            let _ = axum::serve(listener, routes::router(state)).await;
        });
        Ok(LocalOrg { address, server })
    }
}

impl LocalOrg {
    /// An org without apps and users.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The base URL: login host and API in one.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The token endpoint.
    pub fn token_url(&self) -> String {
        format!("{}/services/oauth2/token", self.url())
    }
}

impl Drop for LocalOrg {
    fn drop(&mut self) {
        self.server.abort();
    }
}
