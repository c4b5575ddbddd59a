//! `cert export`: the certificate of a key.

use clap::Args;
use keybearer_core::{Error, ErrorKind};

use super::Form;
use crate::{
    args::KeyArgument,
    certificates,
    context::Context,
    failure::{Failure, Outcome, Status},
    network::NetworkOptions,
};

/// Print the certificate of a key: what is uploaded to the app
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    keybearer cert export keys.jks --alias jobcert --password-source env:STORE_PASSWORD > jobcert.crt\n  \
    keybearer cert export 'pkcs11:token=prod;object=jwt?pin-source=prompt:' --der > jwt.der")]
pub(crate) struct Arguments {
    #[command(flatten)]
    form: Form,

    /// Print its issuers too, as far as they are beside it
    #[arg(long)]
    chain: bool,

    #[command(flatten)]
    key: KeyArgument,

    #[command(flatten)]
    network: NetworkOptions,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let cx = &cx.reaching(&arguments.network);
    let uri = arguments.key.uri(&cx.origins)?;
    if arguments.chain && arguments.form.der {
        return Err(Failure::usage("--chain and --der exclude each other")
            .with_hint("a DER file holds one certificate"));
    }
    let signer = cx.signer(&uri).await?;
    let chain = signer.certificate_chain().await?;
    let Some(leaf) = chain.first() else {
        return Err(Error::new(ErrorKind::NotFound, "there is no certificate beside this key")
            .with_key(signer.id())
            .with_hint("make one: keybearer cert new --key URI --subject CN=...; or name its file: certificate=PATH")
            .into());
    };
    certificates::warn_of_expiry(cx.out, "this key", leaf);
    let printed = if arguments.chain {
        &chain[..]
    } else {
        std::slice::from_ref(leaf)
    };
    arguments.form.print(printed, cx)?;
    Ok(Status::DONE)
}
