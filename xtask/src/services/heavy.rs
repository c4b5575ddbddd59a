//! Judges that weigh hundreds of megabytes, or take minutes to build: put once into the user's cache.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use xshell::cmd;

use crate::{Result, project::Project};

const KEYCLOAK: &str = "26.7.3";
/// The Salesforce CLI wants Node 22 or newer, which Debian does not have: npm packages Node itself.
const NODE: &str = "24";
const SALESFORCE_CLI: &str = "2.150.6";

/// The folder of Keycloak, an authorization server that enterprises run.
pub(super) fn keycloak(project: &Project) -> Result<PathBuf> {
    let sh = &project.sh;
    let folder = cache()?;
    let home = folder.join(format!("keycloak-{KEYCLOAK}"));
    once(&home, || {
        println!("fetching Keycloak {KEYCLOAK} (177 MB)");
        let _in_cache = sh.push_dir(&folder);
        let unpack = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack";
        let artifact = format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{KEYCLOAK}:zip");
        let mut output = std::ffi::OsString::from("-DoutputDirectory=");
        output.push(&folder);
        cmd!(
            sh,
            "mvn --batch-mode --quiet --no-transfer-progress {unpack} {artifact} {output}"
        )
        .run()?;
        // The plugin's marker of what it unpacked, which it puts here where there is no Maven project.
        sh.remove_path(folder.join("${project.basedir}"))?;
        Ok(())
    })?;
    Ok(home)
}

/// The folder whose `bin` has `sf` and the `node` that runs it.
pub(super) fn salesforce_cli(project: &Project) -> Result<PathBuf> {
    let sh = &project.sh;
    let home = cache()?.join(format!("salesforce-cli-{SALESFORCE_CLI}"));
    once(&home, || {
        println!("fetching the Salesforce CLI {SALESFORCE_CLI} and Node {NODE} (490 MB)");
        sh.create_dir(&home)?;
        let system = match env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            other => return Err(format!("npm has no Node for {other}").into()),
        };
        let node = format!("node-linux-{system}@{NODE}");
        let cli = format!("@salesforce/cli@{SALESFORCE_CLI}");
        // In one call: a second one would remove what the first had installed without saving it.
        cmd!(sh, "npm install --prefix {home} --no-save --no-audit --no-fund --loglevel error {node} {cli}").run()?;
        Ok(())
    })?;
    Ok(home)
}

/// Kryoptic's PKCS#11 module, built from `tests/judges/kryoptic`.
pub(super) fn kryoptic(project: &Project) -> Result<PathBuf> {
    let sh = &project.sh;
    let manifest = project.root.join("tests/judges/kryoptic/Cargo.toml");
    let lock = fs::read_to_string(manifest.with_file_name("Cargo.lock"))?;
    let version = lock
        .split_once("name = \"kryoptic-lib\"\nversion = \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .ok_or("the lock of tests/judges/kryoptic has no kryoptic-lib")?
        .0;
    let home = cache()?.join(format!("kryoptic-{version}"));
    let module = format!(
        "{}kryoptic_pkcs11{}",
        env::consts::DLL_PREFIX,
        env::consts::DLL_SUFFIX
    );
    once(&home, || {
        println!("building Kryoptic {version} (a minute and a half of CPU time)");
        cmd!(
            sh,
            "cargo build --quiet --locked --manifest-path {manifest} --target-dir {home}"
        )
        .run()?;
        Ok(())
    })?;
    Ok(home.join("debug").join(module))
}

/// Runs `install` unless it has succeeded before; what a failed one left is removed.
fn once(home: &Path, install: impl FnOnce() -> Result) -> Result {
    let stamp = home.join(".installed");
    if stamp.exists() {
        return Ok(());
    }
    if home.exists() {
        fs::remove_dir_all(home)?;
    }
    install()?;
    fs::write(stamp, "")?;
    Ok(())
}

fn cache() -> Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))
        .ok_or("neither XDG_CACHE_HOME nor HOME says where a cache may be")?;
    let folder = base.join("keybearer");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
