//! Programs that Debian and Ubuntu package.

use std::{env, path::Path};

use xshell::{Shell, cmd};

use crate::{Result, project::Project};

/// A program that is looked for, the package that brings it, and whether only the heavy judges need it.
struct Tool {
    probe: &'static str,
    package: &'static str,
    heavy: bool,
}

const fn tool(probe: &'static str, package: &'static str) -> Tool {
    Tool {
        probe,
        package,
        heavy: false,
    }
}

const TOOLS: &[Tool] = &[
    tool("/usr/lib/softhsm/libsofthsm2.so", "softhsm2"),
    tool("softhsm2-util", "softhsm2"),
    tool("pkcs11-tool", "opensc"),
    tool("openssl", "openssl"),
    tool("keytool", "default-jre-headless"),
    tool("curl", "curl"),
    tool("jq", "jq"),
    tool("man", "man-db"),
    // They read what is written here.
    tool("certtool", "gnutls-bin"),
    tool("pk12util", "libnss3-tools"),
    // What the errors name for files that are no key files of ours.
    tool("puttygen", "putty-tools"),
    tool("7z", "p7zip-full"),
    tool("unzip", "unzip"),
    tool("/usr/share/java/bcprov.jar", "libbcprov-java"),
    tool("python3", "python3-venv"),
    Tool {
        heavy: true,
        ..tool("mvn", "maven")
    },
    Tool {
        heavy: true,
        ..tool("npm", "npm")
    },
    // Kryoptic reads OpenSSL's headers by libclang.
    Tool {
        heavy: true,
        ..tool("/usr/lib/llvm-*/lib/libclang.so", "libclang-dev")
    },
    Tool {
        heavy: true,
        ..tool("/usr/include/openssl/ssl.h", "libssl-dev")
    },
];

/// Installs what is missing. Where that may not be done unasked, the one command that does it is added to `missing`.
pub(super) fn ensure(project: &Project, heavy: bool, missing: &mut Vec<String>) -> Result {
    let sh = &project.sh;
    let absent = |tool: &&Tool| (heavy || !tool.heavy) && !is_here(sh, tool.probe);
    let mut packages: Vec<_> = TOOLS
        .iter()
        .filter(absent)
        .map(|tool| tool.package)
        .collect();
    if is_here(sh, "python3")
        && cmd!(sh, "python3 -c 'import ensurepip'")
            .quiet()
            .ignore_stderr()
            .run()
            .is_err()
    {
        packages.push("python3-venv");
    }
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    let is_debian = Path::new("/etc/debian_version").exists();
    let is_root = cmd!(sh, "id -u").quiet().read().is_ok_and(|id| id == "0");
    let is_ci = env::var_os("CI").is_some();
    if !is_debian || !(is_root || is_ci) {
        missing.push(if is_debian {
            format!("{names}; install: sudo apt-get install --yes {names}")
        } else {
            format!("what Debian's packages {names} bring; install them in your system's way")
        });
        return Ok(());
    }
    println!("installing {names}");
    let sudo: &[&str] = if is_root { &[] } else { &["sudo"] };
    let _quiet = sh.push_env("DEBIAN_FRONTEND", "noninteractive");
    let apt = |arguments: &[&str]| {
        let words: Vec<_> = sudo.iter().chain(&["apt-get"]).chain(arguments).collect();
        let (program, rest) = (words[0], &words[1..]);
        cmd!(sh, "{program} {rest...}").run()
    };
    apt(&["update", "--quiet"])?;
    let mut install = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    install.extend(packages);
    apt(&install)?;
    Ok(())
}

fn is_here(sh: &Shell, probe: &str) -> bool {
    // A path may hold a version that nobody knows beforehand.
    let script = if probe.starts_with('/') {
        "ls $0"
    } else {
        "command -v \"$0\""
    };
    cmd!(sh, "sh -c {script} {probe}")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .is_ok()
}
