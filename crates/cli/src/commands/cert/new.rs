//! `cert new`: a self-signed certificate over any signer's key.

use clap::Args;

use super::{CertificateOptions, Form};
use crate::{
    args::{AlgorithmOption, KeyOption},
    context::Context,
    failure::{Outcome, Status},
    network::NetworkOptions,
};

/// Make a self-signed certificate for a key, wherever the key lives
///
/// The key signs; it does not leave its place. Print the certificate in PEM.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    keybearer cert new --key 'pkcs11:token=prod;object=jwt?pin-source=prompt:' --subject CN=jobs.example.com > jobs.crt\n  \
    keybearer cert new --key key.pem --subject 'CN=jobs,O=Example' --days 730 --der > jobs.der")]
pub(crate) struct Arguments {
    #[command(flatten)]
    form: Form,

    #[command(flatten)]
    certificate: CertificateOptions,

    #[command(flatten)]
    key: KeyOption,

    #[command(flatten)]
    algorithm: AlgorithmOption,

    #[command(flatten)]
    network: NetworkOptions,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let cx = &cx.reaching(&arguments.network);
    let uri = arguments.key.uri(&cx.origins)?;
    let asked = arguments.algorithm.algorithm()?;
    let builder = arguments.certificate.builder()?;
    let key = cx.bound(&uri, asked).await?;
    let certificate = builder.issue(&key).await?;
    arguments.form.print(&[certificate], cx)?;
    Ok(Status::DONE)
}
