//! Interruption and termination.

use crate::{failure::Status, prompt};

/// Resolves when the process is told to end, with the status to end with. The terminal is as before a prompt then.
pub(crate) async fn told_to_end() -> Status {
    let status = wait().await;
    prompt::restore_terminal();
    status
}

#[cfg(unix)]
async fn wait() -> Status {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        // Without handlers the system ends the process by itself.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => Status::INTERRUPTED,
        _ = terminate.recv() => Status::TERMINATED,
    }
}

#[cfg(not(unix))]
async fn wait() -> Status {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Status::INTERRUPTED,
        Err(_) => std::future::pending().await,
    }
}
