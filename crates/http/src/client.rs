//! The client and its requests.

use std::{fmt, sync::OnceLock, time::Duration};

use keybearer_core::{Network, Secret};
use reqwest::{Method, Url, redirect::Policy};

use crate::{HttpError, HttpErrorKind, Response, tls};

/// An HTTP client. Cheap to make: connections, TLS and roots are set up by the first request that needs them.
pub struct Client {
    network: Network,
    timeout: Duration,
    max_body: usize,
    plain: OnceLock<reqwest::Client>,
    secure: OnceLock<reqwest::Client>,
}

/// A request. Its `Debug` names the method and the host alone.
pub struct Request {
    method: Method,
    url: Url,
    headers: Vec<(&'static str, Secret)>,
    body: Option<(&'static str, Secret)>,
}

/// What a token endpoint or an API's answer may have; more is no token.
const MAX_BODY: usize = 1 << 20;

impl Client {
    /// A client that reaches the network as told; `timeout` is the total time of one request.
    pub fn new(network: &Network, timeout: Duration) -> Self {
        Self {
            network: network.clone(),
            timeout,
            max_body: MAX_BODY,
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

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// Everything that kept an answer from arriving whole.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let host = host_of(&request.url);
        let client = self.client_for(&request.url)?;
        let mut builder = client.request(request.method, request.url);
        for (name, value) in &request.headers {
            let mut value =
                reqwest::header::HeaderValue::from_bytes(value.expose()).map_err(|_| {
                    HttpError::new(
                        HttpErrorKind::Config,
                        &host,
                        format!("the header {name} has a line break"),
                    )
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
        let answer = builder
            .send()
            .await
            .map_err(|error| HttpError::from_reqwest(&host, &error))?;
        let response = Response::read(answer, &host, self.max_body).await?;
        tracing::debug!(host, status = response.status(), "an answer has come");
        Ok(response)
    }

    fn client_for(&self, url: &Url) -> Result<&reqwest::Client, HttpError> {
        let through_tls_proxy = self
            .network
            .proxy
            .as_ref()
            .is_some_and(|proxy| proxy.expose().starts_with(b"https:"));
        let secure = url.scheme() == "https" || through_tls_proxy;
        let slot = if secure { &self.secure } else { &self.plain };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let built = self
            .build(secure)
            .map_err(|error| error.at(&host_of(url)))?;
        Ok(slot.get_or_init(|| built))
    }

    fn build(&self, secure: bool) -> Result<reqwest::Client, HttpError> {
        let config = if secure {
            tls::config(self.network.ca_certificate.as_deref())?
        } else {
            tls::without_roots()?
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(Policy::none())
            .user_agent(concat!("keybearer/", env!("CARGO_PKG_VERSION")))
            .timeout(self.timeout)
            .connect_timeout(self.network.connect_timeout.unwrap_or(self.timeout));
        if let Some(proxy) = &self.network.proxy {
            // The error of a proxy URL repeats it, and a password may stand in it.
            let proxy = proxy
                .expose_str()
                .and_then(|url| reqwest::Proxy::all(url).ok());
            builder = builder.proxy(proxy.ok_or_else(|| {
                HttpError::new(HttpErrorKind::Config, "", "the proxy is not a URL")
                    .with_hint("a proxy is written http://[user:password@]host:port")
            })?);
        }
        builder
            .build()
            .map_err(|error| HttpError::from_reqwest("", &error))
    }
}

impl Request {
    /// `GET url`.
    ///
    /// # Errors
    /// [`HttpErrorKind::Config`] where this is no `http` or `https` URL.
    pub fn get(url: &str) -> Result<Self, HttpError> {
        Self::new(Method::GET, url)
    }

    /// `POST url` with a form (`application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn post_form<'a>(
        url: &str,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, HttpError> {
        let mut form = reqwest::Url::parse("form:").map_err(|error| not_a_url(url, error))?;
        form.query_pairs_mut().extend_pairs(fields);
        let mut request = Self::new(Method::POST, url)?;
        request.body = Some((
            "application/x-www-form-urlencoded",
            Secret::new(form.query().unwrap_or_default()),
        ));
        Ok(request)
    }

    /// This request with one more header, whose value is never printed.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: Secret) -> Self {
        self.headers.push((name, value));
        self
    }

    fn new(method: Method, url: &str) -> Result<Self, HttpError> {
        let parsed = Url::parse(url).map_err(|error| not_a_url(url, error))?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
            return Err(not_a_url(url, "it is neither http: nor https:"));
        }
        Ok(Self {
            method,
            url: parsed,
            headers: Vec::new(),
            body: None,
        })
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

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {})", self.method, host_of(&self.url))
    }
}

fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn not_a_url(url: &str, why: impl ToString) -> HttpError {
    HttpError::new(
        HttpErrorKind::Config,
        "",
        format!("\"{}\" is not the URL of a server", url.escape_debug()),
    )
    .with_source(why.to_string())
    .with_hint("a URL begins with https:// and a host")
}
