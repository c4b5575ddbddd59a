//! The connection's options, and the login that they make.

mod pairs;
mod plan;
mod refusal;

use clap::{Args, ValueEnum};
use keybearer_salesforce::Login;

pub(crate) use plan::{KeyPlan, Plan};

use crate::{
    args::{AlgorithmOption, KeyOption},
    context::Context,
    failure::Failure,
    network::NetworkOptions,
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

    /// The login host; for an external client app, My Domain
    #[arg(
        long,
        value_name = "URL",
        help_heading = "The connection",
        help = "The login host; for an external client app, My Domain [default: https://login.salesforce.com]"
    )]
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

    #[command(flatten)]
    network: NetworkOptions,
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
        let key = self.key_plan(cx)?;
        let plan = self.plan(cx).await?;
        Ok(plan.login(key.open(cx).await?))
    }

    /// What the options say of the login, all but the key.
    pub(crate) async fn plan(&self, cx: &Context) -> Result<Plan, Failure> {
        Plan::new(self, cx).await
    }

    /// The key that the options name.
    pub(crate) fn key_plan(&self, cx: &Context) -> Result<KeyPlan, Failure> {
        KeyPlan::new(self, cx)
    }
}
