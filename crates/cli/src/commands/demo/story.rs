//! The demo's steps as they are told.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{
    failure::Failure,
    output::{Output, Paint},
    text::{printable, wrapped},
};

/// The steps so far. Without `--json` each is printed when it is done.
#[derive(Debug, Serialize)]
pub(super) struct Story {
    steps: Vec<Step>,
    token: Map<String, Value>,
    #[serde(skip)]
    out: Output,
}

/// One step: its name for machines, what it is and what came of it for people, and the command that does it for real.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) detail: String,
    /// A line break stands where people are shown one.
    #[serde(serialize_with = "on_one_line")]
    pub(super) command: String,
}

const INDENT: usize = 3;

impl Story {
    pub(super) fn new(out: Output) -> Self {
        Self {
            steps: Vec::new(),
            token: Map::new(),
            out,
        }
    }

    pub(super) fn tell(&mut self, step: Step) -> Result<(), Failure> {
        if !self.out.is_json() {
            let number = self.steps.len() + 1;
            let title = self.out.paint(Paint::Bold, step.title);
            let detail = wrapped(&printable(&step.detail), INDENT, self.out.width());
            let command = step.command.replace('\n', " \\\n       ");
            let text = format!("{number}. {title}\n   {detail}\n   $ {command}\n\n");
            self.out.bytes(text.as_bytes())?;
        }
        self.steps.push(step);
        Ok(())
    }

    /// The token response, for machines.
    pub(super) fn token(&mut self, fields: &Map<String, Value>) {
        self.token = fields.clone();
    }

    pub(super) fn end(&self) -> Result<(), Failure> {
        if self.out.is_json() {
            return self.out.object(self);
        }
        self.out
            .line("Nothing of it is left. With your own org and key: keybearer check --help")
    }
}

fn on_one_line<S: Serializer>(command: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&command.replace('\n', " "))
}
