//! `vault:`.

use std::sync::Arc;

use keybearer_core::{
    Attribute, KeyUri, OpenContext, Provider, Result, SecretSource, Signer, async_trait,
};

use crate::{
    key::{Login, VaultKey, variable},
    locator::Locator,
};

/// Opens `vault:` keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vault;

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(
        "address",
        "the server, as https://HOST:8200; VAULT_ADDR unless given",
    ),
    Attribute::new(
        "version",
        "the version of the key; the latest at opening unless given",
    ),
    Attribute::new(
        "namespace",
        "the namespace of the mount; VAULT_NAMESPACE unless given",
    ),
    Attribute::new(
        "token-source",
        "where the token is: env:NAME, file:PATH, fd:N, prompt:; VAULT_TOKEN or ~/.vault-token unless given",
    ),
    Attribute::new("role-id", "the AppRole to log in by, in place of a token"),
    Attribute::new(
        "secret-id-source",
        "where the AppRole's secret id is, read for each login",
    ),
    Attribute::new(
        "auth-mount",
        "where AppRole is mounted below auth/; approle unless given",
    ),
];

#[async_trait]
impl Provider for Vault {
    fn scheme(&self) -> &'static str {
        "vault"
    }

    fn attributes(&self) -> &[Attribute] {
        ATTRIBUTES
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let key = read(uri, cx).map_err(|error| error.with_key(uri))?;
        key.open(cx).await
    }
}

fn read(uri: &KeyUri, cx: &OpenContext) -> Result<VaultKey> {
    let said = |name: &str| uri.attribute(name).map(str::to_owned);
    let place = Locator::parse(&uri.decoded_locator()?)?;
    let address = said("address")
        .or_else(|| variable(cx.env.as_ref(), "ADDR"))
        .ok_or_else(|| {
            uri.invalid("nothing says where Vault is")
                .with_hint("set VAULT_ADDR, or give address=https://HOST:8200")
        })?;
    let mut key = VaultKey::at(&address, place, uri.clone())?.login(login(uri)?);
    if let Some(namespace) = said("namespace").or_else(|| variable(cx.env.as_ref(), "NAMESPACE")) {
        key = key.namespace(namespace);
    }
    if let Some(version) = uri.attribute("version") {
        let number = version.parse().ok().filter(|&number| number > 0);
        key = key.version(number.ok_or_else(|| {
            uri.invalid("version= is no version of a key")
                .with_hint("versions are 1, 2, …; leave it out for the latest")
        })?);
    }
    if let Some(algorithms) = uri.algorithms()? {
        key = key.algorithms(algorithms);
    }
    Ok(key)
}

fn login(uri: &KeyUri) -> Result<Login> {
    let source = |name: &str| {
        uri.attribute(name)
            .map(str::parse::<SecretSource>)
            .transpose()
    };
    let token = source("token-source")?;
    let secret_id = source("secret-id-source")?;
    let mount = uri.attribute("auth-mount");
    match (uri.attribute("role-id"), token) {
        (Some(_), Some(_)) => Err(uri
            .invalid("token-source and role-id exclude each other")
            .with_hint("keep one of them")),
        (Some(role_id), None) => {
            let (mount, role_id) = (mount.unwrap_or("approle").to_owned(), role_id.to_owned());
            Ok(match secret_id {
                Some(secret_id) => Login::AppRoleSource {
                    mount,
                    role_id,
                    secret_id,
                },
                None => Login::AppRole {
                    mount,
                    role_id,
                    secret_id: None,
                },
            })
        }
        (None, _) if secret_id.is_some() || mount.is_some() => Err(uri
            .invalid("secret-id-source and auth-mount say nothing without role-id")
            .with_hint("give role-id=, or leave them out")),
        (None, Some(token)) => Ok(Login::TokenSource(token)),
        (None, None) => Ok(Login::Environment),
    }
}
