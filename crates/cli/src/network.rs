//! How servers are reached: the authorization server, and the service that holds a key.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use keybearer_core::{Network, OpenContext, Secret};
use keybearer_http::Client;

/// The same for every server that a command asks.
#[derive(Args, Debug)]
#[command(next_help_heading = "The network")]
pub(crate) struct NetworkOptions {
    /// How long a request, or a signature by an HSM, may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,

    /// The proxy [default: HTTPS_PROXY, HTTP_PROXY and NO_PROXY]
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,

    /// PEM certificates that are trusted besides the system's
    #[arg(long, value_name = "PATH")]
    ca_certificate: Option<PathBuf>,
}

impl NetworkOptions {
    /// What asks the authorization server.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.network(), self.timeout())
    }

    /// `open`, for a key that is reached so.
    pub(crate) fn reaching(&self, open: &OpenContext) -> OpenContext {
        let mut open = open.clone();
        (open.timeout, open.network) = (self.timeout(), self.network());
        open
    }

    fn network(&self) -> Network {
        let mut network = Network::default();
        network.proxy = self.proxy.as_deref().map(Secret::from);
        network.ca_certificate = self.ca_certificate.clone();
        network
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }
}
