//! The book says what the program says of itself.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::Value;
use xshell::cmd;

use super::targets;
use crate::{
    Result,
    project::{Project, list, text},
};

/// Pages that nothing leads to, and schemes and commands that only the book or only the command line has.
pub(super) fn check(project: &Project, found: &mut Vec<String>) -> Result {
    pages(project, found)?;
    schemes(project, found)?;
    commands(project, found)
}

/// Every page of the book is reached from its table of contents.
fn pages(project: &Project, found: &mut Vec<String>) -> Result {
    let summary = project.read("docs/SUMMARY.md")?;
    let listed: BTreeSet<_> = summary
        .lines()
        .flat_map(targets)
        .map(PathBuf::from)
        .collect();
    for path in project.files(".md")? {
        let Ok(page) = path.strip_prefix("docs") else {
            continue;
        };
        if page != Path::new("SUMMARY.md") && !listed.contains(page) {
            found.push(format!("docs/SUMMARY.md: does not list {}", page.display()));
        }
    }
    Ok(())
}

/// The book's table of schemes is what the command line says of itself.
fn schemes(project: &Project, found: &mut Vec<String>) -> Result {
    const PAGE: &str = "docs/sources/README.md";
    let sh = &project.sh;
    let told = cmd!(
        sh,
        "cargo run --locked --quiet --package keybearer-cli --features full -- sources --json"
    )
    .quiet()
    .read()?;
    let told: Value = serde_json::from_str(&told)?;
    let row = |source: &Value| {
        let attributes = list(&source["attributes"]).iter().map(|attribute| {
            let name = if attribute.is_object() {
                &attribute["name"]
            } else {
                attribute
            };
            text(name).to_owned()
        });
        let common = ["alg", "certificate", "public-key"];
        let own = attributes.filter(|name| !common.contains(&name.as_str()));
        (
            text(&source["scheme"]).to_owned(),
            own.collect::<BTreeSet<_>>(),
        )
    };
    let built: BTreeSet<_> = list(&told["sources"]).iter().map(row).collect();
    let page = project.read(PAGE)?;
    let written: BTreeSet<_> = page.lines().filter_map(scheme_row).collect();
    for (scheme, attributes) in built.symmetric_difference(&written) {
        let side = if built
            .iter()
            .any(|row| row.0 == *scheme && row.1 == *attributes)
        {
            "the command line"
        } else {
            PAGE
        };
        let attributes: Vec<_> = attributes.iter().map(String::as_str).collect();
        found.push(format!(
            "only {side} has {scheme}: with {}",
            attributes.join(", ")
        ));
    }
    Ok(())
}

/// A row ``| [`jks:`](jks.md) | path | `alias`, `password-source` |`` of the table of schemes.
fn scheme_row(line: &str) -> Option<(String, BTreeSet<String>)> {
    let mut cells = line.strip_prefix('|')?.split('|');
    let scheme = ticked(cells.next()?).next()?.strip_suffix(':')?.to_owned();
    let attributes = ticked(cells.nth(1)?).map(str::to_owned).collect();
    Some((scheme, attributes))
}

/// What stands between backticks.
fn ticked(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The book's table of commands is what the help lists.
fn commands(project: &Project, found: &mut Vec<String>) -> Result {
    const PAGE: &str = "docs/command-line.md";
    let mut built = BTreeSet::new();
    for command in listed(&help(project, "")?) {
        let inner = listed(&help(project, &command)?);
        if inner.is_empty() {
            built.insert(command);
        } else {
            built.extend(inner.iter().map(|inner| format!("{command} {inner}")));
        }
    }
    let page = project.read(PAGE)?;
    let rows = page.split("\n## ").next().unwrap_or_default().lines();
    let written: BTreeSet<_> = rows.flat_map(command_row).map(str::to_owned).collect();
    for command in built.difference(&written) {
        found.push(format!("{PAGE}: does not list `{command}`"));
    }
    for command in written.difference(&built) {
        found.push(format!("{PAGE}: lists `{command}`, which is no command"));
    }
    Ok(())
}

fn help(project: &Project, command: &str) -> Result<String> {
    let (sh, command) = (&project.sh, command.split_whitespace());
    let run = cmd!(
        sh,
        "cargo run --locked --quiet --package keybearer-cli -- {command...} --help"
    );
    Ok(run.quiet().read()?)
}

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // The name stands at two spaces; what its description is wrapped to stands further in.
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .map(str::to_owned)
        .collect()
}

/// The first cell of a row ``| `sign`, `verify` | ... |`` of the table of commands.
fn command_row(line: &str) -> impl Iterator<Item = &str> {
    let cell = line.strip_prefix('|').and_then(|row| row.split('|').next());
    ticked(cell.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_rows() {
        let (scheme, attributes) =
            scheme_row("| [`jks:`](jks.md) | path | `alias`, `password-source` |").unwrap();
        assert_eq!(scheme, "jks");
        assert_eq!(attributes.len(), 2);
        assert!(scheme_row("| scheme | locator | attributes |").is_none());
        let row = "| `sign`, `verify` | with `--json` |";
        assert_eq!(command_row(row).collect::<Vec<_>>(), ["sign", "verify"]);
    }

    #[test]
    fn commands_of_a_help_text() {
        let help = "About.\n\nCommands:\n  token  Get one\n           (now)\n  help   Print\n\nOptions:\n  -h\n";
        assert_eq!(listed(help), ["token"]);
    }
}
