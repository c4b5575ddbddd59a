//! The chain, from what the environment says.

use keybearer_core::{
    Algorithm, Bound, Env, Error, ErrorKind, KeySource, KeyUri, OpenContext, Registry, Result,
    async_trait,
};

use super::{
    Candidate, Cli, Source,
    entra::{Entra, Proof},
    identity::{ManagedIdentity, Place},
};
use crate::{Login, locator::https};

const ENVIRONMENT: &str = "the environment";
const WORKLOAD: &str = "workload identity";
const IDENTITY: &str = "managed identity";
const CLI: &str = "Azure CLI";
const IMDS: &str = "http://169.254.169.254";

/// The order of Microsoft's SDKs.
pub(super) fn candidates(certificates: Option<Registry>, cx: &OpenContext) -> Vec<Candidate> {
    let env = cx.env.as_ref();
    let at = |name, source| Candidate { name, source };
    vec![
        at(ENVIRONMENT, application(certificates, cx)),
        at(WORKLOAD, workload(env)),
        at(IDENTITY, identity(env).map(Source::Identity)),
        at(CLI, Ok(Source::Cli(Cli))),
    ]
}

/// What the program names itself.
pub(super) fn given(login: Login, env: &dyn Env) -> Candidate {
    let entra = |tenant, client_id, proof| {
        Ok(Source::Entra(Entra {
            tenant,
            client_id,
            proof,
        }))
    };
    let (name, source) = match login {
        Login::Secret {
            tenant_id,
            client_id,
            secret,
        } => (
            "the program's client secret",
            entra(tenant_id, client_id, Proof::Secret(secret)),
        ),
        Login::Certificate {
            tenant_id,
            client_id,
            key,
        } => (
            "the program's client certificate",
            entra(
                tenant_id,
                client_id,
                Proof::Certificate {
                    key,
                    sends_chain: false,
                },
            ),
        ),
        Login::WorkloadIdentity {
            tenant_id,
            client_id,
            token_file,
        } => (
            WORKLOAD,
            entra(tenant_id, client_id, Proof::Federated(token_file)),
        ),
        Login::ManagedIdentity { client_id } => {
            let place = place(env);
            let identity = place.map(|place| ManagedIdentity { place, client_id });
            (IDENTITY, identity.map(Source::Identity))
        }
        Login::AzureCli | Login::Environment => (CLI, Ok(Source::Cli(Cli))),
    };
    Candidate { name, source }
}

/// Where the environment says that callers log in.
pub(super) fn authority(env: &dyn Env) -> Result<Option<String>> {
    let Some(said) = said(env, "AZURE_AUTHORITY_HOST") else {
        return Ok(None);
    };
    // Microsoft's SDKs take a bare host too.
    let text = if said.contains("://") {
        said
    } else {
        format!("https://{said}")
    };
    let url = https(&text).map_err(|why| {
        Error::new(
            ErrorKind::InvalidUri,
            format!("AZURE_AUTHORITY_HOST is not usable: {why}"),
        )
        .with_hint("it is https://login.microsoftonline.com, or that of your cloud")
    })?;
    Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
}

fn application(
    certificates: Option<Registry>,
    cx: &OpenContext,
) -> std::result::Result<Source, String> {
    let env = cx.env.as_ref();
    let tenant = needed(env, "AZURE_TENANT_ID")?;
    let client_id = needed(env, "AZURE_CLIENT_ID")?;
    let proof = match (
        env.var("AZURE_CLIENT_SECRET"),
        said(env, "AZURE_CLIENT_CERTIFICATE_PATH"),
    ) {
        (Some(secret), _) if !secret.is_empty() => Proof::Secret(secret),
        (_, Some(path)) => {
            let registry =
                certificates.ok_or("this program opens no AZURE_CLIENT_CERTIFICATE_PATH")?;
            let mut uri = KeyUri::literal("keystore", &path);
            if said(env, "AZURE_CLIENT_CERTIFICATE_PASSWORD").is_some() {
                uri =
                    uri.with_attribute("password-source", "env:AZURE_CLIENT_CERTIFICATE_PASSWORD");
            }
            let cx = cx.clone();
            Proof::Certificate {
                key: std::sync::Arc::new(KeyFile { registry, uri, cx }),
                sends_chain: said(env, "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN")
                    .is_some_and(|it| it == "1" || it.eq_ignore_ascii_case("true")),
            }
        }
        _ => {
            return Err(
                "neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set".into(),
            );
        }
    };
    Ok(Source::Entra(Entra {
        tenant,
        client_id,
        proof,
    }))
}

fn workload(env: &dyn Env) -> std::result::Result<Source, String> {
    let file = needed(env, "AZURE_FEDERATED_TOKEN_FILE")?;
    Ok(Source::Entra(Entra {
        tenant: needed(env, "AZURE_TENANT_ID")?,
        client_id: needed(env, "AZURE_CLIENT_ID")?,
        proof: Proof::Federated(file.into()),
    }))
}

fn identity(env: &dyn Env) -> std::result::Result<ManagedIdentity, String> {
    Ok(ManagedIdentity {
        place: place(env)?,
        client_id: said(env, "AZURE_CLIENT_ID"),
    })
}

/// Where this platform gives tokens to its identities.
fn place(env: &dyn Env) -> std::result::Result<Place, String> {
    let unknown = |platform| Err(format!("{platform}'s way is not supported"));
    let header = env.var("IDENTITY_HEADER").filter(|it| !it.is_empty());
    match (said(env, "IDENTITY_ENDPOINT"), header) {
        (Some(_), Some(_)) if said(env, "IDENTITY_SERVER_THUMBPRINT").is_some() => {
            unknown("Service Fabric")
        }
        (Some(endpoint), Some(header)) => Ok(Place::AppService { endpoint, header }),
        (Some(_), None) => unknown("Azure Arc"),
        (None, _) if said(env, "MSI_ENDPOINT").is_some() => unknown("MSI_ENDPOINT"),
        (None, _) => {
            // As Microsoft's SDKs for Python and .NET do.
            let base = said(env, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
            let base = base.as_deref().unwrap_or(IMDS).trim_end_matches('/');
            Ok(Place::Imds(base.to_owned()))
        }
    }
}

fn needed(env: &dyn Env, name: &str) -> std::result::Result<String, String> {
    said(env, name).ok_or_else(|| format!("{name} is not set"))
}

fn said(env: &dyn Env, name: &str) -> Option<String> {
    let value = env.var(name)?;
    value
        .expose_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// A client certificate's file, read anew for each token, as it is replaced while we run.
#[derive(Debug)]
struct KeyFile {
    registry: Registry,
    uri: KeyUri,
    cx: OpenContext,
}

#[async_trait]
impl KeySource for KeyFile {
    async fn current(&self) -> Result<Bound> {
        let signer = self.registry.open(&self.uri, &self.cx).await?;
        // The order of Entra's own page on certificate credentials.
        let mut taken = [Algorithm::Ps256, Algorithm::Rs256].into_iter();
        let algorithm = taken.find(|algorithm| signer.algorithms().contains(algorithm));
        // What none of them fits fails with the reason.
        Bound::new(signer, algorithm.unwrap_or(Algorithm::Rs256))
    }
}
