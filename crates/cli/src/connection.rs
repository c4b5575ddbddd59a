//! The connection's options, and the login that they make.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, ValueEnum};
use keybearer_auth::{ClientAuth, ExchangeError, ExchangeErrorKind, JwtBearer};
use keybearer_core::{Algorithm, Bound, Network, Secret, SecretSource};
use keybearer_http::Client;
use keybearer_salesforce::{Endpoints, Login};
use serde_json::Value;

use crate::{
    args::{AlgorithmOption, KeyOption},
    context::Context,
    failure::{Failure, OauthRefusal, Status},
};

/// Who logs in, where, and with what.
#[derive(Args, Debug)]
pub(crate) struct Connection {
    #[command(flatten)]
    key: KeyOption,

    #[command(flatten)]
    algorithm: AlgorithmOption,

    /// The app's consumer key (client id)
    #[arg(long, visible_aliases = ["consumer-key", "issuer"], value_name = "ID", help_heading = "The connection")]
    client_id: Option<String>,

    /// The user's name
    #[arg(long, visible_aliases = ["principal", "subject"], value_name = "NAME", help_heading = "The connection")]
    username: Option<String>,

    /// The login host; for an external client app, My Domain [default: <https://login.salesforce.com>]
    #[arg(long, value_name = "URL", help_heading = "The connection")]
    login_url: Option<String>,

    /// The token endpoint [default: the login URL and /services/oauth2/token]
    #[arg(
        long,
        visible_alias = "token-endpoint",
        value_name = "URL",
        help_heading = "The connection"
    )]
    token_url: Option<String>,

    /// The audience [default: the origin of the login URL]
    #[arg(long, value_name = "URL", help_heading = "The connection")]
    audience: Option<String>,

    /// How long an assertion lives
    #[arg(
        long,
        visible_alias = "expiration-time",
        value_name = "SECONDS",
        default_value_t = 180,
        help_heading = "The connection"
    )]
    lifetime: u32,

    /// The scope to ask for
    #[arg(long, value_name = "SCOPE", help_heading = "Other servers of RFC 7523")]
    scope: Option<String>,

    /// One more claim
    #[arg(
        long = "claim",
        value_name = "NAME=JSON",
        help_heading = "Other servers of RFC 7523"
    )]
    claims: Vec<String>,

    /// One more field of the assertion's header
    #[arg(
        long = "header",
        value_name = "NAME=JSON",
        help_heading = "Other servers of RFC 7523"
    )]
    headers: Vec<String>,

    /// One more parameter of the token request
    #[arg(
        long = "param",
        value_name = "NAME=VALUE",
        help_heading = "Other servers of RFC 7523"
    )]
    params: Vec<String>,

    /// How the client proves who it is
    #[arg(
        long,
        value_name = "METHOD",
        default_value = "none",
        help_heading = "Other servers of RFC 7523"
    )]
    client_auth: Method,

    /// Where the client secret is read from: env:NAME, file:PATH, fd:N or prompt:
    #[arg(
        long,
        value_name = "SOURCE",
        help_heading = "Other servers of RFC 7523"
    )]
    client_secret_source: Option<String>,

    /// How long a request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..), help_heading = "The network")]
    timeout: u32,

    /// The proxy [default: HTTPS_PROXY, HTTP_PROXY and NO_PROXY]
    #[arg(long, value_name = "URL", help_heading = "The network")]
    proxy: Option<String>,

    /// PEM certificates that are trusted besides the system's
    #[arg(long, value_name = "PATH", help_heading = "The network")]
    ca_certificate: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Method {
    None,
    SecretBasic,
    SecretPost,
    PrivateKeyJwt,
}

impl Connection {
    /// The login that the options make; the key is opened.
    pub(crate) async fn login(&self, cx: &Context) -> Result<Login, Failure> {
        let issuer = needed(
            self.client_id.as_deref(),
            "client-id",
            "KEYBEARER_CLIENT_ID",
        )?;
        let subject = needed(self.username.as_deref(), "username", "KEYBEARER_USERNAME")?;
        let (token_url, audience) = self.endpoints()?;
        let key = self.key(cx).await?;
        let mut network = Network::default();
        network.proxy = self.proxy.as_deref().map(Secret::from);
        network.ca_certificate = self.ca_certificate.clone();
        let client = Arc::new(Client::new(
            &network,
            Duration::from_secs(self.timeout.into()),
        ));
        let mut grant = JwtBearer::builder(key, client, token_url)
            .issuer(issuer)
            .subject(subject)
            .audience(audience)
            .lifetime(Duration::from_secs(self.lifetime.into()))
            .client_auth(self.client_auth(cx).await?);
        if let Some(scope) = &self.scope {
            grant = grant.scope(scope);
        }
        for claim in &self.claims {
            let (name, value) = json_pair(claim, "--claim")?;
            grant = grant.claim(name, value);
        }
        for header in &self.headers {
            let (name, value) = json_pair(header, "--header")?;
            grant = grant.header(name, value);
        }
        for param in &self.params {
            let (name, value) = pair(param, "--param", "VALUE")?;
            grant = grant.parameter(name, value);
        }
        Ok(Login::new(grant.build(), self.audience.is_some()))
    }

