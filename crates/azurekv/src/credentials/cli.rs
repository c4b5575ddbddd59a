//! The Azure CLI, as whom a developer has logged in.

use std::{
    env::split_paths,
    path::PathBuf,
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use keybearer_core::Secret;
use serde_json::Value;
use tokio::{process::Command, time::Instant};

use super::{Caller, Lease, Refused};

#[derive(Debug)]
pub(super) struct Cli;

/// What an `az` before 2.54 says of the end is in local time, and so not used.
const UNKNOWN_LIFETIME: u64 = 300;

impl Cli {
    pub(super) async fn token(&self, resource: &str, caller: &Caller) -> Result<Lease, Refused> {
        let path = caller.cx.env.var("PATH");
        let folders = path
            .as_ref()
            .and_then(Secret::expose_str)
            .unwrap_or_default();
        let program =
            found(folders).ok_or_else(|| Refused::Absent("there is no az on the PATH".into()))?;
        let began = Instant::now();
        let output = Command::new(&program)
            .args([
                "account",
                "get-access-token",
                "--output",
                "json",
                "--resource",
                resource,
            ])
            .env("PATH", folders)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await;
        let output = output.map_err(|error| {
            Refused::Absent(format!("{} does not start ({error})", program.display()))
        })?;
        let stdout = Secret::new(output.stdout);
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Refused::Absent(format!(
                "az account get-access-token fails: {}",
                last_line(&words)
            )));
        }
        let json: Value = serde_json::from_slice(stdout.expose()).unwrap_or_default();
        let token = json["accessToken"]
            .as_str()
            .filter(|token| !token.is_empty());
        let token = token
            .ok_or_else(|| Refused::Absent("az account get-access-token gives no token".into()))?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let left = super::number(&json["expires_on"]).map(|until| until.saturating_sub(now));
        Ok(Lease::new(token, began, left.unwrap_or(UNKNOWN_LIFETIME)))
    }
}

fn found(folders: &str) -> Option<PathBuf> {
    let name = if cfg!(windows) { "az.cmd" } else { "az" };
    split_paths(folders)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn last_line(words: &str) -> String {
    let line = words
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty());
    let line = line.unwrap_or("it does not say why");
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}
