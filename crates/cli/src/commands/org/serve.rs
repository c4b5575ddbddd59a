//! `org serve`: a local Salesforce-like org, for trying things out and for tests.

use std::{
    io::{self, Write},
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
};

use clap::Args;
use keybearer_core::{Error, ErrorKind};
use keybearer_localorg::{App, Builder, LocalOrg, Policy, User, read_certificate};
use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt;

use super::{
    lines::Lines,
    told::{Told, log_line},
};
use crate::{
    args::Json,
    certificates,
    context::Context,
    failure::{Failure, Outcome, Status},
};

/// Run a local Salesforce-like org: it verifies assertions and gives tokens as Salesforce does
///
/// It says where it is as soon as it answers, and then logs each request on stderr. GET /__log answers the same log as
/// JSON, newest first. It keeps nothing when it ends.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    keybearer org serve --app 3MVG9demo=login.crt --user integration@example.org\n  \
    keybearer org serve --file org.toml --listen 127.0.0.1:8443 --tls\n\n\
    org.toml:\n  \
    [[user]]\n  name = \"integration@example.org\"\n  login-limit = 3600\n\n  \
    [[app]]\n  client-id = \"3MVG9demo\"\n  certificate = \"login.crt\"\n  users = [\"integration@example.org\"]")]
pub(crate) struct Arguments {
    #[command(flatten)]
    json: Json,

    /// Listen there; port 0 is a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    listen: SocketAddr,

    /// Register an app by its consumer key and the file of its certificate; once more for another certificate
    #[arg(long = "app", value_name = "CLIENT_ID=CERTIFICATE_FILE", value_parser = app)]
    apps: Vec<NamedFile>,

    /// Make an active user, whom every --app allows
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<String>,

    /// Read apps and users from a file, in TOML
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    /// Serve https, with a certificate made for this run
    #[arg(long)]
    tls: bool,

    /// Who may use an app that says nothing of it: pre-authorized users, or users who have approved it
    #[arg(long, value_name = "POLICY", default_value = "admin-approved", value_parser = ["admin-approved", "self-authorize"])]
    policy: String,

    /// End when the standard input is closed
    #[arg(long)]
    until_eof: bool,
}

#[derive(Clone, Debug)]
struct NamedFile {
    client_id: String,
    path: PathBuf,
}

pub(crate) async fn run(arguments: &Arguments, cx: &Context) -> Outcome {
    let out = cx.out;
    let builder = arguments.builder()?;
    warn(&builder, arguments, cx);
    let (apps, users) = (builder.apps().to_vec(), builder.users().to_vec());
    let lines = Lines::new(out);
    let write = lines.writer();
    let org = builder
        .on_request(move |entry| write(log_line(entry, out.is_json())))
        .start()
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::Backend => error.into(),
            _ => of_configuration(&error),
        })?;
    let authority = org.ca_pem().map(authority_file).transpose()?;
    let told = Told::new(
        &org,
        authority.as_ref().map(NamedTempFile::path),
        &apps,
        &users,
    );
    out.data(&told, || told.text())?;
    if arguments.until_eof {
        end_of_input().await;
    } else {
        std::future::pending::<()>().await;
    }
    Ok(Status::DONE)
}

impl Arguments {
    fn builder(&self) -> Result<Builder, Failure> {
        let policy: Policy = self
            .policy
            .parse()
            .map_err(|why: &str| Failure::usage(why))?;
        let mut builder = LocalOrg::builder()
            .listen(self.listen)
            .tls(self.tls)
            .policy(policy);
        if let Some(path) = &self.file {
            builder = builder
                .file(path)
                .map_err(|error| of_configuration(&error))?;
        }
        let mut at = 0;
        while let Some(first) = self.apps.get(at) {
            let is_first = |other: &NamedFile| other.client_id == first.client_id;
            if !self.apps.iter().take(at).any(is_first) {
                let files = self.apps.iter().filter(|other| is_first(other));
                let certificates: Result<Vec<_>, _> =
                    files.map(|file| read_certificate(&file.path)).collect();
                let certificates = certificates.map_err(|error| of_configuration(&error))?;
                builder = builder.app(App::new(&first.client_id, certificates));
            }
            at += 1;
        }
        for name in &self.users {
            builder = builder.user(User::new(name));
        }
        Ok(builder)
    }
}

/// Says what would only be found at the first login.
fn warn(builder: &Builder, arguments: &Arguments, cx: &Context) {
    if builder.apps().is_empty() {
        cx.out
            .warning("there is no app: every login will be refused (--app, or --file)");
    }
    if builder.users().is_empty() {
        cx.out
            .warning("there is no user: every login will be refused (--user, or --file)");
    }
    if !arguments.listen.ip().is_loopback() {
        cx.out
            .warning("other machines can reach this org, which is made for tests");
    }
    for app in builder.apps() {
        let owner = format!("the app \"{}\"", app.client_id());
        for complaint in app.complaints() {
            cx.out
                .warning(&format!("a certificate of {owner}: {complaint}"));
        }
        for certificate in app.certificates() {
            certificates::warn_of_expiry(cx.out, &owner, certificate);
        }
    }
}

/// What the user wrote, in a flag or a file, cannot be used.
fn of_configuration(error: &Error) -> Failure {
    let failure = Failure::config(error.to_string()).with_sources_of(error);
    match error.hint() {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

/// The file goes when the command ends.
fn authority_file(pem: &str) -> Result<NamedTempFile, Failure> {
    let made = tempfile::Builder::new()
        .prefix("keybearer-org-")
        .suffix(".pem")
        .tempfile();
    let written: io::Result<_> = made.and_then(|mut file| {
        file.write_all(pem.as_bytes())?;
        Ok(file)
    });
    written.map_err(|error| {
        let message = "the file of the org's certificate cannot be written";
        Failure::new("backend", message, Status::FAILED).with_cause(&error)
    })
}

/// An input that cannot be read has ended too.
async fn end_of_input() {
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 1024];
    while stdin.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let hint = "an address is written 127.0.0.1:8443 or localhost:0";
    let mut found = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; {hint}"))?;
    found.next().ok_or_else(|| hint.to_owned())
}

fn app(text: &str) -> Result<NamedFile, String> {
    match text.split_once('=') {
        Some((client_id, path)) if !client_id.is_empty() && !path.is_empty() => Ok(NamedFile {
            client_id: client_id.into(),
            path: path.into(),
        }),
        _ => Err("an app is written CLIENT_ID=CERTIFICATE_FILE".into()),
    }
}
