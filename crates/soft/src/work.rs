//! How much work a file may ask of us, counted before any of it is done.

use keybearer_core::{Error, ErrorKind, Result, WorkLimit};

/// What is left of a [`WorkLimit`] while one file is read.
///
/// A file names the cost of its own key derivations, so a hostile one could keep us busy for days: each cost is charged
/// here first. One budget serves one file, whatever number of derivations it has.
#[derive(Debug)]
pub struct WorkBudget {
    limit: WorkLimit,
    spent: u64,
}

impl WorkBudget {
    /// The whole of a limit.
    pub fn new(limit: WorkLimit) -> Self {
        Self { limit, spent: 0 }
    }

    /// Charges so many rounds of key derivation, on top of those charged before.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], with both figures, where the file would then have asked for more than the limit.
    pub fn spend_rounds(&mut self, rounds: u64) -> Result<()> {
        let asked = self.spent.saturating_add(rounds);
        if asked > self.limit.rounds {
            return Err(too_much("rounds", asked, self.limit.rounds));
        }
        self.spent = asked;
        Ok(())
    }

    /// Checks the memory, in bytes, that one key derivation would take.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], with both figures, where it is more than the limit.
    pub fn check_memory(&self, bytes: u64) -> Result<()> {
        if bytes > self.limit.memory {
            return Err(too_much("bytes of memory", bytes, self.limit.memory));
        }
        Ok(())
    }
}

fn too_much(unit: &str, asked: u64, allowed: u64) -> Error {
    // Figures that do not fit are saturated while they are read.
    let at_least = if asked == u64::MAX { "at least " } else { "" };
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "the file asks for {at_least}{asked} {unit} to derive its keys, and {allowed} are allowed"
        ),
    )
    .with_hint("if you trust the file, write it anew with a smaller iteration count")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_summed_over_the_file() {
        let mut budget = WorkBudget::new(WorkLimit::new(100, 0));
        budget.spend_rounds(60).unwrap();
        let error = budget.spend_rounds(41).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("101 rounds"), "{error}");
        assert!(error.to_string().contains("100 are allowed"), "{error}");
        budget.spend_rounds(40).unwrap();
        assert!(budget.spend_rounds(u64::MAX).is_err());
    }

    #[test]
    fn memory_is_checked() {
        let budget = WorkBudget::new(WorkLimit::default());
        budget.check_memory(64 << 20).unwrap();
        let error = budget.check_memory((64 << 20) + 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error.to_string().contains("67108865") && error.to_string().contains("67108864"),
            "{error}"
        );
    }
}
