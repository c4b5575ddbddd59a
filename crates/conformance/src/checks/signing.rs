//! What is signed, and how it is encoded.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use keybearer_core::{Algorithm, ErrorKind, KeyType, Result, Signature, Signer};

use super::{Outcome, message, sign_well};
use crate::{Failure, Subject, failure::ensure, verify};

/// Nothing, less than a block, more than a token, more than the largest request that services take.
const SIZES: [usize; 4] = [0, 1, 5_000, 70_000];

pub(super) async fn names_its_algorithms(subject: Arc<dyn Subject>) -> Outcome {
    let signer = subject.open().await?;
    let named = signer.algorithms();
    ensure!(!named.is_empty(), "the signer names no algorithm");
    let key_type = subject.public_key().key_type();
    for (index, algorithm) in named.iter().enumerate() {
        ensure!(
            !named[..index].contains(algorithm),
            "{algorithm} is named twice"
        );
        ensure!(
            algorithm.fits(key_type),
            "{algorithm} is named, which no {key_type} key can do"
        );
    }
    let (mut named, mut expected) = (named.to_vec(), subject.algorithms());
    named.sort();
    expected.sort();
    ensure!(
        named == expected,
        "the signer names {named:?}, and the key does {expected:?}"
    );
    Ok(())
}

pub(super) async fn signs_every_size(subject: Arc<dyn Subject>) -> Outcome {
    let signer = subject.open().await?;
    for &algorithm in signer.algorithms() {
        let limit = signer.max_message(algorithm);
        ensure!(
            subject.max_message().is_some() || limit >= SIZES[SIZES.len() - 1],
            "{algorithm} takes at most {limit} bytes, and the subject names no limit"
        );
        for size in SIZES.into_iter().filter(|size| *size <= limit) {
            sign_well(subject.as_ref(), &signer, algorithm, &message(size)).await?;
        }
    }
    Ok(())
}

pub(super) async fn encodes_exactly(subject: Arc<dyn Subject>) -> Outcome {
    let signer = subject.open().await?;
    for &algorithm in signer.algorithms() {
        let expected = match subject.public_key().key_type() {
            KeyType::Rsa { bits } => bits.div_ceil(8),
            KeyType::Ec(curve) => 2 * curve.field_len(),
            _ => 64,
        };
        for round in 0..8 {
            let message = message(100 + round);
            let signature = super::sign(&signer, algorithm, &message).await?;
            let length = signature.as_bytes().len();
            ensure!(
                length == expected,
                "a signature of {algorithm} has {length} bytes, not {expected}"
            );
            let again = Signature::from_der(algorithm, &signature.to_der()?)?;
            ensure!(
                again == signature,
                "{algorithm} does not survive DER and back"
            );
            subject.verify(algorithm, &message, &again)?;
        }
    }
    Ok(())
}

pub(super) async fn pss_salt(subject: Arc<dyn Subject>) -> Outcome {
    let signer = subject.open().await?;
    for &algorithm in signer.algorithms().iter().filter(|one| one.is_pss()) {
        let signature = super::sign(&signer, algorithm, &message(100)).await?;
        // The subject's own verifier may take any salt; this one takes no other.
        verify::aws_lc(&subject.public_key(), algorithm, &message(100), &signature)
            .map_err(|failure| failure.within("the salt is not as long as the hash"))?;
    }
    Ok(())
}

pub(super) async fn refuses_other_algorithms(subject: Arc<dyn Subject>) -> Outcome {
    let signer = subject.open().await?;
    for algorithm in others(&signer) {
        let answer = at_once(signer.sign(algorithm, b"refuse me"))
            .map_err(|failure| failure.within(algorithm))?;
        refused(answer, ErrorKind::UnsupportedAlgorithm)
            .map_err(|failure| failure.within(algorithm))?;
    }
    Ok(())
}

pub(super) async fn refusals_cost_no_request(subject: Arc<dyn Subject>) -> Outcome {
    let signer = subject.open().await?;
    let before = subject.requests();
    for algorithm in others(&signer) {
        // Whether it is refused as it should be is another check's business.
        let _ = signer.sign(algorithm, b"refuse me").await;
    }
    if let Some(limit) = subject.max_message() {
        for &algorithm in signer.algorithms() {
            let _ = signer.sign(algorithm, &message(limit + 1)).await;
        }
    }
    let after = subject.requests();
    ensure!(
        before == after,
        "the far side had {before:?} requests before the refusals and {after:?} after them"
    );
    Ok(())
}

pub(super) async fn refuses_long_messages(subject: Arc<dyn Subject>) -> Outcome {
    let Some(expected) = subject.max_message() else {
        return Err(Failure::new("the subject names no limit"));
    };
    let signer = subject.open().await?;
    let limits = signer
        .algorithms()
        .iter()
        .map(|&algorithm| signer.max_message(algorithm));
    let least = limits.min().unwrap_or(usize::MAX);
    ensure!(
        least == expected,
        "the signer takes up to {least} bytes, and the key up to {expected}"
    );
    for &algorithm in signer.algorithms() {
        let limit = signer.max_message(algorithm);
        if limit == usize::MAX {
            continue;
        }
        sign_well(subject.as_ref(), &signer, algorithm, &message(limit)).await?;
        let what = || format!("{algorithm} over {} bytes", limit + 1);
        let long = message(limit + 1);
        let answer =
            at_once(signer.sign(algorithm, &long)).map_err(|failure| failure.within(what()))?;
        refused(answer, ErrorKind::Unsupported).map_err(|failure| failure.within(what()))?;
    }
    Ok(())
}

fn others(signer: &dyn Signer) -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| !signer.algorithms().contains(algorithm))
}

/// The answer of a future that needs to wait for nothing: a refusal before any I/O.
fn at_once<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Ok(answer),
        Poll::Pending => Err(Failure::new(
            "it is not refused before any I/O: the signer waits for something first",
        )),
    }
}

fn refused(answer: Result<Signature>, kind: ErrorKind) -> Outcome {
    match answer {
        Ok(_) => Err(Failure::new("it was signed")),
        Err(error) => {
            ensure!(
                error.kind() == kind,
                "it was refused as {} and not as {kind}: {error}",
                error.kind()
            );
            Ok(())
        }
    }
}
