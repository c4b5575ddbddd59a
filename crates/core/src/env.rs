//! What a program sees of the world around it.

use std::{fmt, io, path::Path};

use async_trait::async_trait;

use crate::Secret;

/// The environment, the file system and the person at the terminal, as far as opening a key needs them.
///
/// A value, so that tests and servers decide what is seen; nothing in keybearer asks the process behind its back.
#[async_trait]
pub trait Env: fmt::Debug + Send + Sync + 'static {
    /// An environment variable; `None` where it is not set or not UTF-8.
    fn var(&self, name: &str) -> Option<Secret>;

    /// A whole file of at most `limit` bytes.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::FileTooLarge`] where the file has more than `limit` bytes.
    async fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// Asks the person at the terminal, without an echo.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where there is nobody to ask.
    async fn prompt(&self, question: &str) -> io::Result<Secret>;
}
