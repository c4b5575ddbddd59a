//! The client.

use std::{fmt, sync::OnceLock, time::Duration};

use keybearer_core::Network;
use reqwest::{Url, redirect::Policy};

use crate::{
    HttpError, HttpErrorKind, Request, Response,
    diagnosis::Attempt,
    proxy::{Proxies, Proxy},
    request::host_of,
    tls,
};

/// An HTTP client. Cheap to make: connections, TLS and roots are set up by the first request that needs them.
pub struct Client {
    network: Network,
    timeout: Duration,
    max_body: usize,
    proxies: OnceLock<Proxies>,
    plain: OnceLock<reqwest::Client>,
    secure: OnceLock<reqwest::Client>,
}

/// What a token endpoint or an API's answer may have; more is no token.
const MAX_BODY: usize = 1 << 20;

impl Client {
    /// A client that reaches the network as told; `timeout` is the total time of one request, its answer included.
    pub fn new(network: &Network, timeout: Duration) -> Self {
        Self {
            network: network.clone(),
            timeout,
            max_body: MAX_BODY,
            proxies: OnceLock::new(),
            plain: OnceLock::new(),
            secure: OnceLock::new(),
        }
    }

    /// This client, taking answers of at most so many bytes. 1 MiB unless told.
    #[must_use]
    pub fn with_max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// This client, past every proxy: for addresses of this machine's own network, where a metadata service listens.
    #[must_use]
    pub fn without_proxy(mut self) -> Self {
        self.network.proxy = None;
        self.proxies = OnceLock::from(Proxies::off());
        self
    }

    /// Sends a request and reads the whole answer, whatever its status. A redirect is an answer like others: it is not
    /// followed.
    ///
    /// # Errors
    /// Everything that kept an answer of the server from arriving whole.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let host = host_of(&request.url);
        let proxy = self
            .proxies()
            .and_then(|proxies| proxies.of(&request.url))
            .map_err(|error| error.at(&host))?;
        let client = self.client_for(&request.url, proxy.as_ref())?;
        let attempt = Attempt {
            host: &host,
            proxy: proxy.as_ref(),
            timeout: self.timeout,
            connect_timeout: self.connect_timeout(),
        };
        let mut builder = client.request(request.method, request.url);
        for (name, value) in &request.headers {
            let mut value =
                reqwest::header::HeaderValue::from_bytes(value.expose()).map_err(|_| {
                    let message = format!("the header {name} has a line break");
                    HttpError::new(HttpErrorKind::Config, &host, message)
                })?;
            value.set_sensitive(true);
            builder = builder.header(*name, value);
        }
        if let Some((content_type, body)) = &request.body {
            builder = builder
                .header("content-type", *content_type)
                .body(body.expose().to_vec());
        }
        tracing::debug!(host, "sending a request");
        let sent = builder.send().await;
        let answer = sent.map_err(|error| attempt.diagnose(&error))?;
        let response = Response::read(answer, &attempt, self.max_body).await?;
        tracing::debug!(host, status = response.status(), "an answer has come");
        match (&proxy, response.status()) {
            (Some(proxy), 407) => Err(attempt.wants_password(proxy)),
            _ => Ok(response),
        }
    }

    fn proxies(&self) -> Result<&Proxies, HttpError> {
        if let Some(proxies) = self.proxies.get() {
            return Ok(proxies);
        }
        let proxies = Proxies::new(self.network.proxy.as_ref())?;
        Ok(self.proxies.get_or_init(|| proxies))
    }

    fn client_for(&self, url: &Url, proxy: Option<&Proxy>) -> Result<&reqwest::Client, HttpError> {
        let is_secure = url.scheme() == "https" || proxy.is_some_and(|proxy| proxy.is_tls);
        let slot = if is_secure { &self.secure } else { &self.plain };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let built = self
            .build(is_secure)
            .map_err(|error| error.at(&host_of(url)))?;
        Ok(slot.get_or_init(|| built))
    }

    fn build(&self, is_secure: bool) -> Result<reqwest::Client, HttpError> {
        let config = if is_secure {
            tls::config(self.network.ca_certificate.as_deref())?
        } else {
            tls::without_roots()?
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(Policy::none())
            .user_agent(concat!("keybearer/", env!("CARGO_PKG_VERSION")))
            .timeout(self.timeout)
            .connect_timeout(self.connect_timeout());
        // The errors of these two may repeat the proxy's URL, in which a password may stand.
        let unusable = |why: &str| HttpError::new(HttpErrorKind::Config, "", why);
        if let Some(proxy) = &self.network.proxy {
            let url = proxy.expose_str().unwrap_or_default();
            let proxy = reqwest::Proxy::all(url);
            builder = builder
                .proxy(proxy.map_err(|_| unusable("the proxy is not the URL of an HTTP proxy"))?);
        } else if self.proxies()?.is_off() {
            builder = builder.no_proxy();
        }
        builder
            .build()
            .map_err(|_| unusable("the HTTP client cannot be set up"))
    }

    fn connect_timeout(&self) -> Duration {
        self.network.connect_timeout.unwrap_or(self.timeout)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("network", &self.network)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
