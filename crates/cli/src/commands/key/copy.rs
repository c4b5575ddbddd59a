//! `key copy`: a key from one file to another.

use clap::Args;
use keybearer_core::{COMMON_ATTRIBUTES, Error, ErrorKind, KeyFile, KeyMaterial, KeyUri, Provider};

use super::shown::Shown;
use crate::{
    args::Json,
    context::Context,
    failure::{Failure, Outcome, Status},
    progress,
};

/// Copy a key and its certificates from one key file to another, of the same format or another
///
/// JKS, PKCS#12 and PEM, in all directions. The key keeps its name, unless TO says alias=NAME, and its certificates. TO
/// is a new file, or a store that gets one more entry; it appears whole or not at all, readable by you alone (mode 0600).
/// Each URI has the password of its own file.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    keybearer key copy 'jks:old.jks?alias=job&password-source=prompt:' 'pkcs12:new.p12?password-source=prompt:'\n  \
    keybearer key copy 'pkcs12:job.p12?password-source=env:P' pem:job.pem\n  \
    keybearer key copy 'pem:job.pem?certificate=job.crt' 'jks:keys.jks?alias=job&password-source=env:P'\n\n\
    For a program that knows only the old encryption of PKCS#12, TO says protection=legacy.")]
pub(crate) struct Arguments {
    /// The key: a key URI (jks:a.jks?alias=b&password-source=env:P) or the path of a key file
    #[arg(value_name = "FROM")]
    from: String,

    /// The file to put it into: jks:PATH, pkcs12:PATH or pem:PATH, with its password (?password-source=env:P)
    #[arg(value_name = "TO")]
    to: String,

    /// Replace what has this name already
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    json: Json,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let from: KeyUri = arguments.from.parse()?;
    let to: KeyUri = arguments.to.parse()?;
    // What cannot be is told before anybody is asked for a password.
    let source = key_file(&from, cx, &NO_SOURCE)?;
    let target = key_file(&to, cx, &NO_TARGET)?;
    check_target(&to)?;
    let key = take(source, &from, cx).await?;
    let put = {
        let _shown = progress::show(cx.out, "writing the key");
        let open = cx.choosing_secrets_of("TO");
        target.put(&to, &key, arguments.force, &open).await
    };
    let signer = put.map_err(|error| error.with_key(&to))?;
    tracing::info!(from = %from, to = %signer.id(), "the key is copied");
    Shown::signer(signer.as_ref()).await?.print(cx.out)?;
    Ok(Status::DONE)
}

/// Why a scheme cannot be an end, and what to do instead.
struct Refusal {
    why: &'static str,
    hint: &'static str,
}

const NO_SOURCE: Refusal = Refusal {
    why: "keys do not leave it",
    hint: "this is what such a place is for. Keys are copied out of jks:, pkcs12: and pem: files; a certificate for the key where it is: keybearer cert new",
};

const NO_TARGET: Refusal = Refusal {
    why: "keys are not put into it from outside",
    hint: "make a new key there (keybearer key new, or its own tool) and give the app its certificate. Keys are copied into jks:, pkcs12: and pem: files",
};

fn key_file<'a>(
    uri: &KeyUri,
    cx: &'a Context,
    refusal: &Refusal,
) -> Result<&'a dyn KeyFile, Failure> {
    let provider: &dyn Provider = cx.registry.provider(uri)?.as_ref();
    let found = provider.key_file().ok_or_else(|| {
        let Refusal { why, hint } = refusal;
        Error::new(
            ErrorKind::Unsupported,
            format!("{}: is no key file, and {why}", uri.scheme()),
        )
        .with_key(uri)
        .with_hint(*hint)
    })?;
    Ok(found)
}

/// What chooses a key or its certificates says nothing of where one is put.
fn check_target(to: &KeyUri) -> Result<(), Failure> {
    let of_keys = |name: &str| {
        name == "spki-sha256" || COMMON_ATTRIBUTES.iter().any(|common| common.name == name)
    };
    match to.attribute_names().find(|name| of_keys(name)) {
        None => Ok(()),
        Some(name) => Err(to
            .invalid(format!("{name} is about the key that is copied"))
            .with_hint(format!("write {name}=... into FROM, not into TO"))
            .into()),
    }
}

/// The key as it is opened, so that it is the one that is meant and can sign, with the certificates that FROM names.
async fn take(source: &dyn KeyFile, from: &KeyUri, cx: &Context) -> Result<KeyMaterial, Failure> {
    let _shown = progress::show(cx.out, "reading the key");
    let open = cx.remembering_secrets_of("FROM");
    let signer = cx.signer_with(from, &open).await?;
    let taken = source.take(from, &open).await;
    let mut key = taken.map_err(|error| error.with_key(from))?;
    key.certificates = signer.certificate_chain().await?;
    Ok(key)
}
