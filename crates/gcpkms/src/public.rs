//! The public key of a version.

use keybearer_core::{Algorithm, Error, ErrorKind, PublicKey, Result};
use serde_json::Value;

use crate::{
    answer::field,
    api::{Ask, Session},
    crc32c::crc32c,
    locator::Locator,
    spec,
};

/// What is known of a version: what it does, and its public key where that may be read.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) algorithm: Algorithm,
    pub(crate) public: Option<PublicKey>,
}

/// What it takes.
pub(crate) const PERMISSION: &str = "cloudkms.cryptoKeyVersions.viewPublicKey";

/// `getPublicKey`.
pub(crate) async fn read(session: &Session, version: &Locator) -> Result<Known> {
    let ask = Ask {
        path: format!("{version}/publicKey"),
        body: None,
        permission: PERMISSION,
        about: version,
    };
    let answer = session.ask(&ask, |answer| whole(answer, version)).await?;
    let name = field(&answer, "algorithm");
    let algorithm = spec::algorithm(&name).ok_or_else(|| {
        Error::new(
            ErrorKind::UnsupportedAlgorithm,
            format!("no algorithm here fits {version}: it is of {name}"),
        )
        .with_hint("make a version of RSA_SIGN_PKCS1_2048_SHA256 (or longer), RSA_SIGN_PSS_…, EC_SIGN_P256_SHA256, EC_SIGN_P384_SHA384 or EC_SIGN_ED25519")
    })?;
    let pem = answer["pem"].as_str().unwrap_or_default();
    let public = PublicKey::from_file(pem.as_bytes())
        .map_err(|error| odd(&format!("a public key that cannot be read: {error}")))?;
    if !algorithm.fits(public.key_type()) {
        let kind = public.key_type();
        return Err(odd(&format!("a public key of {kind} beside {name}")));
    }
    Ok(Known {
        algorithm,
        public: Some(public),
    })
}

/// The answer, if it is about this version and arrived as it was sent.
fn whole(answer: &Value, version: &Locator) -> Result<Value> {
    check_name(answer, version)?;
    let pem = answer["pem"].as_str().unwrap_or_default();
    check_sum(answer, "pemCrc32c", pem.as_bytes())?;
    Ok(answer.clone())
}

/// That the answer is about the version that was asked for.
pub(crate) fn check_name(answer: &Value, version: &Locator) -> Result<()> {
    if answer["name"] == version.to_string().as_str() {
        return Ok(());
    }
    let told = field(answer, "name");
    Err(Error::new(
        ErrorKind::KeyMismatch,
        format!(
            "Cloud KMS answers about \"{told}\", and was asked about {version}"
        ),
    )
    .with_hint("write the name as the console shows it; if it is so, something between answers for another version"))
}

/// That these bytes have the checksum in this field: an int64, so text in JSON, though a number is one too.
pub(crate) fn check_sum(answer: &Value, field: &str, bytes: &[u8]) -> Result<()> {
    let told = &answer[field];
    let told = told.as_str().and_then(|text| text.parse().ok());
    let told: Option<u64> = told.or_else(|| answer[field].as_u64());
    match told == Some(crc32c(bytes).into()) {
        true => Ok(()),
        false => Err(damaged(&format!("its {field} is not that of its bytes"))),
    }
}

/// An answer, or a request, that was changed on the way: worth another try, as Google says.
///
/// Source: <https://cloud.google.com/kms/docs/data-integrity-guidelines>.
pub(crate) fn damaged(why: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the exchange with Cloud KMS was damaged on the way",
    )
    .with_hint(
        "what stands between may change bytes: a proxy that opens TLS, or a failing network card",
    )
    .with_source(why.to_owned())
}

/// An answer that no Cloud KMS gives.
pub(crate) fn odd(what: &str) -> Error {
    Error::new(ErrorKind::Backend, "Cloud KMS's answer cannot be used").with_source(what.to_owned())
}
