//! `key show`: one key.

use clap::Args;
use keybearer_core::{Error, ErrorKind, KeyUri, OpenContext};

use super::{beside, shown::Shown};
use crate::{
    args::{Json, KeyArgument},
    context::Context,
    failure::{Failure, Outcome, Status},
    network::NetworkOptions,
};

/// Show one key: its type, size, fingerprint, algorithms, and its certificates with their expiry
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    keybearer key show key.pem\n  \
    keybearer key show keys.jks --alias jobcert --password-source prompt:")]
pub(crate) struct Arguments {
    #[command(flatten)]
    key: KeyArgument,

    #[command(flatten)]
    network: NetworkOptions,

    #[command(flatten)]
    json: Json,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let cx = &cx.reaching(&arguments.network);
    let uri = arguments.key.uri(&cx.origins)?;
    let open = cx.remembering_secrets();
    let shown = match cx.registry.open(&uri, &open).await {
        Ok(signer) => {
            let signer = signer.as_ref();
            let more = beside::warnings(&uri, signer, &cx.registry, &open).await?;
            Shown::signer(signer).await?.with_warnings(more)
        }
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            match unusable(&uri, &error, cx, &open).await? {
                Some(shown) => shown,
                None => return Err(error.into()),
            }
        }
        Err(error) => return Err(error.into()),
    };
    shown.print(cx.out)?;
    Ok(Status::DONE)
}

/// A key of which nothing here makes signatures (RSA under 2048 bits, DSA, ...), as the list of its store has it; `None`
/// where that does not tell either.
async fn unusable(
    uri: &KeyUri,
    why: &Error,
    cx: &Context,
    open: &OpenContext,
) -> Result<Option<Shown>, Failure> {
    let Ok(store) = cx.registry.entries(uri, open).await else {
        return Ok(None);
    };
    match beside::key_of(&store, uri.attribute("alias")) {
        Some(entry) if entry.key_type.is_some() => Shown::unusable(uri, entry, why).map(Some),
        _ => Ok(None),
    }
}
