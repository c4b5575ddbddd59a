//! `cargo xtask compare`: which key files keybearer, other crates and the openssl program open.

use xshell::cmd;

use crate::{Result, project::Project};

pub(crate) fn run(project: &Project) -> Result {
    let sh = &project.sh;
    let folder = project.root.join("tests/compare");
    let manifest = folder.join("Cargo.toml");
    // The versions are the workspace's; Cargo adds the other readers.
    sh.copy_file(project.root.join("Cargo.lock"), &folder)?;
    let (target, files) = (project.target(), project.root.join("tests/fixtures"));
    // Assertions are on, as where tests run.
    cmd!(
        sh,
        "cargo run --quiet --target-dir {target} --manifest-path {manifest} -- {files}"
    )
    .env("CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS", "allow")
    .quiet()
    .run()?;
    Ok(())
}
