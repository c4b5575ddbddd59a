//! Keys that cannot be opened.

use std::sync::Arc;

use keybearer_core::{COMMON_ATTRIBUTES, Error, ErrorKind, KeyUri};

use super::{Outcome, first_algorithm, message};
use crate::{
    Failure, Subject,
    failure::{describe, ensure},
};

pub(super) async fn wrong_secret(subject: Arc<dyn Subject>) -> Outcome {
    expect(&subject, subject.wrong_secret(), ErrorKind::BadSecret).await?;
    // The right one still works: the wrong one has locked nothing and spoiled no shared state.
    subject.open().await?;
    Ok(())
}

pub(super) async fn wrong_secret_once(subject: Arc<dyn Subject>) -> Outcome {
    let before = subject.attempts().unwrap_or_default();
    expect(&subject, subject.wrong_secret(), ErrorKind::BadSecret).await?;
    let tries = subject.attempts().unwrap_or_default().wrapping_sub(before);
    ensure!(tries == 1, "the wrong secret was tried {tries} times");
    Ok(())
}

pub(super) async fn missing_key(subject: Arc<dyn Subject>) -> Outcome {
    expect(&subject, subject.missing_key(), ErrorKind::NotFound).await?;
    Ok(())
}

pub(super) async fn twin_keys(subject: Arc<dyn Subject>) -> Outcome {
    let error = expect(&subject, subject.twin_keys(), ErrorKind::Ambiguous).await?;
    ensure!(
        error.hint().is_some(),
        "the error has no hint that lists the keys: {}",
        describe(&error)
    );
    Ok(())
}

pub(super) async fn unknown_attribute(subject: Arc<dyn Subject>) -> Outcome {
    const UNKNOWN: &str = "keybearer-no-such-attribute";
    let uri = subject.uri().with_attribute(UNKNOWN, "x");
    let error = expect(&subject, Some(uri), ErrorKind::InvalidUri).await?;
    let text = describe(&error);
    ensure!(
        text.contains(UNKNOWN),
        "the error does not name the attribute: {text}"
    );
    let registry = subject.registry();
    let provider = registry.provider(&subject.uri())?;
    let hint = error.hint().unwrap_or_default();
    for known in provider.attributes().iter().chain(COMMON_ATTRIBUTES) {
        ensure!(
            hint.contains(known.name),
            "the hint does not name {}, which is accepted: {hint}",
            known.name
        );
    }
    for name in subject.uri().attribute_names() {
        let known = provider.attributes().iter().chain(COMMON_ATTRIBUTES);
        ensure!(
            known.clone().any(|one| one.name == name),
            "the provider does not name its own attribute {name}"
        );
    }
    Ok(())
}

pub(super) async fn service_down(subject: Arc<dyn Subject>) -> Outcome {
    let error = expect(&subject, subject.service_down(), ErrorKind::Unavailable).await?;
    ensure!(error.is_transient(), "the failure is not transient");
    Ok(())
}

/// The error of the right kind that opening the key, or its first sign, must end with.
async fn expect(
    subject: &Arc<dyn Subject>,
    uri: Option<KeyUri>,
    kind: ErrorKind,
) -> Result<Error, Failure> {
    let Some(uri) = uri else {
        return Err(Failure::new("the subject does not offer this case"));
    };
    let Err(error) = use_once(subject.as_ref(), &uri).await else {
        return Err(Failure::new(format!(
            "{uri} signs, where it should be {kind}"
        )));
    };
    ensure!(
        error.kind() == kind,
        "{uri} should be {kind} and is {}",
        describe(&error)
    );
    ensure!(
        error.key().is_some(),
        "the error does not name the key: {}",
        describe(&error)
    );
    ensure!(
        !error.to_string().ends_with('.') && !error.to_string().is_empty(),
        "the message is not one sentence without a full stop: {error}"
    );
    Ok(error)
}

async fn use_once(subject: &dyn Subject, uri: &KeyUri) -> Result<(), Error> {
    let signer = subject.registry().open(uri, &subject.context()).await?;
    let Ok(algorithm) = first_algorithm(&signer) else {
        return Ok(());
    };
    signer.sign(algorithm, &message(64)).await.map(|_| ())
}
