//! `cargo xtask tidy`: the house rules that no compiler proves.

mod book;

use std::path::Path;

use serde_json::Value;

use crate::{
    Result,
    project::{Project, list, text},
};

/// More lines than this are two files.
const MOST_LINES: usize = 500;

/// Words of code that is not finished. Cut in two, so that this file may hold them.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("FIX", "ME"),
    concat!("HA", "CK"),
];

pub(crate) fn run(project: &Project) -> Result {
    let mut found = Vec::new();
    for path in project.files(".rs")? {
        rust(&path, &project.read(&path)?, &mut found);
    }
    for ending in [".rs", ".md", ".toml", ".py", ".sh", ".yml", ".json"] {
        for path in project.files(ending)? {
            white_space(&path, &project.read(&path)?, &mut found);
        }
    }
    for path in project.files(".md")? {
        links(project, &path, &project.read(&path)?, &mut found);
    }
    manifests(project, &mut found);
    book::check(project, &mut found)?;
    if found.is_empty() {
        println!("tidy");
        return Ok(());
    }
    Err(format!("not tidy:\n  {}", found.join("\n  ")).into())
}

fn rust(path: &Path, source: &str, found: &mut Vec<String>) {
    let path = path.display();
    // What others include cannot begin with `//!`.
    if !source.starts_with("//!") && !source.starts_with("///") {
        found.push(format!("{path}: does not begin by saying what it is (//!)"));
    }
    let lines = source.lines().count();
    if lines > MOST_LINES {
        found.push(format!("{path}: {lines} lines, more than {MOST_LINES}"));
    }
    for (number, line) in source.lines().enumerate() {
        let place = format!("{path}:{}", number + 1);
        for word in UNFINISHED.iter().filter(|word| line.contains(**word)) {
            found.push(format!("{place}: {word}"));
        }
        if line.trim_start().starts_with(concat!("#[", "ignore")) {
            found.push(format!(
                "{place}: a test that cannot run is skipped with its reason, not ignored"
            ));
        }
        let comment = line.trim_start();
        let doc = comment
            .strip_prefix("///")
            .or_else(|| comment.strip_prefix("//!"));
        if doc.is_some_and(|doc| doc.trim_start().starts_with("```ignore")) {
            found.push(format!("{place}: an example that is not compiled"));
        }
    }
}

fn white_space(path: &Path, text: &str, found: &mut Vec<String>) {
    let path = path.display();
    for (number, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            found.push(format!("{path}:{}: ends in white space", number + 1));
        }
    }
    if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
        found.push(format!("{path}: does not end in one line break"));
    }
}

/// Links to files of ours, and to headings in them, lead somewhere.
fn links(project: &Project, path: &Path, text: &str, found: &mut Vec<String>) {
    let folder = path.parent().unwrap_or(Path::new(""));
    for (number, line) in text.lines().enumerate() {
        for target in targets(line) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            if file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            let place = format!("{}:{}", path.display(), number + 1);
            let linked = project.root.join(folder).join(file);
            if !file.is_empty() && !linked.exists() {
                found.push(format!("{place}: no file {file}"));
            } else if !heading.is_empty() {
                let there = std::fs::read_to_string(linked);
                let page = if file.is_empty() {
                    text
                } else {
                    there.as_deref().unwrap_or_default()
                };
                if !page
                    .lines()
                    .filter_map(anchor)
                    .any(|known| known == heading)
                {
                    found.push(format!("{place}: no heading #{heading} in {file}"));
                }
            }
        }
    }
}

/// The name by which mdBook and GitHub link to a heading.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#');
    let kept = heading.strip_prefix(' ')?.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    Some(kept.collect())
}

/// The targets of a line's `[text](target)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
}

/// What crates.io shows of each crate that is published.
fn manifests(project: &Project, found: &mut Vec<String>) {
    for package in project.members() {
        let is_published = package["publish"] != Value::Array(Vec::new());
        if !is_published {
            continue;
        }
        let name = text(&package["name"]);
        for field in ["description", "license", "repository", "rust_version"] {
            if text(&package[field]).is_empty() {
                found.push(format!("{name}: has no {field}"));
            }
        }
        if list(&package["keywords"]).is_empty() {
            found.push(format!("{name}: has no keywords"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_rules() {
        let mut found = Vec::new();
        rust(Path::new("a.rs"), "//! A file.\n\nfn a() {}\n", &mut found);
        assert!(found.is_empty());
        let bad = format!(
            "fn a() {{ {})\n}}\n// {}\n#[{}]\n",
            UNFINISHED[0], UNFINISHED[2], "ignore"
        );
        rust(Path::new("a.rs"), &bad, &mut found);
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn white_space_at_ends() {
        let mut found = Vec::new();
        white_space(Path::new("a"), "a\nb\n", &mut found);
        assert!(found.is_empty());
        white_space(Path::new("a"), "a \nb", &mut found);
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn links_are_found() {
        let line = "see [a](b.md#c) and [d](https://e)";
        assert_eq!(targets(line).collect::<Vec<_>>(), ["b.md#c", "https://e"]);
        let heading = anchor("## What `key new` says, in full").unwrap();
        assert_eq!(heading, "what-key-new-says-in-full");
        assert!(anchor("text # more").is_none());
    }
}
