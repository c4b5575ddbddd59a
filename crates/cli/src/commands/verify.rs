//! `verify`: whether a signature is a key's, over a message.
//!
//! aws-lc-rs verifies: another library than the one that signs.

use std::path::PathBuf;

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use clap::Args;
use keybearer_core::{Algorithm, EcCurve, Error, ErrorKind, KeyId, KeyType, PublicKey, Signature};
use serde::Serialize;

use crate::{
    args::{AlgorithmOption, Json, KeyOption},
    context::Context,
    encoding::Encoding,
    failure::{Failure, Outcome, Status},
    input,
    network::NetworkOptions,
};

/// Verify a signature with the public half of a key
///
/// Prints ok, or ends with status 1.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    keybearer verify --key key.pem --signature \"$SIGNATURE\" message.txt\n  \
    keybearer verify --key keys.p12 --password-source env:P --alg PS256 --format raw --signature-file message.sig message.txt")]
pub(crate) struct Arguments {
    /// The message [default: -, the standard input]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// The signature
    #[arg(long, value_name = "SIGNATURE", allow_hyphen_values = true)]
    signature: Option<String>,

    /// A file with the signature
    #[arg(long, value_name = "PATH")]
    signature_file: Option<PathBuf>,

    /// How the signature is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Encoding,

    #[command(flatten)]
    key: KeyOption,

    #[command(flatten)]
    algorithm: AlgorithmOption,

    #[command(flatten)]
    network: NetworkOptions,

    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Verified {
    ok: bool,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let cx = &cx.reaching(&arguments.network);
    let uri = arguments.key.uri(&cx.origins)?;
    let asked = arguments.algorithm.algorithm()?;
    let written = written(arguments).await?;
    let key = cx.bound(&uri, asked).await?;
    let public_key = key.signer().public_key().await?;
    let signature = arguments.format.signature(key.algorithm(), &written)?;
    let message = input::read(arguments.file.as_deref()).await?;
    if !verifies(&public_key, key.signer().id(), &signature, &message)? {
        return Err(Error::new(
            ErrorKind::KeyMismatch,
            format!(
                "this is not the key's {} signature over the message",
                key.algorithm()
            ),
        )
        .with_key(key.signer().id())
        .with_hint(
            "compare the key, the algorithm (--alg) and the message, down to its last line break",
        )
        .into());
    }
    cx.out.data(&Verified { ok: true }, || "ok\n".into())?;
    Ok(Status::DONE)
}

/// The bytes of the signature that was given.
async fn written(arguments: &Arguments) -> Result<Vec<u8>, Failure> {
    let given = match (&arguments.signature, &arguments.signature_file) {
        (Some(text), None) => text.clone().into_bytes(),
        (None, Some(path)) if path.as_os_str() == "-" && is_stdin(arguments.file.as_ref()) => {
            return Err(Failure::usage(
                "the message and the signature cannot both be the standard input",
            ));
        }
        (None, Some(path)) => input::read(Some(path)).await?,
        (Some(_), Some(_)) => {
            return Err(Failure::usage(
                "--signature and --signature-file exclude each other",
            ));
        }
        (None, None) => {
            return Err(Failure::usage("no signature is given")
                .with_hint("give --signature SIGNATURE or --signature-file PATH"));
        }
    };
    arguments.format.read(&given).ok_or_else(|| {
        Error::new(
            ErrorKind::Malformed,
            "the signature is not written as --format says",
        )
        .with_hint("it is base64url unless --format says base64, hex, raw or der")
        .into()
    })
}

fn is_stdin(file: Option<&PathBuf>) -> bool {
    file.is_none_or(|file| file.as_os_str() == "-")
}

fn verifies(
    key: &PublicKey,
    id: &KeyId,
    signature: &Signature,
    message: &[u8],
) -> Result<bool, Error> {
    let algorithm = verification(signature.algorithm(), key.key_type(), id)?;
    let parsed = ParsedPublicKey::new(algorithm, key.key_bytes()).map_err(|error| {
        Error::new(
            ErrorKind::Unsupported,
            "this public key cannot be used to verify",
        )
        .with_key(id)
        .with_source(error.to_string())
    })?;
    Ok(parsed.verify_sig(message, signature.as_bytes()).is_ok())
}

fn verification(
    algorithm: Algorithm,
    key_type: KeyType,
    id: &KeyId,
) -> Result<&'static dyn VerificationAlgorithm, Error> {
    if !algorithm.fits(key_type) {
        return Err(Error::new(
            ErrorKind::UnsupportedAlgorithm,
            format!("a key of type {key_type} does not do {algorithm}"),
        )
        .with_key(id));
    }
    Ok(match (algorithm, algorithm.curve()) {
        (Algorithm::Rs256, _) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (Algorithm::Rs384, _) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (Algorithm::Rs512, _) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (Algorithm::Ps256, _) => &signature::RSA_PSS_2048_8192_SHA256,
        (Algorithm::Ps384, _) => &signature::RSA_PSS_2048_8192_SHA384,
        (Algorithm::Ps512, _) => &signature::RSA_PSS_2048_8192_SHA512,
        (Algorithm::Ed25519, _) => &signature::ED25519,
        (_, Some(EcCurve::P256)) => &signature::ECDSA_P256_SHA256_FIXED,
        (_, Some(EcCurve::P384)) => &signature::ECDSA_P384_SHA384_FIXED,
        (_, Some(EcCurve::P521)) => &signature::ECDSA_P521_SHA512_FIXED,
        (other, None) => {
            return Err(Error::new(
                ErrorKind::UnsupportedAlgorithm,
                format!("{other} is not verified here"),
            )
            .with_key(id));
        }
    })
}
