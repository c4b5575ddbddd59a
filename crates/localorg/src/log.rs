//! What the org was asked. Never an assertion, a token or a secret.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;

/// A request, and how it went.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// When it was answered, in RFC 3339, in UTC.
    pub time: String,
    /// Method and path, without the query.
    pub request: String,
    /// The app, where it was named.
    pub client: Option<String>,
    /// The user, where one was named.
    pub user: Option<String>,
    /// `granted`, `refused` or, at other endpoints than the token endpoint, `answered`; `fault` where a fault was
    /// injected.
    pub outcome: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Why it was refused: the error, and what was wrong in plain words.
    pub reason: Option<String>,
    /// What is unusual in the request and was taken all the same.
    pub oddities: Vec<String>,
}

/// What a handler knows of its request; the rest of the [`Entry`] is known around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) client: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) outcome: Option<&'static str>,
    pub(crate) reason: Option<String>,
    pub(crate) oddities: Vec<String>,
}

pub(crate) type Listener = Arc<dyn Fn(&Entry) + Send + Sync>;

/// The newest entries, and who is told of each.
pub(crate) struct Log {
    entries: Mutex<VecDeque<Entry>>,
    listener: Option<Listener>,
}

/// Older entries than these are dropped.
const KEPT: usize = 10_000;
/// Names come from strangers: no more of one is kept.
const LONGEST_NAME: usize = 256;

impl Draft {
    pub(crate) fn odd(&mut self, what: impl Into<String>) {
        self.oddities.push(what.into());
    }

    pub(crate) fn set_client(&mut self, name: &str) {
        self.client = Some(clipped(name));
    }

    pub(crate) fn set_user(&mut self, name: &str) {
        self.user = Some(clipped(name));
    }
}

impl Log {
    pub(crate) fn new(listener: Option<Listener>) -> Self {
        Self {
            entries: Mutex::default(),
            listener,
        }
    }

    pub(crate) fn push(&self, entry: Entry) {
        if let Some(listener) = &self.listener {
            listener(&entry);
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.truncate(KEPT - 1);
        entries.push_front(entry);
    }

    /// Newest first.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().cloned().collect()
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

/// What stands in a value from a stranger, short enough for a line.
pub(crate) fn clipped(text: &str) -> String {
    match text.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
