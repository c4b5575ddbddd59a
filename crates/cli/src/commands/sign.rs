//! `sign`: a signature over a file.

use std::path::{Path, PathBuf};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio::io::AsyncReadExt;

use crate::{
    args::{AlgorithmOption, Json, KeyOption},
    context::Context,
    failure::{Failure, Outcome, Status},
};

/// Sign a file or the standard input
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    key: KeyOption,

    #[command(flatten)]
    algorithm: AlgorithmOption,

    /// What is signed; - is the standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,

    /// How the signature is printed [default: base64url]
    #[arg(long, value_name = "FORMAT", conflicts_with = "json")]
    format: Option<Format>,

    #[command(flatten)]
    json: Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// The bytes themselves
    Raw,
    /// Lower-case hexadecimal
    Hex,
    /// Base64 with padding
    Base64,
}

#[derive(Serialize)]
struct Signed {
    id: String,
    alg: &'static str,
    signature: String,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let asked = arguments.algorithm.algorithm()?;
    let signer = cx.signer(&arguments.key.uri(&cx.origins)?).await?;
    let algorithm = asked
        .or_else(|| signer.algorithms().first().copied())
        .ok_or_else(|| {
            Failure::new("unsupported", "this key does no algorithm", Status::FAILED)
                .with_key(signer.id())
        })?;
    let message = read(&arguments.file).await?;
    let signature = signer.sign(algorithm, &message).await?;
    let bytes = signature.as_bytes();
    let url = URL_SAFE_NO_PAD.encode(bytes);
    if cx.out.is_json() {
        cx.out.object(&Signed {
            id: signer.id().to_string(),
            alg: algorithm.name(),
            signature: url,
        })?;
        return Ok(Status::DONE);
    }
    match arguments.format {
        None => cx.out.line(&url)?,
        Some(Format::Raw) => cx.out.bytes(bytes)?,
        Some(Format::Hex) => cx.out.line(
            &bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
        )?,
        Some(Format::Base64) => cx.out.line(&STANDARD.encode(bytes))?,
    }
    Ok(Status::DONE)
}

async fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut message = Vec::new();
    let read = if file == Path::new("-") {
        tokio::io::stdin()
            .read_to_end(&mut message)
            .await
            .map(|_| ())
    } else {
        std::fs::read(file).map(|bytes| message = bytes)
    };
    read.map_err(|error| {
        let kind = keybearer_core::Error::kind_of_io(&error);
        Failure::new(
            kind.as_str(),
            format!("{} cannot be read", file.display()),
            Status::FAILED,
        )
        .with_cause(&error)
    })?;
    Ok(message)
}
