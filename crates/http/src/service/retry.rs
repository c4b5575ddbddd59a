//! Another try of what is transient.

use std::{future::Future, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use keybearer_core::{Error, ErrorKind, Result};
use tokio::time::{Instant, sleep, timeout_at};

/// Tries again what is transient: at most four times more, sooner first, never past `timeout`, which is for all of it.
/// `service` is named where the time runs out (`Vault`).
///
/// # Errors
/// The last attempt's, or [`ErrorKind::Unavailable`] where none ended in time. A service that asks for a longer wait than
/// there is time is not waited for.
pub async fn retried<T, F: Future<Output = Result<T>>>(
    service: &str,
    timeout: Duration,
    mut attempt: impl FnMut() -> F,
) -> Result<T> {
    let deadline = Instant::now() + timeout;
    let mut waits = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_times(4)
        .with_jitter()
        .build();
    let mut last = None;
    loop {
        let error = match timeout_at(deadline, attempt()).await {
            Ok(Err(error)) if error.is_transient() => error,
            Ok(done) => return done,
            Err(_) => return Err(last.unwrap_or_else(|| too_late(service, timeout))),
        };
        let Some(wait) = waits.next() else {
            return Err(error);
        };
        let wait = error.retry_after().map_or(wait, |asked| asked.max(wait));
        if Instant::now() + wait >= deadline {
            return Err(error);
        }
        tracing::debug!(service, kind = %error.kind(), wait_ms = wait.as_millis() as u64, "asked again");
        last = Some(error);
        sleep(wait).await;
    }
}

fn too_late(service: &str, timeout: Duration) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "{service} did not answer within {} s",
            timeout.as_secs_f64()
        ),
    )
    .with_hint("check the address and what stands between, or allow more time")
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::atomic::AtomicU32, sync::atomic::Ordering::SeqCst};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn failing(kind: ErrorKind) -> Error {
        Error::new(kind, "told to")
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_five_times_and_what_stays_once() {
        for (kind, expected) in [(ErrorKind::Throttled, 5), (ErrorKind::PermissionDenied, 1)] {
            let tries = AtomicU32::new(0);
            let attempt = || async {
                tries.fetch_add(1, SeqCst);
                Err::<(), _>(failing(kind))
            };
            let error = retried("Vault", LIMIT, attempt).await.unwrap_err();
            assert_eq!((error.kind(), tries.load(SeqCst)), (kind, expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_hangs_ends_with_the_time() {
        let began = Instant::now();
        let error = retried("Vault", LIMIT, pending::<Result<()>>)
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), began.elapsed()),
            (ErrorKind::Unavailable, LIMIT)
        );
        assert_eq!(error.to_string(), "Vault did not answer within 30 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_as_long_as_asked_for_and_never_past_the_time() {
        for (asked, waited, tries_made) in [(10, 20, 3), (40, 0, 1)] {
            let (tries, began) = (AtomicU32::new(0), Instant::now());
            let attempt = || async {
                tries.fetch_add(1, SeqCst);
                Err::<(), _>(
                    failing(ErrorKind::Throttled).with_retry_after(Duration::from_secs(asked)),
                )
            };
            let error = retried("Vault", LIMIT, attempt).await.unwrap_err();
            assert_eq!(error.retry_after(), Some(Duration::from_secs(asked)));
            assert_eq!(
                (began.elapsed().as_secs(), tries.load(SeqCst)),
                (waited, tries_made)
            );
        }
    }
}
