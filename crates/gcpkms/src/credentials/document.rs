//! The JSON files of Google's credentials.

use std::fmt;

use keybearer_core::{Error, ErrorKind, Result, Secret};
use keybearer_http::Client;
use serde::{Deserialize, Deserializer};

use super::{Lease, SCOPE, direct::Direct, impersonated::Impersonated};

/// Credentials of a kind that is known here.
#[derive(Debug)]
pub(super) struct Document {
    kind: Kind,
    quota_project: Option<String>,
    universe: Option<String>,
}

#[derive(Debug)]
enum Kind {
    Direct(Direct),
    Impersonated(Impersonated),
}

/// What is known of them without a token.
pub(super) struct About {
    pub(super) who: String,
    /// As IAM writes it.
    pub(super) member: String,
    pub(super) quota_project: Option<String>,
    pub(super) universe: Option<String>,
}

/// The fields of all kinds.
#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(rename = "type")]
    kind: Option<String>,
    pub(super) client_email: Option<String>,
    pub(super) private_key: Option<Hidden>,
    pub(super) private_key_id: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<Hidden>,
    pub(super) refresh_token: Option<Hidden>,
    pub(super) token_uri: Option<String>,
    pub(super) service_account_impersonation_url: Option<String>,
    #[serde(default)]
    pub(super) delegates: Vec<String>,
    pub(super) source_credentials: Option<Box<Fields>>,
    quota_project_id: Option<String>,
    universe_domain: Option<String>,
}

/// A text that is never printed, and is wiped.
pub(super) struct Hidden(pub(super) Secret);

impl Document {
    /// `place` says to people where it was.
    pub(super) fn parse(json: &Secret, place: &str) -> Result<Self> {
        // The error of serde_json may repeat a value, which may be the private key.
        let fields: Fields = serde_json::from_slice(json.expose()).map_err(|error| {
            Error::new(
                ErrorKind::Malformed,
                format!("{place} has no Google credentials: it is not their JSON"),
            )
            .with_source(format!("line {}, column {}", error.line(), error.column()))
            .with_hint("it must be what gcloud wrote, or the JSON key of a service account, whole")
        })?;
        let read = |fields: &Fields| match fields.kind.as_deref() {
            Some("impersonated_service_account") => {
                let source = fields.source_credentials.as_deref();
                let source = source.ok_or_else(|| missing("source_credentials"))?;
                let by = direct(source)?;
                Impersonated::new(fields, by).map(Kind::Impersonated)
            }
            _ => direct(fields).map(Kind::Direct),
        };
        let kind = read(&fields).map_err(|error| {
            let hint = error.hint().map(str::to_owned);
            let told = Error::new(error.kind(), format!("{place} cannot be used: {error}"));
            hint.into_iter().fold(told, Error::with_hint)
        })?;
        Ok(Self {
            kind,
            quota_project: fields.quota_project_id.filter(|it| !it.is_empty()),
            universe: fields.universe_domain.filter(|it| !it.is_empty()),
        })
    }

    pub(super) fn about(self) -> About {
        let (who, member) = match &self.kind {
            Kind::Direct(direct) => (direct.to_string(), direct.member()),
            Kind::Impersonated(by) => (by.to_string(), by.member()),
        };
        About {
            who,
            member,
            quota_project: self.quota_project,
            universe: self.universe,
        }
    }

    pub(super) async fn token(&self, client: &Client) -> Result<Lease> {
        match &self.kind {
            Kind::Direct(direct) => direct.token(client, SCOPE).await,
            Kind::Impersonated(impersonated) => impersonated.token(client).await,
        }
    }
}

fn direct(fields: &Fields) -> Result<Direct> {
    let kind = fields.kind.as_deref().ok_or_else(|| missing("type"))?;
    let unsupported = |what: &str, hint: &str| {
        Err(Error::new(ErrorKind::Unsupported, format!("{what} are not supported")).with_hint(hint))
    };
    match kind {
        "service_account" => Direct::service_account(fields),
        "authorized_user" => Direct::user(fields),
        "external_account" | "external_account_authorized_user" => unsupported(
            "credentials of workload or workforce identity federation",
            "where the machine has a metadata server (GKE's workload identity too) leave the file out; else use a service account's key, or your own login that impersonates one: gcloud auth application-default login --impersonate-service-account=ACCOUNT",
        ),
        "gdch_service_account" => unsupported(
            "credentials of Google Distributed Cloud",
            "keys of Cloud KMS are reached by a service account of Google Cloud",
        ),
        "impersonated_service_account" => unsupported(
            "impersonated credentials within impersonated ones",
            "name the accounts between as delegates of one impersonation",
        ),
        _ => unsupported(
            "credentials of this type",
            "the types are service_account, authorized_user and impersonated_service_account",
        ),
    }
}

/// A field that this type of credentials must have.
pub(super) fn missing(name: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("it has no {name}"))
        .with_hint("it must be what gcloud wrote, or the JSON key of a service account, whole")
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
