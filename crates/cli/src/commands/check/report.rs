//! What the steps of `check` found, as it is told.

use serde::Serialize;

use crate::{
    failure::{Failure, Status},
    output::{Output, Paint},
    text::{printable, wrapped},
};

/// The steps so far. Without `--json` each is printed as it ends.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    ok: bool,
    steps: Vec<Step>,
    #[serde(skip)]
    status: Status,
    #[serde(skip)]
    out: Output,
}

#[derive(Debug, Serialize)]
struct Step {
    name: &'static str,
    status: Found,
    detail: String,
    cure: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Found {
    Ok,
    Warning,
    Failed,
    Skipped,
}

/// Columns before the detail: a symbol and the longest name.
const INDENT: usize = 17;

impl Report {
    pub(super) fn new(out: Output) -> Self {
        Self {
            ok: true,
            steps: Vec::new(),
            status: Status::DONE,
            out,
        }
    }

    /// Where its words go.
    pub(super) fn out(&self) -> Output {
        self.out
    }

    pub(super) fn ok(&mut self, name: &'static str, detail: impl Into<String>) -> Told {
        self.tell(name, Found::Ok, detail.into(), None)
    }

    /// It works, and will not for long, or not everywhere.
    pub(super) fn warning(
        &mut self,
        name: &'static str,
        detail: impl Into<String>,
        cure: &str,
    ) -> Told {
        self.tell(name, Found::Warning, detail.into(), Some(cure.into()))
    }

    /// It does not work; the first such step gives the exit status.
    pub(super) fn failed(&mut self, name: &'static str, failure: &Failure) -> Told {
        if self.ok {
            (self.ok, self.status) = (false, failure.status());
        }
        let mut detail = failure.message().to_owned();
        for cause in failure.causes() {
            detail.push_str(": ");
            detail.push_str(cause);
        }
        let cure = failure.hint().map(str::to_owned);
        self.tell(name, Found::Failed, detail, cure)
    }

    /// It was not tried, and why.
    pub(super) fn skipped(&mut self, name: &'static str, why: &str) -> Told {
        self.tell(name, Found::Skipped, why.into(), None)
    }

    /// The object with `--json`, the verdict without; the exit status.
    pub(super) fn end(self) -> Result<Status, Failure> {
        if self.out.is_json() {
            self.out.object(&self)?;
            return Ok(self.status);
        }
        let count = |found| {
            self.steps
                .iter()
                .filter(|step| step.status == found)
                .count()
        };
        let verdict = match (count(Found::Failed), count(Found::Warning)) {
            (0, 0) => "The connection works.".into(),
            (0, 1) => "The connection works, with 1 warning.".into(),
            (0, warnings) => format!("The connection works, with {warnings} warnings."),
            (1, _) => "The connection does not work: 1 step failed.".into(),
            (failed, _) => format!("The connection does not work: {failed} steps failed."),
        };
        let paint = if self.ok { Paint::Bold } else { Paint::Red };
        self.out
            .line(&format!("\n{}", self.out.paint(paint, &verdict)))?;
        Ok(self.status)
    }

    fn tell(
        &mut self,
        name: &'static str,
        status: Found,
        detail: String,
        cure: Option<String>,
    ) -> Told {
        let step = Step {
            name,
            status,
            detail,
            cure,
        };
        let told = if self.out.is_json() {
            Ok(())
        } else {
            self.out.bytes(step.text(self.out).as_bytes())
        };
        self.steps.push(step);
        told
    }
}

/// A step is told, unless the standard output cannot be written.
pub(super) type Told = Result<(), Failure>;

impl Step {
    fn text(&self, out: Output) -> String {
        let (symbol, paint, word) = match self.status {
            Found::Ok => ("✓", Paint::Green, ""),
            Found::Warning => ("!", Paint::Yellow, "warning: "),
            Found::Failed => ("✗", Paint::Red, "failed: "),
            Found::Skipped => ("-", Paint::Bold, "skipped: "),
        };
        let symbol = out.paint(paint, symbol);
        let fill = |text: &str| wrapped(&printable(text), INDENT, out.width());
        let detail = fill(&format!("{word}{}", self.detail));
        let mut text = format!(
            "{symbol} {:width$}{detail}\n",
            self.name,
            width = INDENT - 2
        );
        if let Some(cure) = &self.cure {
            let cure = fill(&format!("cure: {cure}"));
            text.push_str(&format!("{:INDENT$}{cure}\n", ""));
        }
        text
    }
}