    async fn key(&self, cx: &Context) -> Result<Bound, Failure> {
        let algorithm = self.algorithm.algorithm()?.unwrap_or(Algorithm::Rs256);
        let signer = cx.signer(&self.key.uri(&cx.origins)?).await?;
        Ok(Bound::new(signer, algorithm)?)
    }

    fn endpoints(&self) -> Result<(String, String), Failure> {
        let not_a_url = |flag: &str, url: &str| {
            Failure::config(format!("--{flag} {url} is not the URL of a server"))
                .with_hint("a URL begins with https:// and a host")
        };
        let login = self.login_url.as_deref();
        let of_login = login
            .map(|url| Endpoints::from_login_url(url).ok_or_else(|| not_a_url("login-url", url)))
            .transpose()?;
        let token = self.token_url.as_deref();
        let of_token = token
            .map(|url| Endpoints::from_token_url(url).ok_or_else(|| not_a_url("token-url", url)))
            .transpose()?;
        let (token_url, audience) = match (of_login, of_token) {
            (Some(login), Some(token)) => (token.token_url, login.audience),
            (Some(only), None) | (None, Some(only)) => (only.token_url, only.audience),
            (None, None) => (
                "https://login.salesforce.com/services/oauth2/token".into(),
                "https://login.salesforce.com".into(),
            ),
        };
        Ok((token_url, self.audience.clone().unwrap_or(audience)))
    }

    async fn client_auth(&self, cx: &Context) -> Result<ClientAuth, Failure> {
        let secret = match &self.client_secret_source {
            Some(source) => Some(
                source
                    .parse::<SecretSource>()?
                    .read("client secret", cx.open.env.as_ref())
                    .await?,
            ),
            None => None,
        };
        let missing = || {
            Failure::usage("this client authentication needs a secret")
                .with_hint("give --client-secret-source")
        };
        Ok(match self.client_auth {
            Method::None => ClientAuth::None,
            Method::PrivateKeyJwt => ClientAuth::PrivateKeyJwt,
            Method::SecretBasic => ClientAuth::SecretBasic(secret.ok_or_else(missing)?),
            Method::SecretPost => ClientAuth::SecretPost(secret.ok_or_else(missing)?),
        })
    }
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        if let Some(key) = error.key_error() {
            return key.clone().into();
        }
        let (kind, status) = match error.kind() {
            ExchangeErrorKind::Config => ("config", Status::USAGE),
            ExchangeErrorKind::OAuth if error.is_transient() => ("oauth", Status::TRANSIENT),
            ExchangeErrorKind::OAuth => ("oauth", Status::REFUSED),
            ExchangeErrorKind::Throttled | ExchangeErrorKind::LoginRate => {
                ("throttled", Status::TRANSIENT)
            }
            ExchangeErrorKind::RefusedInstance => ("refused_instance", Status::REFUSED),
            _ => ("network", Status::TRANSIENT),
        };
        let mut failure = Self::new(kind, error.to_string(), status).with_sources_of(&error);
        if let Some(hint) = error.hint() {
            failure = failure.with_hint(hint);
        }
        match error.oauth() {
            Some(oauth) if kind == "oauth" => failure.with_oauth(OauthRefusal {
                error: oauth.error.clone(),
                error_description: oauth.error_description.clone(),
                status: oauth.status,
            }),
            _ => failure,
        }
    }
}

fn needed<'a>(value: Option<&'a str>, flag: &str, variable: &str) -> Result<&'a str, Failure> {
    value
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| {
            Failure::usage(format!("no --{flag} is given")).with_hint(format!(
                "give --{flag}, or set {variable}, or {flag} in a profile of keybearer.toml"
            ))
        })
}

fn pair<'a>(text: &'a str, flag: &str, form: &str) -> Result<(&'a str, &'a str), Failure> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.ok_or_else(|| Failure::usage(format!("{flag} is written {flag} NAME={form}")))
}

fn json_pair<'a>(text: &'a str, flag: &str) -> Result<(&'a str, Value), Failure> {
    let (name, json) = pair(text, flag, "JSON")?;
    let value = serde_json::from_str(json).map_err(|error| {
        Failure::usage(format!("the value of {flag} {name} is not JSON"))
            .with_cause(&error)
            .with_hint(format!("a text is written {flag} '{name}=\"text\"'"))
    })?;
    Ok((name, value))
}
