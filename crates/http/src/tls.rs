//! TLS by rustls on ring.

use std::{path::Path, sync::Arc};

use keybearer_core::Certificate;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};

use crate::{HttpError, HttpErrorKind};

/// The system's roots, and those of a file.
pub(crate) fn config(ca_certificate: Option<&Path>) -> Result<ClientConfig, HttpError> {
    let mut roots = RootCertStore::empty();
    // A root that rustls cannot use is the system's affair, and one of its many.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_certificate {
        for certificate in read(path)? {
            let der = CertificateDer::from(certificate.as_der().to_vec());
            roots.add(der).map_err(|error| bad_file(path, error))?;
        }
    }
    with_roots(roots)
}

/// What a client needs that never speaks TLS.
pub(crate) fn without_roots() -> Result<ClientConfig, HttpError> {
    with_roots(RootCertStore::empty())
}

fn with_roots(roots: RootCertStore) -> Result<ClientConfig, HttpError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            HttpError::new(HttpErrorKind::Config, "", "TLS cannot be set up")
                .with_source(error.to_string())
        })?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn read(path: &Path) -> Result<Vec<Certificate>, HttpError> {
    let bytes = std::fs::read(path).map_err(|error| bad_file(path, error))?;
    Certificate::from_file(&bytes).map_err(|error| bad_file(path, error))
}

fn bad_file(path: &Path, why: impl ToString) -> HttpError {
    HttpError::new(
        HttpErrorKind::Config,
        "",
        format!("the CA certificates cannot be read from {}", path.display()),
    )
    .with_source(why.to_string())
    .with_hint("give a file of PEM certificates")
}
