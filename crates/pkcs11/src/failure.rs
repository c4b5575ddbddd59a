//! Failures on the way through a module, with what they mean for the session.

use cryptoki::error::Error as Cryptoki;
use keybearer_core::Error;

use crate::{fault, module::Module};

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// We found something wrong ourselves; the session is as it was.
    Own(Error),
    /// The module failed: its session is not used again, lest a half-open operation leak into another's.
    Module {
        error: Error,
        /// Whether a new session may do what this one could not.
        stale: bool,
    },
}

impl Failure {
    /// What the module answered to `what`.
    pub(crate) fn of(module: &Module, what: &str, fault: &Cryptoki) -> Self {
        Self::Module {
            error: module.fault(what, fault),
            stale: fault::is_stale(fault),
        }
    }

    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Own(error) | Self::Module { error, .. } => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}
