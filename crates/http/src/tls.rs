//! TLS by rustls on ring.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::{Arc, OnceLock},
};

use keybearer_core::Certificate;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};

use crate::{HttpError, HttpErrorKind};

/// A system's bundle has about 300 KiB.
const MAX_CA_FILE: u64 = 16 << 20;

/// The system's roots, and those of a file.
pub(crate) fn config(ca_certificate: Option<&Path>) -> Result<ClientConfig, HttpError> {
    let mut roots = native().clone();
    if let Some(path) = ca_certificate {
        for certificate in read(path)? {
            let der = CertificateDer::from(certificate.as_der().to_vec());
            roots.add(der).map_err(|error| bad_file(path, error))?;
        }
    }
    if roots.is_empty() {
        let message = "this system has no CA certificates, so no server can be trusted";
        return Err(HttpError::new(HttpErrorKind::Config, "", message).with_hint(
            "install the package ca-certificates, or name a file of them by SSL_CERT_FILE or --ca-certificate",
        ));
    }
    with_roots(roots)
}

/// What a client needs that never speaks TLS.
pub(crate) fn without_roots() -> Result<ClientConfig, HttpError> {
    with_roots(RootCertStore::empty())
}

/// Reading and parsing them takes milliseconds: once in a process, by the first who needs them.
fn native() -> &'static RootCertStore {
    static NATIVE: OnceLock<RootCertStore> = OnceLock::new();
    NATIVE.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        let loaded = rustls_native_certs::load_native_certs();
        // A root that rustls cannot use is the system's affair, and one of its many.
        let (used, ignored) = roots.add_parsable_certificates(loaded.certs);
        tracing::debug!(
            used,
            ignored,
            errors = loaded.errors.len(),
            "the system's roots are loaded"
        );
        roots
    })
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
    let limited = |file: File| {
        let mut bytes = Vec::new();
        file.take(MAX_CA_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_CA_FILE {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok(bytes)
    };
    let bytes = File::open(path)
        .and_then(limited)
        .map_err(|error| bad_file(path, error))?;
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
