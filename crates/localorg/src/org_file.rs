//! `org.toml`: apps and users from a file.

mod table;

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use keybearer_core::{Certificate, Error, ErrorKind, Result, Secret};
use toml::Table;

use crate::model::{App, User};
use table::Keys;

/// More than this is no configuration, and no certificate.
const LIMIT: u64 = 1 << 20;

const TOP: &[&str] = &["user", "app"];
const USER: &[&str] = &["name", "active", "login-limit"];
const APP: &[&str] = &[
    "client-id",
    "certificate",
    "policy",
    "users",
    "token-format",
    "session-seconds",
    "reuse-session",
    "client-secret-value",
];

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct OrgFile {
    pub(crate) apps: Vec<App>,
    pub(crate) users: Vec<User>,
}

impl OrgFile {
    /// Reads a file and the certificates that it names, whose paths are relative to it.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = read(path)?;
        let text = String::from_utf8(bytes).map_err(|_| malformed("it is not text".into()));
        text.and_then(|text| parse(&text, path.parent().unwrap_or(Path::new(""))))
            .map_err(|error| {
                let said = Error::new(error.kind(), format!("{}: {error}", path.display()));
                let said = match error.hint() {
                    Some(hint) => said.with_hint(hint),
                    None => said,
                };
                match std::error::Error::source(&error) {
                    Some(source) => said.with_source(source.to_string()),
                    None => said,
                }
            })
    }
}

/// Reads the certificate that an app is known by: the first of a file, in PEM or DER.
///
/// # Errors
/// By what the system says of the file; [`ErrorKind::Malformed`] where it has no certificate.
pub fn read_certificate(path: &Path) -> Result<Certificate> {
    let found = Certificate::from_file(&read(path)?).map_err(|error| {
        let message = format!("{} is no certificate", path.display());
        Error::new(ErrorKind::Malformed, message)
            .with_source(error)
            .with_hint("an app takes an X.509 certificate in PEM or DER: keybearer cert export")
    })?;
    // `from_file` gives one at least.
    found
        .into_iter()
        .next()
        .ok_or_else(|| Error::new(ErrorKind::Malformed, format!("{} is empty", path.display())))
}

fn parse(text: &str, folder: &Path) -> Result<OrgFile> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        // The error's own `Display` shows the line, and a secret may stand in it.
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.unwrap_or_default().matches('\n').count() + 1;
        let what = error.message().replace('\n', ", ");
        malformed(format!("line {line}: {what}"))
    })?;
    let mut top = Keys::new("the file", table, TOP)?;
    let users = top.tables("user")?;
    let apps = top.tables("app")?;
    Ok(OrgFile {
        users: users.into_iter().map(user).collect::<Result<_>>()?,
        apps: apps
            .into_iter()
            .map(|table| app(table, folder))
            .collect::<Result<_>>()?,
    })
}

fn user(table: Table) -> Result<User> {
    let mut keys = Keys::new("[[user]]", table, USER)?;
    let mut user = User::new(keys.required("name")?);
    if let Some(active) = keys.flag("active")? {
        user.active = active;
    }
    if let Some(limit) = keys.number("login-limit")? {
        user = user.login_limit(u32::try_from(limit).unwrap_or(u32::MAX));
    }
    Ok(user)
}

fn app(table: Table, folder: &Path) -> Result<App> {
    let mut keys = Keys::new("[[app]]", table, APP)?;
    let client_id = keys.required("client-id")?;
    let paths = keys.texts("certificate")?.ok_or_else(|| {
        malformed(format!("[[app]] \"{client_id}\" has no certificate"))
            .with_hint("certificate = \"app.crt\", or a list of several")
    })?;
    let certificates: Result<Vec<_>> = paths
        .iter()
        .map(|path| read_certificate(&folder.join(PathBuf::from(path))))
        .collect();
    let mut app = App::new(client_id, certificates?);
    if let Some(policy) = keys.text("policy")? {
        app = app.policy(policy.parse().map_err(|why: &str| malformed(why.into()))?);
    }
    if let Some(users) = keys.texts("users")? {
        app = app.users(users);
    }
    if let Some(format) = keys.text("token-format")? {
        app = app.token_format(format.parse().map_err(|why: &str| malformed(why.into()))?);
    }
    if let Some(seconds) = keys.number("session-seconds")? {
        // A lifetime over a century is one: the clock can still add it.
        app = app.session(Duration::from_secs(seconds.min(100 * 365 * 86_400)));
    }
    if let Some(reuse) = keys.flag("reuse-session")? {
        app = app.reuse_session(reuse);
    }
    if let Some(secret) = keys.text("client-secret-value")? {
        app = app.secret(Secret::from(secret));
    }
    Ok(app)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes));
    let read = read.map_err(|error| {
        let kind = Error::kind_of_io(&error);
        Error::new(kind, format!("{} cannot be read", path.display())).with_source(error)
    })?;
    if read as u64 > LIMIT {
        let message = format!("{} has more than {LIMIT} bytes", path.display());
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    Ok(bytes)
}

fn malformed(message: String) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

#[cfg(test)]
mod tests;
