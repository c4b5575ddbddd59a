//! `key new`: a key pair with a self-signed certificate.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use keybearer_core::{
    Bound, Certificate, Certify, EcCurve, Error, ErrorKind, KeySpec, KeyType, Signer, async_trait,
};
use keybearer_x509::SelfSigned;

use super::shown::Shown;
use crate::{
    args::{Json, KeyArgument},
    commands::cert::CertificateOptions,
    context::Context,
    failure::{Failure, Outcome, Status},
    network::NetworkOptions,
    progress,
};

/// Make a key pair with a self-signed certificate
///
/// The file appears whole or not at all, readable by you alone (mode 0600).
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    keybearer key new jks:keys.jks --alias jobcert --password-source prompt: --subject CN=jobs.example.com\n  \
    keybearer key new pem:key.pem --subject 'CN=jobs,O=Example' --bits 4096 --days 730\n\n\
    Then upload what `keybearer cert export` prints to the app.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    key: KeyArgument,

    #[command(flatten)]
    network: NetworkOptions,

    #[command(flatten)]
    certificate: CertificateOptions,

    /// The type of key
    #[arg(long = "type", value_enum, value_name = "TYPE", default_value_t)]
    key_type: NewType,

    /// The size of an RSA key in bits: 2048 to 8192 [default: 2048]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u16).range(2048..=8192))]
    bits: Option<u16>,

    /// Replace what has this name already
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    json: Json,
}

/// The type of a key that can be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum NewType {
    /// RSA: what Salesforce takes
    #[default]
    #[value(name = "RSA", alias = "rsa")]
    Rsa,
    /// Elliptic curve P-256, for ES256
    #[value(name = "P-256", alias = "p-256")]
    P256,
    /// Elliptic curve P-384, for ES384
    #[value(name = "P-384", alias = "p-384")]
    P384,
    /// Ed25519
    #[value(name = "Ed25519", alias = "ed25519")]
    Ed25519,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let cx = &cx.reaching(&arguments.network);
    let uri = arguments.key.uri(&cx.origins)?;
    let certify = SelfSign(arguments.certificate.builder()?);
    let mut spec = KeySpec::new(arguments.key_type()?);
    spec.overwrite = arguments.force;
    let provider = cx.registry.provider(&uri)?;
    let maker = provider.key_maker().ok_or_else(|| {
        let hint = match uri.scheme() {
            "keystore" => "say what the file is to be: jks:PATH, pkcs12:PATH or pem:PATH",
            _ => "keys are made in jks:, pkcs12: and pem: files and in pkcs11: tokens; cert new makes a certificate for a key that is there",
        };
        Error::new(ErrorKind::Unsupported, format!("no keys are made in {}:", uri.scheme()))
            .with_key(&uri)
            .with_hint(hint)
    })?;
    let open = cx.choosing_secrets();
    let made = {
        let _shown = progress::show(cx.out, "making the key");
        maker.make(&uri, &spec, &certify, &open).await
    };
    let signer = made.map_err(|error| error.with_key(&uri))?;
    Shown::signer(signer.as_ref()).await?.print(cx.out)?;
    Ok(Status::DONE)
}

impl Arguments {
    fn key_type(&self) -> Result<KeyType, Failure> {
        if self.key_type != NewType::Rsa && self.bits.is_some() {
            return Err(Failure::usage("--bits is the size of an RSA key")
                .with_hint("the other types have one size each: leave --bits out"));
        }
        Ok(match self.key_type {
            NewType::Rsa => KeyType::Rsa {
                bits: self.bits.unwrap_or(2048).into(),
            },
            NewType::P256 => KeyType::Ec(EcCurve::P256),
            NewType::P384 => KeyType::Ec(EcCurve::P384),
            NewType::Ed25519 => KeyType::Ed25519,
        })
    }
}

/// The new key vouches for itself: the app is given its certificate.
#[derive(Debug)]
pub(crate) struct SelfSign(pub(crate) SelfSigned);

#[async_trait]
impl Certify for SelfSign {
    async fn certify(&self, key: Arc<dyn Signer>) -> keybearer_core::Result<Vec<Certificate>> {
        let first = key.algorithms().first().copied();
        let algorithm = first.ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "the new key does no algorithm").with_key(key.id())
        })?;
        let key = Bound::new(key, algorithm)?;
        Ok(vec![self.0.clone().issue(&key).await?])
    }
}
