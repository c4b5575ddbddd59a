//! Work that takes long, kept away from the executor.

use keybearer_core::{Error, ErrorKind, Result};
use tokio::runtime::Handle;

/// Runs `work` on a thread that may block where tokio is the executor, and in place where it is not.
///
/// A caller who gives up leaves the work to end by itself.
///
/// # Errors
/// What `work` says; [`ErrorKind::Backend`] where the runtime shuts down before it is done.
pub async fn offload<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let Ok(runtime) = Handle::try_current() else {
        return work();
    };
    runtime.spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::new(
            ErrorKind::Backend,
            "the work on the private key was given up",
        )
        .with_source(error.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn leaves_the_executor_where_there_is_one() {
        let there = offload(|| Ok(thread::current().id())).await.unwrap();
        assert_ne!(there, thread::current().id());
    }

    #[test]
    fn runs_in_place_elsewhere() {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut work = std::pin::pin!(offload(|| Ok(thread::current().id())));
        let std::task::Poll::Ready(there) = work.as_mut().poll(&mut context) else {
            panic!("it waits for somebody");
        };
        assert_eq!(there.unwrap(), thread::current().id());
    }
}
