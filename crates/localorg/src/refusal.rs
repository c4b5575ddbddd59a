//! Refusals in Salesforce's words.

/// Why no token is given: what the client is told, and what the log adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `error` (RFC 6749 section 5.2, and Salesforce's own).
    pub(crate) error: &'static str,
    /// `error_description`.
    pub(crate) description: &'static str,
    /// What was wrong, for the log alone: Salesforce does not tell.
    pub(crate) why: String,
}

impl Refusal {
    pub(crate) fn new(
        error: &'static str,
        description: &'static str,
        why: impl Into<String>,
    ) -> Self {
        Self {
            error,
            description,
            why: why.into(),
        }
    }

    /// What is no assertion, or is not the app's.
    pub(crate) fn assertion(why: impl Into<String>) -> Self {
        Self::new("invalid_grant", "invalid assertion", why)
    }

    pub(crate) fn grant(description: &'static str, why: impl Into<String>) -> Self {
        Self::new("invalid_grant", description, why)
    }

    /// The log's line.
    pub(crate) fn reason(&self) -> String {
        format!("{}: {} ({})", self.error, self.description, self.why)
    }
}
