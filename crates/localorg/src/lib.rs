//! A Salesforce-like authorization server for demos and tests.
//!
//! It verifies assertions as Salesforce does (the app's certificates, RS256, `iss`, `sub`, `aud`, `exp`, a `jti` that was
//! not there before) with aws-lc-rs, which shares no code with what signs in keybearer, and refuses in Salesforce's own
//! words. Where Salesforce is lenient it is too, and its log says what was odd.
//!
//! ```no_run
//! use keybearer_core::Certificate;
//! use keybearer_localorg::{App, LocalOrg, User};
//!
//! # async fn example() -> keybearer_core::Result<()> {
//! let certificate = Certificate::from_file(&std::fs::read("app.crt").expect("a file"))?;
//! let org = LocalOrg::builder()
//!     .app(App::new("3MVG9example", certificate))
//!     .user(User::new("integration@example.org"))
//!     .start()
//!     .await?;
//! println!("{}", org.token_url());
//! # Ok(())
//! # }
//! ```

mod about;
mod access_token;
mod answer;
mod api;
mod assertion;
mod builder;
mod client;
mod clock;
mod fault;
mod form;
mod grant;
mod ids;
mod log;
mod model;
mod oauth;
mod org_file;
mod refusal;
mod router;
mod server;
mod sessions;
mod soql;
mod state;
mod tls;

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use tokio::task::JoinHandle;

pub use builder::Builder;
pub use fault::Fault;
pub use log::Entry;
pub use model::{App, Policy, TokenFormat, User};
pub use org_file::read_certificate;

use state::State;

/// A running org. It ends when dropped, and its connections with it.
pub struct LocalOrg {
    address: SocketAddr,
    ca_pem: Option<String>,
    state: Arc<State>,
    server: JoinHandle<()>,
}

impl LocalOrg {
    /// An org without apps and users.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The base URL: login host and API in one. No slash at its end.
    pub fn url(&self) -> String {
        self.state.url.clone()
    }

    /// The token endpoint.
    pub fn token_url(&self) -> String {
        format!("{}/services/oauth2/token", self.state.url)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate in PEM that a client must trust, where it serves TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// What it was asked, newest first: the last 10,000 requests.
    pub fn log(&self) -> Vec<Entry> {
        self.state.log.entries()
    }

    /// How many requests were posted to the token endpoint, whatever became of them.
    pub fn token_posts(&self) -> u64 {
        self.state.token_posts()
    }

    /// Has a fault happen to the next request to the token endpoint. Several wait in line.
    pub fn inject(&self, fault: Fault) {
        self.state.inject(fault);
    }

    /// Moves the org's clock forward: sessions end, the hour of logins passes.
    pub fn advance_clock(&self, by: Duration) {
        self.state.clock.advance(by);
    }

    /// Has the org's clock be so many milliseconds ahead of the system's, or behind it.
    pub fn set_clock_offset(&self, milliseconds: i64) {
        self.state.clock.set(milliseconds);
    }
}

impl Drop for LocalOrg {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl fmt::Debug for LocalOrg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalOrg")
            .field("url", &self.state.url)
            .finish_non_exhaustive()
    }
}
