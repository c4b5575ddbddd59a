//! Where the project is and what Cargo knows of it.

use std::{
    env,
    path::{Path, PathBuf},
};

use serde_json::Value;
use xshell::{Shell, cmd};

use crate::Result;

/// The workspace, and a shell that stands at its root.
pub(crate) struct Project {
    pub(crate) sh: Shell,
    pub(crate) root: PathBuf,
    /// What `cargo metadata` says, dependencies included.
    pub(crate) metadata: Value,
}

impl Project {
    pub(crate) fn open() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .ok_or("xtask lies in no workspace")?
            .to_path_buf();
        let sh = Shell::new()?;
        sh.change_dir(&root);
        let metadata = cmd!(sh, "cargo metadata --format-version 1 --locked --quiet")
            .quiet()
            .read()?;
        Ok(Self {
            sh,
            root,
            metadata: serde_json::from_str(&metadata)?,
        })
    }

    /// Where Cargo builds.
    pub(crate) fn target(&self) -> PathBuf {
        let known = self.metadata["target_directory"].as_str();
        known.map_or_else(|| self.root.join("target"), PathBuf::from)
    }

    /// The files that git knows or would take, relative to the root, with this ending.
    pub(crate) fn files(&self, ending: &str) -> Result<Vec<PathBuf>> {
        let sh = &self.sh;
        let listed = cmd!(sh, "git ls-files --cached --others --exclude-standard")
            .quiet()
            .read()?;
        let mut files: Vec<_> = listed
            .lines()
            .filter(|path| path.ends_with(ending))
            .map(PathBuf::from)
            .filter(|path| self.root.join(path).is_file())
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// A file's text.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> Result<String> {
        let path = self.root.join(path);
        std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// The packages of the workspace.
    pub(crate) fn members(&self) -> Vec<&Value> {
        let members = list(&self.metadata["workspace_members"]);
        list(&self.metadata["packages"])
            .iter()
            .filter(|package| members.contains(&package["id"]))
            .collect()
    }
}

/// The items of a JSON array; none where it is something else.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A JSON string; empty where it is something else.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
