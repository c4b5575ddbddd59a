//! Why a version that exists cannot be used.

use keybearer_core::{Error, ErrorKind};
use serde_json::Value;

use crate::{answer::field, locator::Locator, spec};

/// After `FAILED_PRECONDITION`. `told` is the `CryptoKeyVersion`, where the caller may see it.
///
/// Source: <https://cloud.google.com/kms/docs/key-states>.
pub(crate) fn unusable(about: &Locator, told: Option<&Value>) -> Error {
    let new = |kind, what: String, hint: String| Error::new(kind, what).with_hint(hint);
    let unsupported = |what: String, hint: String| new(ErrorKind::Unsupported, what, hint);
    let state = told.map(|it| field(it, "state"));
    let algorithm = told.map(|it| field(it, "algorithm")).unwrap_or_default();
    match state.as_deref() {
        Some("DISABLED") => unsupported(
            format!("{about} is disabled"),
            format!("enable it: {}", about.gcloud("enable")),
        ),
        Some("DESTROY_SCHEDULED") => unsupported(
            format!("{about} is scheduled for destruction"),
            format!(
                "while there is time: {}, and then {}",
                about.gcloud("restore"),
                about.gcloud("enable")
            ),
        ),
        Some("DESTROYED") => new(
            ErrorKind::NotFound,
            format!("{about} is destroyed: its key is gone"),
            "make a new version, and have its certificate registered".into(),
        ),
        Some("PENDING_GENERATION") => new(
            ErrorKind::Unavailable,
            format!("{about} is still being made"),
            "wait a moment; keys in an HSM take longer".into(),
        ),
        Some("PENDING_IMPORT") => unsupported(
            format!("{about} waits for its key to be imported"),
            format!("import it: {}", about.gcloud("import")),
        ),
        // It was enabled between the two questions, or the protection behind it fails.
        Some("ENABLED") if spec::algorithm(&algorithm).is_some() => new(
            ErrorKind::Unavailable,
            format!("{about} is enabled, and does not sign now"),
            "wait a moment, if it has just been enabled; else see the reason that Cloud KMS tells"
                .into(),
        ),
        Some("ENABLED") => new(
            ErrorKind::UnsupportedAlgorithm,
            format!("{about} is not made to sign: its algorithm is {algorithm}"),
            "make a key of the purpose asymmetric-signing".into(),
        ),
        Some(state) => unsupported(
            format!("{about} does not sign in its state {state}"),
            "see the key states of Cloud KMS; a new version may be needed".into(),
        ),
        None => unsupported(
            format!("{about} does not sign: it is not enabled, or of another purpose"),
            format!(
                "see its state: {} (it takes cloudkms.cryptoKeyVersions.get)",
                about.gcloud("describe")
            ),
        ),
    }
}
