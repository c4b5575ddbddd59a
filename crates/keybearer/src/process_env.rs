//! The environment of this process.

use std::{fmt, fs::File, io, io::Read, path::Path, sync::Arc};

use keybearer_core::{Env, Secret, async_trait};

type Prompt = Arc<dyn Fn(&str) -> io::Result<Secret> + Send + Sync>;

/// The real [`Env`]: this process's variables and the file system, read on a thread where blocking harms nobody.
///
/// Nobody is asked for a secret unless a program says how ([`with_prompt`](Self::with_prompt)): a server must not wait at
/// a terminal.
///
/// Files are read within a tokio runtime.
#[derive(Clone, Default)]
pub struct ProcessEnv {
    prompt: Option<Prompt>,
}

impl ProcessEnv {
    /// An environment where nobody can be asked.
    pub fn new() -> Self {
        Self::default()
    }

    /// This environment, asking people by `ask`, which is given the question ("store password") and may block.
    #[must_use]
    pub fn with_prompt(
        mut self,
        ask: impl Fn(&str) -> io::Result<Secret> + Send + Sync + 'static,
    ) -> Self {
        self.prompt = Some(Arc::new(ask));
        self
    }
}

#[async_trait]
impl Env for ProcessEnv {
    fn var(&self, name: &str) -> Option<Secret> {
        std::env::var(name).ok().map(Secret::from)
    }

    async fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let path = path.to_owned();
        blocking(move || read(&path, limit)).await
    }

    async fn prompt(&self, question: &str) -> io::Result<Secret> {
        let Some(ask) = self.prompt.clone() else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "there is nobody to ask",
            ));
        };
        let question = question.to_owned();
        blocking(move || ask(&question)).await
    }
}

impl fmt::Debug for ProcessEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessEnv")
            .field("asks", &self.prompt.is_some())
            .finish()
    }
}

fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than may be there tells a file that is too large from one that just fits, and bounds devices and
    // pipes, whose size nobody knows.
    File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {limit} bytes"),
        ));
    }
    Ok(bytes)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_read_up_to_the_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [7; 10]).unwrap();
        let env = ProcessEnv::new();
        assert_eq!(env.read(file.path(), 10).await.unwrap(), [7; 10]);
        let error = env.read(file.path(), 9).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        let error = env.read(Path::new("/nowhere/at/all"), 9).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_endless_file_ends() {
        let error = ProcessEnv::new()
            .read(Path::new("/dev/zero"), 1 << 20)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[tokio::test]
    async fn nobody_is_asked_unless_a_program_says_how() {
        let error = ProcessEnv::new().prompt("PIN").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        let env = ProcessEnv::new().with_prompt(|question| Ok(Secret::from(question)));
        assert_eq!(env.prompt("PIN").await.unwrap(), Secret::from("PIN"));
        assert!(!format!("{env:?}").contains("PIN"));
    }
}
