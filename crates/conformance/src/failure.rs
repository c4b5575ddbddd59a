//! Why a check failed.

use std::{error::Error as StdError, fmt};

use keybearer_core::Error;

/// Why a check failed, in words for whoever mends the signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure that says this.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// This failure, told as part of something larger.
    #[must_use]
    pub fn within(self, what: impl fmt::Display) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(describe(&error))
    }
}

/// An error with its kind, its causes and its hint, on one line.
pub(crate) fn describe(error: &Error) -> String {
    let mut text = format!("[{}] {error}", error.kind());
    let mut cause = error.source();
    while let Some(next) = cause {
        text += &format!("; caused by: {next}");
        cause = next.source();
    }
    if let Some(hint) = error.hint() {
        text += &format!("; hint: {hint}");
    }
    text
}

/// Fails the check where the condition does not hold.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::Failure::new(format!($($message)+)));
        }
    };
}
pub(crate) use ensure;
