//! A table whose every key is known, and has a value of its type.

use keybearer_core::{Error, Result};
use toml::{Table, Value};

use super::malformed;

/// The keys of a table that are not read yet.
pub(super) struct Keys {
    /// As the file writes it: `[[app]]`.
    name: &'static str,
    table: Table,
}

impl Keys {
    /// # Errors
    /// For a key that is not known; the hint names the one that is most like it.
    pub(super) fn new(name: &'static str, table: Table, known: &[&str]) -> Result<Self> {
        let other = table.keys().find(|key| !known.contains(&key.as_str()));
        if let Some(other) = other {
            let likeness =
                |candidate: &&&str| (strsim::jaro_winkler(other, candidate) * 1e6) as u32;
            let error = malformed(format!("unknown key \"{other}\" in {name}"));
            return Err(match known.iter().max_by_key(likeness) {
                Some(nearest) => error.with_hint(format!("did you mean \"{nearest}\"?")),
                None => error,
            });
        }
        Ok(Self { name, table })
    }

    pub(super) fn required(&mut self, key: &str) -> Result<String> {
        let text = self.text(key)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| malformed(format!("{} has no {key}", self.name)))
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a string")),
        }
    }

    /// A string, or a list of strings.
    pub(super) fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>> {
        let values = match self.table.remove(key) {
            None => return Ok(None),
            Some(Value::Array(values)) => values,
            Some(single) => vec![single],
        };
        let texts = values.into_iter().map(|value| match value {
            Value::String(text) => Some(text),
            _ => None,
        });
        let texts: Option<Vec<_>> = texts.collect();
        texts
            .map(Some)
            .ok_or_else(|| self.wrong(key, "a string or a list of strings"))
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Boolean(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.wrong(key, "true or false")),
        }
    }

    /// A number that is not negative.
    pub(super) fn number(&mut self, key: &str) -> Result<Option<u64>> {
        let number = match self.table.remove(key) {
            None => return Ok(None),
            Some(Value::Integer(number)) => u64::try_from(number).ok(),
            Some(_) => None,
        };
        number
            .map(Some)
            .ok_or_else(|| self.wrong(key, "a number, 0 or more"))
    }

    /// `[[key]]` tables.
    pub(super) fn tables(&mut self, key: &str) -> Result<Vec<Table>> {
        let values = match self.table.remove(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(_) => Vec::from([Value::Boolean(false)]),
        };
        let tables = values.into_iter().map(|value| match value {
            Value::Table(table) => Ok(table),
            _ => Err(malformed(format!("{key} is not a table of a list"))
                .with_hint(format!("write [[{key}]], one for each"))),
        });
        tables.collect()
    }

    fn wrong(&self, key: &str, what: &str) -> Error {
        malformed(format!("{key} in {} is not {what}", self.name))
    }
}
