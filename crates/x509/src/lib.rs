//! Certificates over any keybearer signer, remote keys included.
//!
//! A self-signed certificate is built, and its outline signed in one await over a
//! [`Bound`](keybearer_core::Bound): the key may live where it cannot be seen.

mod extensions;
mod identifier;
mod info;
mod name;
mod self_signed;

use keybearer_core::{Certificate, Error, ErrorKind};
use sha2::{Digest, Sha256};

pub use info::CertificateInfo;
pub use self_signed::SelfSigned;

/// SHA-256 of a certificate in DER, in lower-case hexadecimal: what `openssl x509 -fingerprint -sha256` shows.
pub fn sha256(certificate: &Certificate) -> String {
    Sha256::digest(certificate.as_der())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn failed(why: impl ToString) -> Error {
    Error::new(ErrorKind::Backend, "the certificate cannot be made").with_source(why.to_string())
}
