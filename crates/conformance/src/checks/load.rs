//! Many calls, and calls that are given up.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use keybearer_core::Signer;
use tokio::task::JoinSet;

use super::{Outcome, first_algorithm, message, sign, sign_well};
use crate::{Failure, Subject, failure::ensure};

pub(super) async fn signs_64_at_once(subject: Arc<dyn Subject>) -> Outcome {
    let signer = subject.open().await?;
    at_once(&subject, &signer, 64).await
}

pub(super) async fn dropped_signs_harm_nothing(subject: Arc<dyn Subject>) -> Outcome {
    let signer = subject.open().await?;
    let algorithm = first_algorithm(&signer)?;
    for round in 0..64 {
        let message = message(1_000 + round);
        let begun = signer.sign(algorithm, &message);
        // From not at all to a few milliseconds, so that every stage is met.
        let pause = Duration::from_micros(100 * round as u64);
        let _ = tokio::time::timeout(pause, begun).await;
    }
    // More than any pool has, so that one lost place is noticed.
    const LIMIT: Duration = Duration::from_secs(60);
    let after = tokio::time::timeout(LIMIT, at_once(&subject, &signer, 16));
    after.await.unwrap_or_else(|_| {
        Err(Failure::new(format!(
            "after 64 dropped signs, 16 more took over {} seconds",
            LIMIT.as_secs()
        )))
    })
}

pub(super) async fn leaves_the_executor_free(subject: Arc<dyn Subject>) -> Outcome {
    // Far above what hashing and queueing take, on a busy machine too, and below what a remote call may take.
    const LIMIT: Duration = Duration::from_millis(200);
    let signer = subject.open().await?;
    let algorithm = first_algorithm(&signer)?;
    let mut best = Duration::MAX;
    // The best of some, since a busy machine can stop any thread for a while.
    for round in 0..5 {
        let message = message(1_000 + round);
        let (answer, longest) = longest_poll(signer.sign(algorithm, &message)).await;
        match answer {
            Err(error) if !error.is_transient() => return Err(error.into()),
            _ => best = best.min(longest),
        }
    }
    ensure!(
        best <= LIMIT,
        "a sign held its thread for {} ms at a time, and at most {} are allowed",
        best.as_millis(),
        LIMIT.as_millis()
    );
    Ok(())
}

async fn at_once(subject: &Arc<dyn Subject>, signer: &Arc<dyn Signer>, count: usize) -> Outcome {
    let mut tasks = JoinSet::new();
    for index in 0..count {
        let signer = signer.clone();
        let algorithms = signer.algorithms();
        let algorithm = algorithms[index % algorithms.len()];
        // `spawn` takes `Send` futures alone.
        tasks.spawn(async move {
            let message = message(200 + index);
            let signature = sign(&signer, algorithm, &message).await;
            (algorithm, message, signature)
        });
    }
    while let Some(task) = tasks.join_next().await {
        let (algorithm, message, signature) =
            task.map_err(|error| Failure::new(format!("a sign panicked: {error}")))?;
        subject.verify(algorithm, &message, &signature?)?;
    }
    let algorithm = first_algorithm(signer)?;
    sign_well(subject.as_ref(), signer, algorithm, &message(64)).await?;
    Ok(())
}

/// The longest time for which a future holds its thread.
async fn longest_poll<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let mut future = pin!(future);
    let mut longest = Duration::ZERO;
    let answer = poll_fn(|context| {
        let began = Instant::now();
        let polled = future.as_mut().poll(context);
        longest = longest.max(began.elapsed());
        polled
    })
    .await;
    (answer, longest)
}
