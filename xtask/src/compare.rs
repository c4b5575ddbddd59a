//! `cargo xtask compare`: which key files keybearer, other crates, openssl and keytool open.

use xshell::cmd;

use crate::{Result, flags, project::Project};

const PAGE: &str = "docs/key-files.md";
/// What stands between these lines of the page is written here.
const MARKS: [&str; 2] = [
    "<!-- written by cargo xtask compare --write -->\n",
    "<!-- end -->\n",
];

pub(crate) fn run(project: &Project, flags: &flags::Compare) -> Result {
    let sh = &project.sh;
    let folder = project.root.join("tests/compare");
    let manifest = folder.join("Cargo.toml");
    // The versions are the workspace's; Cargo adds the other readers.
    sh.copy_file(project.root.join("Cargo.lock"), &folder)?;
    let (target, root) = (project.target(), &project.root);
    // Assertions are on, as where tests run.
    let told = cmd!(
        sh,
        "cargo run --quiet --target-dir {target} --manifest-path {manifest} -- {root}"
    )
    .env("CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS", "allow")
    .quiet()
    .read()?;
    if !flags.write {
        println!("{told}");
        return Ok(());
    }
    let page = project.read(PAGE)?;
    sh.write_file(PAGE, between(&page, &told)?)?;
    println!("{PAGE} is written");
    Ok(())
}

/// The page with `told` in its place.
fn between(page: &str, told: &str) -> Result<String> {
    let [begin, end] = MARKS;
    let parts = page
        .split_once(begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{PAGE} has no place for the tables"))?;
    Ok(format!("{before}{begin}\n{told}\n\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_replaced() {
        let [begin, end] = MARKS;
        let page = format!("before\n{begin}old\n{end}after\n");
        let new = between(&page, "new").unwrap();
        assert_eq!(new, format!("before\n{begin}\nnew\n\n{end}after\n"));
        assert_eq!(between(&new, "new").unwrap(), new);
        assert!(between("before\n", "new").is_err());
    }
}
