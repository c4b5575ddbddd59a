//! `cargo xtask fixtures`: makes the committed test files again.
//!
//! A folder of test files has a `README.md` beside them. Its blocks marked `sh fixtures` are the commands that made the
//! files; they run in that folder, so what is written there cannot differ from what was done.

use std::path::Path;

use xshell::cmd;

use crate::{Result, flags, project::Project};

pub(crate) fn run(project: &Project, flags: &flags::Fixtures) -> Result {
    let wanted = flags.folder.as_deref().unwrap_or_default();
    let mut made = 0;
    for readme in project.files("README.md")? {
        let folder = readme.parent().unwrap_or(Path::new(""));
        let script = commands(&project.read(&readme)?);
        if script.is_empty() || !folder.to_string_lossy().contains(wanted) {
            continue;
        }
        println!("making {}", folder.display());
        let sh = &project.sh;
        let _in_folder = sh.push_dir(project.root.join(folder));
        cmd!(sh, "bash -euo pipefail -c {script}").quiet().run()?;
        made += 1;
    }
    if made == 0 {
        return Err(format!("no folder of test files matches \"{wanted}\"").into());
    }
    Ok(())
}

/// The text of all blocks that begin with "```sh fixtures".
fn commands(readme: &str) -> String {
    let mut script = String::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line.trim_end() == "```sh fixtures";
        } else if inside {
            script.push_str(line);
            script.push('\n');
        }
    }
    script
}

#[cfg(test)]
mod tests {
    #[test]
    fn commands_are_cut_out() {
        let readme = "# a\n```sh\nno\n```\n```sh fixtures\nyes 1\nyes 2\n```\ntext\n```sh fixtures\nyes 3\n```\n";
        assert_eq!(super::commands(readme), "yes 1\nyes 2\nyes 3\n");
    }
}
