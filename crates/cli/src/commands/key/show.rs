//! `key show`: one key.

use clap::Args;
use keybearer_core::{Entry, EntryKind, Error, ErrorKind, KeyUri};

use super::shown::Shown;
use crate::{
    args::{Json, KeyArgument},
    context::Context,
    failure::{Failure, Outcome, Status},
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
    json: Json,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let uri = arguments.key.uri(&cx.origins)?;
    let shown = match cx.registry.open(&uri, &cx.open).await {
        Ok(signer) => Shown::signer(signer.as_ref()).await?,
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            match unusable(&uri, &error, cx).await? {
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
async fn unusable(uri: &KeyUri, why: &Error, cx: &Context) -> Result<Option<Shown>, Failure> {
    let Ok(store) = cx.registry.entries(uri, &cx.open).await else {
        return Ok(None);
    };
    let keys: Vec<_> = store
        .entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Key)
        .collect();
    let found = match uri.attribute("alias") {
        Some(alias) => named(&keys, alias),
        None => match keys.as_slice() {
            [only] => Some(*only),
            _ => None,
        },
    };
    match found {
        Some(entry) if entry.key_type.is_some() => {
            Shown::unusable(uri, entry, why.to_string()).map(Some)
        }
        _ => Ok(None),
    }
}

/// An exact match first, then without case, as Java's.
fn named<'a>(keys: &[&'a Entry], alias: &str) -> Option<&'a Entry> {
    let has = |fits: &dyn Fn(&str) -> bool| {
        keys.iter()
            .copied()
            .find(|entry| entry.alias.as_deref().is_some_and(fits))
    };
    has(&|known| known == alias)
        .or_else(|| has(&|known| known.to_lowercase() == alias.to_lowercase()))
}
