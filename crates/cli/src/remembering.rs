//! Secrets that one command needs twice are asked for once.

use std::{collections::HashMap, io, path::Path, sync::Arc};

use keybearer_core::{Env, Secret, async_trait};
use tokio::sync::Mutex;

/// An [`Env`] that keeps the answers of the person at the terminal, and what came out of a pipe, until it is dropped.
#[derive(Debug)]
pub(crate) struct Remembering {
    inner: Arc<dyn Env>,
    answers: Mutex<HashMap<String, Secret>>,
}

/// What is read there once is gone.
const PIPES: [&str; 3] = ["/dev/fd/", "/dev/stdin", "/proc/self/fd/"];

impl Remembering {
    pub(crate) fn new(inner: Arc<dyn Env>) -> Self {
        Self {
            inner,
            answers: Mutex::default(),
        }
    }
}

#[async_trait]
impl Env for Remembering {
    fn var(&self, name: &str) -> Option<Secret> {
        self.inner.var(name)
    }

    async fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let name = path.to_string_lossy();
        if !PIPES.iter().any(|pipe| name.starts_with(pipe)) {
            return self.inner.read(path, limit).await;
        }
        let mut answers = self.answers.lock().await;
        if let Some(known) = answers.get(name.as_ref()) {
            let bytes = known.expose().to_vec();
            return match bytes.len() as u64 {
                length if length > limit => Err(io::ErrorKind::FileTooLarge.into()),
                _ => Ok(bytes),
            };
        }
        let read = self.inner.read(path, limit).await?;
        answers.insert(name.into_owned(), Secret::new(read.as_slice()));
        Ok(read)
    }

    async fn prompt(&self, question: &str) -> io::Result<Secret> {
        let mut answers = self.answers.lock().await;
        if let Some(known) = answers.get(question) {
            return Ok(known.clone());
        }
        let answer = self.inner.prompt(question).await?;
        answers.insert(question.to_owned(), answer.clone());
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Gives another answer each time.
    #[derive(Debug, Default)]
    struct Once(AtomicUsize);

    #[async_trait]
    impl Env for Once {
        fn var(&self, _: &str) -> Option<Secret> {
            None
        }

        async fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
            Ok(self
                .0
                .fetch_add(1, Ordering::Relaxed)
                .to_string()
                .into_bytes())
        }

        async fn prompt(&self, _: &str) -> io::Result<Secret> {
            Ok(self.0.fetch_add(1, Ordering::Relaxed).to_string().into())
        }
    }

    #[tokio::test]
    async fn answers_and_pipes_are_kept_and_files_are_not() {
        let env = Remembering::new(Arc::new(Once::default()));
        let ask = async |question| env.prompt(question).await.unwrap();
        assert_eq!(ask("store password").await, ask("store password").await);
        assert_ne!(ask("store password").await, ask("key password").await);
        let read = async |path, limit| env.read(Path::new(path), limit).await;
        let first = read("/dev/fd/3", 9).await.unwrap();
        assert_eq!(read("/dev/fd/3", 9).await.unwrap(), first);
        let error = read("/dev/fd/3", 0).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_ne!(
            read("/etc/p", 9).await.unwrap(),
            read("/etc/p", 9).await.unwrap()
        );
    }
}
