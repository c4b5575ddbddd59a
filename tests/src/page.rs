//! Pages of the book, whose commands are run as they stand.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::{Ran, keybearer, ran};

/// A page: its sections in order, each with its heading and what its `sh` blocks say.
#[derive(Debug)]
pub struct Page(Vec<(String, String)>);

impl Page {
    /// A page by its path in `docs`.
    #[track_caller]
    pub fn read(path: &str) -> Self {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let text = fs::read_to_string(docs.join(path)).expect(path);
        let mut sections = vec![(String::new(), String::new())];
        let mut in_block = false;
        for line in text.lines() {
            let (_, script) = sections.last_mut().expect("the first");
            match line {
                "```sh" => in_block = true,
                "```" => in_block = false,
                _ if in_block => {
                    script.push_str(line);
                    script.push('\n');
                }
                _ => {
                    if let Some(heading) = line.strip_prefix('#') {
                        let heading = heading.trim_start_matches('#').trim();
                        sections.push((heading.into(), String::new()));
                    }
                }
            }
        }
        Self(sections)
    }

    /// The commands of a section, which must have some.
    #[track_caller]
    pub fn section(&self, heading: &str) -> &str {
        let section = self.0.iter().find(|(known, _)| known == heading);
        let (_, script) = section.unwrap_or_else(|| panic!("no section {heading}"));
        assert!(!script.is_empty(), "{heading} has no commands");
        script
    }
}

/// Runs commands in a folder, as a person types them: with the built `keybearer` on the path. It ends at the first command
/// that fails, and what it left running ends with it.
#[track_caller]
pub fn typed(folder: &Path, script: &str) -> Ran {
    let program = keybearer(&[]);
    let binaries = Path::new(program.get_program())
        .parent()
        .unwrap()
        .to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(binaries).chain(env::split_paths(&path)));
    let mut command = Command::new("bash");
    // What developers have set for their own use of keybearer is not set here either.
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let script =
        format!("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}");
    command
        .args(["-c", &script])
        .current_dir(folder)
        .env("PATH", path.unwrap())
        .stdin(Stdio::null());
    ran(&mut command)
}
