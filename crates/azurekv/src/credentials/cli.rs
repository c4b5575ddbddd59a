//! The Azure CLI, as whom a developer has logged in.

use std::{
    env::split_paths,
    path::PathBuf,
    pin::pin,
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
        let mut command = Command::new(&program);
        command
            .args(["account", "get-access-token", "--output", "json"])
            .args(["--resource", resource])
            .env("PATH", folders)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let fails = |error| Refused::Absent(format!("{} fails ({error})", program.display()));
        let child = command.spawn().map_err(fails)?;
        let id = child.id();
        let output = pin!(child.wait_with_output());
        // Dropped before the child is, while its number is still its own.
        let group = Group(id);
        let output = output.await.map_err(fails)?;
        group.has_ended();
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

/// `az` is a script that starts Python: what is given up ends whole.
struct Group(Option<u32>);

impl Group {
    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(pid) = self
            .0
            .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()))
        {
            // It may have ended by itself.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
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
