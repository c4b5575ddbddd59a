//! `sign`: a signature over a message.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::{
    args::{AlgorithmOption, Json, KeyOption},
    context::Context,
    encoding::{Encoding, base64url},
    failure::{Failure, Outcome, Status},
    input,
    network::NetworkOptions,
};

/// Sign a message with a key
///
/// The whole message is signed; the hash is part of the algorithm.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    printf %s \"$SIGNING_INPUT\" | keybearer sign --key key.pem\n  \
    keybearer sign --key keys.jks --alias jobcert --password-source env:STORE_PASSWORD release.tar\n  \
    keybearer sign --key 'pkcs11:token=prod;object=jwt?pin-source=file:/run/secrets/pin' --alg PS256 --format hex -")]
pub(crate) struct Arguments {
    /// The message [default: -, the standard input]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    key: KeyOption,

    #[command(flatten)]
    algorithm: AlgorithmOption,

    #[command(flatten)]
    network: NetworkOptions,

    /// How the signature is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Encoding,

    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Signed {
    id: String,
    alg: &'static str,
    signature: String,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let cx = &cx.reaching(&arguments.network);
    let uri = arguments.key.uri(&cx.origins)?;
    let asked = arguments.algorithm.algorithm()?;
    if cx.out.is_json() && arguments.format != Encoding::Base64url {
        return Err(
            Failure::usage("--format and --json are two answers to one question")
                .with_hint("the JSON object has the signature in base64url"),
        );
    }
    let key = cx.bound(&uri, asked).await?;
    let message = input::read(arguments.file.as_deref()).await?;
    let signature = key.sign(&message).await?;
    if cx.out.is_json() {
        cx.out.object(&Signed {
            id: key.signer().id().to_string(),
            alg: key.algorithm().name(),
            signature: base64url(signature.as_bytes()),
        })?;
    } else {
        cx.out.bytes(&arguments.format.write(&signature)?)?;
    }
    Ok(Status::DONE)
}
