//! `cert`: certificates for keys.

mod export;
mod new;

use clap::{Args, Subcommand};
use keybearer_core::Certificate;
use keybearer_x509::SelfSigned;

use crate::{
    context::Context,
    failure::{Failure, Outcome},
};

/// Make and export certificates
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum Command {
    New(new::Arguments),
    Export(export::Arguments),
}

impl Command {
    pub(crate) async fn run(&self, cx: &Context) -> Outcome {
        match self {
            Self::New(arguments) => new::run(arguments, cx).await,
            Self::Export(arguments) => export::run(arguments, cx).await,
        }
    }
}

/// What a new certificate says.
#[derive(Args, Debug)]
#[command(next_help_heading = "The certificate")]
pub(crate) struct CertificateOptions {
    /// Whose key it is: CN=jobs.example.com,O=Example (RFC 4514)
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,

    /// How long it is valid, in days from now
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
}

impl CertificateOptions {
    /// A self-signed certificate yet to be issued.
    pub(crate) fn builder(&self) -> Result<SelfSigned, Failure> {
        let subject = self.subject.as_deref().ok_or_else(|| {
            Failure::usage("no subject is given").with_hint("give --subject \"CN=...\"")
        })?;
        let certificate = SelfSigned::new(subject).map_err(|error| {
            let failure = Failure::usage(error.to_string()).with_sources_of(&error);
            failure.with_hint(
                error
                    .hint()
                    .unwrap_or("write it as CN=jobs.example.com,O=Example"),
            )
        })?;
        Ok(certificate.days(self.days))
    }
}

/// How a certificate is written.
#[derive(Args, Debug)]
struct Form {
    /// Write DER instead of PEM
    #[arg(long)]
    der: bool,
}

impl Form {
    fn print(&self, certificates: &[Certificate], cx: &Context) -> Result<(), Failure> {
        if self.der {
            let bytes: Vec<_> = certificates.iter().map(Certificate::as_der).collect();
            return cx.out.bytes(&bytes.concat());
        }
        let text: String = certificates.iter().map(Certificate::to_pem).collect();
        cx.out.bytes(text.as_bytes())
    }
}
