//! An environment for tests.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use keybearer_core::{Env, OpenContext, Secret};

/// An [`Env`] of given variables, given answers to prompts, and the real file system. It counts what is asked of it.
///
/// ```
/// use keybearer_conformance::TestEnv;
/// let cx = TestEnv::new().var("PIN", "1234").context();
/// assert_eq!(cx.env.var("PIN").unwrap().expose(), b"1234");
/// assert!(cx.env.var("HOME").is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct TestEnv {
    variables: BTreeMap<String, Secret>,
    answers: BTreeMap<String, Secret>,
    answer: Option<Secret>,
    uses: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl TestEnv {
    /// An environment without variables, in which nobody answers a prompt.
    pub fn new() -> Self {
        Self::default()
    }

    /// This environment with one more variable.
    #[must_use]
    pub fn var(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// This environment with somebody who gives this answer to a question that has `part` in it; an empty `part` is in
    /// every question.
    #[must_use]
    pub fn answer(mut self, part: &str, answer: impl Into<Secret>) -> Self {
        if part.is_empty() {
            self.answer = Some(answer.into());
        } else {
            self.answers.insert(part.into(), answer.into());
        }
        self
    }

    /// How often a variable, a file (its path as it was given) or a prompt (the question) has been asked for.
    pub fn uses(&self, name: &str) -> u64 {
        let uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        uses.get(name).copied().unwrap_or_default()
    }

    /// A context with this environment, otherwise with the defaults. Counts are shared with this value.
    pub fn context(&self) -> OpenContext {
        OpenContext::new(Arc::new(self.clone()))
    }

    fn count(&self, name: &str) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        *uses.entry(name.into()).or_default() += 1;
    }
}

#[async_trait]
impl Env for TestEnv {
    fn var(&self, name: &str) -> Option<Secret> {
        self.count(name);
        self.variables.get(name).cloned()
    }

    async fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        self.count(&path.to_string_lossy());
        let mut bytes = Vec::new();
        File::open(path)?
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    async fn prompt(&self, question: &str) -> io::Result<Secret> {
        self.count(question);
        let known = self
            .answers
            .iter()
            .find(|(part, _)| question.contains(part.as_str()));
        known
            .map(|(_, answer)| answer)
            .or(self.answer.as_ref())
            .cloned()
            .ok_or_else(|| io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_what_was_given_and_counts() {
        let env = TestEnv::new().var("A", "1").answer("store", "2");
        let shared: Arc<dyn Env> = Arc::new(env.clone());
        assert_eq!(shared.var("A"), Some("1".into()));
        assert_eq!(shared.var("PATH"), None);
        assert_eq!(shared.prompt("store password").await.unwrap(), "2".into());
        assert_eq!(
            shared.prompt("key password").await.unwrap_err().kind(),
            io::ErrorKind::Unsupported
        );
        assert_eq!((env.uses("A"), env.uses("key password")), (1, 1));
    }

    #[tokio::test]
    async fn files_are_read_up_to_the_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"12345").unwrap();
        let env = TestEnv::new();
        assert_eq!(env.read(file.path(), 5).await.unwrap(), b"12345");
        assert_eq!(
            env.read(file.path(), 4).await.unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
    }
}
