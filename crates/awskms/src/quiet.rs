//! The SDK at work, unheard: at trace level it logs answers whole, signatures and session tokens with them.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::LazyLock,
};

use tracing::{
    Dispatch,
    dispatcher::{get_default, with_default},
    subscriber::NoSubscriber,
};

/// One that `tracing` counts among its subscribers, which `Dispatch::none()` is not: with a single one, `tracing` asks
/// whoever listens at a log statement's first use, and would take this silence for the answer of the whole process.
static NOBODY: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));

/// What the future gives. What it logs reaches nobody: docs/decisions/0010 has why, and what else was weighed.
pub(crate) async fn quiet<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if is_heard() {
            with_default(&NOBODY, || future.as_mut().poll(cx))
        } else {
            future.as_mut().poll(cx)
        }
    })
    .await
}

/// Whether a subscriber listens here, or a logger at trace level: without any subscriber, `tracing` may tell `log`. Who has
/// neither is left alone, because a dispatcher, once set, ends that for the whole process.
fn is_heard() -> bool {
    log::max_level() == log::LevelFilter::Trace
        || get_default(|dispatch| !dispatch.is::<NoSubscriber>())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    };

    use tracing::{Event, Metadata, Subscriber, span};

    use super::*;

    #[derive(Clone, Default)]
    struct Count(Arc<AtomicUsize>);

    impl Subscriber for Count {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            self.0.fetch_add(1, SeqCst);
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, SeqCst);
        }
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    #[tokio::test]
    async fn only_what_is_inside_is_unheard() {
        let count = Count::default();
        let _listening = tracing::subscriber::set_default(count.clone());
        let loud = async || {
            tracing::trace!("an answer");
            tokio::task::yield_now().await;
            let _span = tracing::info_span!("a call").entered();
            7
        };
        assert_eq!(quiet(loud()).await, 7);
        assert_eq!(count.0.load(SeqCst), 0);
        loud().await;
        assert_eq!(count.0.load(SeqCst), 2);
    }
}
