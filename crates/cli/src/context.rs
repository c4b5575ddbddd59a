//! What every command is given.

use std::sync::Arc;

use keybearer::ProcessEnv;
use keybearer_core::{Algorithm, Bound, Error, ErrorKind, KeyUri, OpenContext, Registry, Signer};

use crate::{
    failure::Failure, layers::Origins, network::NetworkOptions, output::Output, prompt,
    remembering::Remembering,
};

/// What every command is given.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Where words go.
    pub(crate) out: Output,
    /// Where the options' values come from.
    pub(crate) origins: Origins,
    /// The key sources of this build.
    pub(crate) registry: Registry,
    /// What opening a key needs.
    pub(crate) open: OpenContext,
}

impl Context {
    pub(crate) fn new(out: Output, origins: Origins) -> Self {
        Self {
            out,
            origins,
            registry: keybearer::default_registry(),
            open: OpenContext::new(Arc::new(ProcessEnv::new().with_prompt(prompt::ask))),
        }
    }

    /// As this one, for keys that are reached in this way.
    pub(crate) fn reaching(&self, network: &NetworkOptions) -> Self {
        Self {
            open: network.reaching(&self.open),
            ..self.clone()
        }
    }

    /// As [`open`](Self::open), for secrets that are being chosen: those of something new are asked for twice.
    pub(crate) fn choosing_secrets(&self) -> OpenContext {
        let mut cx = self.open.clone();
        cx.env = Arc::new(ProcessEnv::new().with_prompt(prompt::ask_choosing));
        cx
    }

    /// As [`open`](Self::open), for a command that reads a key's file more than once: nobody is asked twice.
    pub(crate) fn remembering_secrets(&self) -> OpenContext {
        let mut cx = self.open.clone();
        cx.env = Arc::new(Remembering::new(cx.env));
        cx
    }

    /// As [`remembering_secrets`](Self::remembering_secrets), for a command that has to do with two keys: what is asked
    /// for says that it is about this one.
    pub(crate) fn remembering_secrets_of(&self, which: &'static str) -> OpenContext {
        let mut cx = self.open.clone();
        let ask = move |question: &str| prompt::ask(&format!("{question} ({which})"));
        cx.env = Arc::new(Remembering::new(Arc::new(
            ProcessEnv::new().with_prompt(ask),
        )));
        cx
    }

    /// As [`choosing_secrets`](Self::choosing_secrets), for a command that has to do with two keys.
    pub(crate) fn choosing_secrets_of(&self, which: &'static str) -> OpenContext {
        let mut cx = self.open.clone();
        let ask = move |question: &str| prompt::ask_choosing(&format!("{question} ({which})"));
        cx.env = Arc::new(ProcessEnv::new().with_prompt(ask));
        cx
    }

    /// Opens a key.
    pub(crate) async fn signer(&self, uri: &KeyUri) -> Result<Arc<dyn Signer>, Failure> {
        self.signer_with(uri, &self.open).await
    }

    /// Opens a key that is reached in another way than [`open`](Self::open) says.
    pub(crate) async fn signer_with(
        &self,
        uri: &KeyUri,
        open: &OpenContext,
    ) -> Result<Arc<dyn Signer>, Failure> {
        tracing::info!(key = %uri, "opening the key");
        let signer = self.registry.open(uri, open).await?;
        tracing::info!(id = %signer.id(), algorithms = ?signer.algorithms(), "the key is open");
        Ok(signer)
    }

    /// Opens a key and pairs it with the algorithm that was asked for, or else the first of its own.
    pub(crate) async fn bound(
        &self,
        uri: &KeyUri,
        algorithm: Option<Algorithm>,
    ) -> Result<Bound, Failure> {
        let signer = self.signer(uri).await?;
        let first = signer.algorithms().first().copied();
        let algorithm = algorithm.or(first).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "this key does no algorithm").with_key(signer.id())
        })?;
        Ok(Bound::new(signer, algorithm)?)
    }
}
