//! What the connection's options say, checked before a key is opened.

use std::{sync::Arc, time::Duration};

use keybearer_auth::{ClientAuth, JwtBearer};
use keybearer_core::{Algorithm, Bound, KeyUri, OpenContext, SecretSource};
use keybearer_http::Client;
use keybearer_salesforce::{Endpoints, Login};
use serde_json::Value;

use super::{Connection, Method, pairs};
use crate::{context::Context, failure::Failure, layers, text::without_credentials};

/// What the connection's options say of the login, all but the key.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) token_url: String,
    pub(crate) audience: String,
    pub(crate) lifetime: Duration,
    pub(crate) client: Arc<Client>,
    may_try_other_audience: bool,
    scope: Option<String>,
    claims: Vec<(String, Value)>,
    headers: Vec<(String, Value)>,
    parameters: Vec<(String, String)>,
    client_auth: ClientAuth,
}

/// The key that the options name, not yet open.
#[derive(Debug)]
pub(crate) struct KeyPlan {
    uri: KeyUri,
    algorithm: Algorithm,
    open: OpenContext,
}

impl Plan {
    /// # Errors
    /// Usage and configuration failures, and `bad_secret` where the client secret cannot be read.
    pub(super) async fn new(options: &Connection, cx: &Context) -> Result<Self, Failure> {
        let claims = pairs::json(&options.claims, "--claim")?;
        let (token_url, audience) = endpoints(options)?;
        let claimed = |names: &[&str]| {
            let claim = claims
                .iter()
                .find(|(name, _)| names.contains(&name.as_str()));
            claim.map(|(_, value)| value.as_str().unwrap_or_default().to_owned())
        };
        let issuer = match (&options.client_id, claimed(&["iss"])) {
            (None, Some(issuer)) => issuer,
            (client_id, _) => needed(client_id.as_deref(), "client-id")?,
        };
        // `prn` is the older name of `sub`.
        let subject = match (&options.username, claimed(&["sub", "prn"])) {
            (None, Some(subject)) => subject,
            (username, _) => needed(username.as_deref(), "username")?,
        };
        Ok(Self {
            issuer,
            subject,
            token_url,
            may_try_other_audience: options.audience.is_none() && claimed(&["aud"]).is_none(),
            audience,
            lifetime: Duration::from_secs(options.lifetime.into()),
            client: Arc::new(options.network.client()),
            scope: options.scope.clone(),
            claims,
            headers: pairs::json(&options.headers, "--header")?,
            parameters: pairs::parameters(&options.params)?,
            client_auth: client_auth(options, cx).await?,
        })
    }

    /// The login with this key.
    pub(crate) fn login(&self, key: Bound) -> Login {
        let mut grant = JwtBearer::builder(key, self.client.clone(), self.token_url.as_str())
            .issuer(self.issuer.as_str())
            .subject(self.subject.as_str())
            .audience(self.audience.as_str())
            .lifetime(self.lifetime)
            .client_auth(self.client_auth.clone());
        if let Some(scope) = &self.scope {
            grant = grant.scope(scope);
        }
        for (name, value) in &self.claims {
            grant = grant.claim(name, value.clone());
        }
        for (name, value) in &self.headers {
            grant = grant.header(name, value.clone());
        }
        for (name, value) in &self.parameters {
            grant = grant.parameter(name, value);
        }
        Login::new(grant.build(), !self.may_try_other_audience)
    }
}

impl KeyPlan {
    /// # Errors
    /// Usage and configuration failures.
    pub(super) fn new(options: &Connection, cx: &Context) -> Result<Self, Failure> {
        let uri = options.key.uri(&cx.origins)?;
        let algorithm = options.algorithm.algorithm()?.unwrap_or(Algorithm::Rs256);
        for (name, value) in pairs::json(&options.headers, "--header")? {
            let is_ours = [algorithm.name(), algorithm.jws_name()]
                .iter()
                .any(|name| value == *name);
            if name == "alg" && !is_ours {
                return Err(Failure::usage(format!(
                    "--header alg says something else than {algorithm}, which signs"
                ))
                .with_hint("choose the algorithm with --alg"));
            }
        }
        Ok(Self {
            uri,
            algorithm,
            open: options.network.reaching(&cx.open),
        })
    }

    /// The key, open; whoever holds it is reached as the token endpoint is.
    pub(crate) async fn open(&self, cx: &Context) -> Result<Bound, Failure> {
        let signer = cx.signer_with(&self.uri, &self.open).await?;
        Ok(Bound::new(signer, self.algorithm)?)
    }
}

fn endpoints(options: &Connection) -> Result<(String, String), Failure> {
    let not_a_url = |flag: &str, url: &str| {
        Failure::config(format!(
            "--{flag} {} is not the URL of a server",
            without_credentials(url)
        ))
        .with_hint("a URL begins with https:// and a host")
    };
    let login = options.login_url.as_deref();
    let of_login = login
        .map(|url| Endpoints::from_login_url(url).ok_or_else(|| not_a_url("login-url", url)))
        .transpose()?;
    let token = options.token_url.as_deref();
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
    Ok((token_url, options.audience.clone().unwrap_or(audience)))
}

async fn client_auth(options: &Connection, cx: &Context) -> Result<ClientAuth, Failure> {
    let Some(source) = &options.client_secret_source else {
        return match options.client_auth {
            Method::None => Ok(ClientAuth::None),
            Method::PrivateKeyJwt => Ok(ClientAuth::PrivateKeyJwt),
            Method::SecretBasic | Method::SecretPost => {
                Err(Failure::usage("this client authentication needs a secret")
                    .with_hint("give --client-secret-source"))
            }
        };
    };
    let read = async || {
        let source: SecretSource = source.parse()?;
        source.read("client secret", cx.open.env.as_ref()).await
    };
    match options.client_auth {
        Method::SecretBasic => Ok(ClientAuth::SecretBasic(read().await?)),
        Method::SecretPost => Ok(ClientAuth::SecretPost(read().await?)),
        // A profile's secret yields to a method that stands nearer.
        method if cx.origins.layer("client-auth") > cx.origins.layer("client-secret-source") => {
            Ok(match method {
                Method::PrivateKeyJwt => ClientAuth::PrivateKeyJwt,
                _ => ClientAuth::None,
            })
        }
        _ => Err(
            Failure::usage("a client secret is given, and --client-auth does not use one")
                .with_hint("say --client-auth secret-basic or secret-post"),
        ),
    }
}

fn needed(value: Option<&str>, flag: &str) -> Result<String, Failure> {
    value
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| {
            let variable = layers::variable(flag);
            Failure::usage(format!("no --{flag} is given")).with_hint(format!(
                "give --{flag}, or set {variable}, or {flag} in a profile of keybearer.toml"
            ))
        })
}
