//! What `org serve` tells.

use std::path::Path;

use keybearer_localorg::{App, Entry, LocalOrg, User};
use serde::Serialize;

use crate::text::{columns, printable};

/// Where the org is, and who is known to it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    url: String,
    token_url: String,
    ca_certificate: Option<String>,
    /// One for each certificate.
    apps: Vec<ToldApp>,
    users: Vec<String>,
    pid: u32,
}

#[derive(Debug, Serialize)]
struct ToldApp {
    client_id: String,
    certificate_sha256: String,
}

impl Told {
    pub(super) fn new(
        org: &LocalOrg,
        authority: Option<&Path>,
        apps: &[App],
        users: &[User],
    ) -> Self {
        let each = apps.iter().flat_map(|app| {
            app.certificates().iter().map(|certificate| ToldApp {
                client_id: app.client_id().into(),
                certificate_sha256: keybearer_x509::sha256(certificate),
            })
        });
        Self {
            url: org.url(),
            token_url: org.token_url(),
            ca_certificate: authority.map(|path| path.display().to_string()),
            apps: each.collect(),
            users: users.iter().map(|user| user.name().into()).collect(),
            pid: std::process::id(),
        }
    }

    /// For people: a row each.
    pub(super) fn text(&self) -> String {
        let row = |name: &str, value: &str| vec![name.to_owned(), printable(value)];
        let mut rows = vec![row("url", &self.url), row("token url", &self.token_url)];
        if let Some(path) = &self.ca_certificate {
            rows.push(row("CA certificate", path));
        }
        for app in &self.apps {
            rows.push(row("app", &app.client_id));
            let print = format!("sha256 {}", app.certificate_sha256);
            rows.push(row("  certificate", &print));
        }
        for user in &self.users {
            rows.push(row("user", user));
        }
        rows.push(row("log", &format!("{}/__log", self.url)));
        columns(&rows)
    }
}

/// A request, on one line.
pub(super) fn log_line(entry: &Entry, json: bool) -> String {
    if json {
        // It holds nothing that JSON cannot say.
        return serde_json::to_string(entry).unwrap_or_default();
    }
    let mut line = format!(
        "{} {} {} {}",
        entry.time, entry.request, entry.status, entry.outcome
    );
    if let Some(reason) = &entry.reason {
        line.push_str(&format!(": {reason}"));
    }
    for (name, value) in [("client", &entry.client), ("user", &entry.user)] {
        if let Some(value) = value {
            line.push_str(&format!(" {name}={value}"));
        }
    }
    if !entry.oddities.is_empty() {
        line.push_str(&format!(" odd: {}", entry.oddities.join("; ")));
    }
    printable(&line)
}
