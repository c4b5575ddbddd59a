//! What the signer says of its key.

use std::sync::Arc;

use keybearer_core::{ErrorKind, KeyUri};

use super::{Outcome, first_algorithm, message, sign_well};
use crate::{Subject, failure::ensure};

pub(super) async fn public_key(subject: Arc<dyn Subject>) -> Outcome {
    let signer = subject.open().await?;
    for round in ["first", "second"] {
        match signer.public_key().await {
            Ok(_) if !subject.tells_public_key() => {
                ensure!(false, "the signer tells a public key that it may not read");
            }
            Ok(key) => ensure!(
                key == subject.public_key() && key.spki_der() == subject.public_key().spki_der(),
                "the {round} answer is another public key than the maker of the key tells"
            ),
            Err(error) => {
                let expected = matches!(
                    error.kind(),
                    ErrorKind::Unsupported | ErrorKind::PermissionDenied
                );
                if subject.tells_public_key() || !expected {
                    return Err(error.into());
                }
            }
        }
    }
    let algorithm = first_algorithm(&signer)?;
    sign_well(subject.as_ref(), &signer, algorithm, &message(64)).await?;
    Ok(())
}

pub(super) async fn certificates(subject: Arc<dyn Subject>) -> Outcome {
    let signer = subject.open().await?;
    let chain = signer.certificate_chain().await?;
    ensure!(
        chain.len() == subject.certificates(),
        "the chain has {} certificates, and {} come with the key",
        chain.len(),
        subject.certificates()
    );
    if let Some(leaf) = chain.first() {
        ensure!(
            leaf.public_key()? == subject.public_key(),
            "the first certificate is not the key's"
        );
    }
    for pair in chain.windows(2) {
        ensure!(
            pair[0].issuer_der()? == pair[1].subject_der()?,
            "a certificate of the chain is not followed by its issuer"
        );
    }
    Ok(())
}

pub(super) async fn id_reopens(subject: Arc<dyn Subject>) -> Outcome {
    let first = subject.open().await?;
    let id = first.id();
    let mut names = id.uri().attribute_names();
    let pointer = names.find(|name| name.ends_with("-value") || name.ends_with("-source"));
    ensure!(pointer.is_none(), "the id carries {pointer:?}");
    let read_back: KeyUri = id.to_string().parse()?;
    ensure!(
        read_back == *id.uri(),
        "the id {id} is another key URI when it is printed and read back"
    );
    let second = subject
        .registry()
        .open(&subject.resupply(read_back), &subject.context())
        .await?;
    ensure!(
        second.id() == id,
        "{id} opened again calls itself {}",
        second.id()
    );
    ensure!(
        second.algorithms() == first.algorithms(),
        "{id} opened again does {:?} and not {:?}",
        second.algorithms(),
        first.algorithms()
    );
    let algorithm = first_algorithm(&second)?;
    sign_well(subject.as_ref(), &second, algorithm, &message(64))
        .await
        .map_err(|failure| failure.within("the key reopened by its id"))?;
    Ok(())
}
