//! What an `open` needs.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{Env, Secret};

/// What an `open` needs and a signer may keep: a Vault token file is read again, a PKCS#11 login is repeated.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct OpenContext {
    /// Environment variables, files, and the person at the terminal.
    pub env: Arc<dyn Env>,
    /// The total time for one remote call with its retries. 30 seconds unless told.
    pub timeout: Duration,
    /// How remote services are reached.
    pub network: Network,
    /// How much work a file may ask of us.
    pub work: WorkLimit,
}

/// How remote services are reached: said once, used for the token and for the key services alike.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// A proxy for all requests: `http://[user:password@]host:port`. Where it is absent the environment's
    /// `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` hold.
    pub proxy: Option<Secret>,
    /// A file of PEM certificates that are trusted besides the system's roots.
    pub ca_certificate: Option<PathBuf>,
    /// The time for a connection to be made; the caller's total time where it is absent.
    pub connect_timeout: Option<Duration>,
}

/// How much work one file may ask of us, whatever its several key derivations are. More is
/// [`Unsupported`](crate::ErrorKind::Unsupported), and the error names both figures.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkLimit {
    /// Rounds of key derivation, summed over the file. 5 million unless told: three times the 600,000 of NSS and GnuTLS
    /// and more.
    pub rounds: u64,
    /// Memory in bytes that one key derivation may take. 64 MiB unless told.
    pub memory: u64,
}

impl OpenContext {
    /// The defaults, in this environment.
    pub fn new(env: Arc<dyn Env>) -> Self {
        Self {
            env,
            timeout: Duration::from_secs(30),
            network: Network::default(),
            work: WorkLimit::default(),
        }
    }
}

impl WorkLimit {
    /// A limit of so many rounds and so many bytes.
    pub fn new(rounds: u64, memory: u64) -> Self {
        Self { rounds, memory }
    }
}

impl Default for WorkLimit {
    fn default() -> Self {
        Self::new(5_000_000, 64 << 20)
    }
}
