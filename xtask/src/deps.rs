//! `cargo xtask deps`: the dependency rule, which keeps the parts apart that must not know each other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use xshell::cmd;

use crate::{
    Result, licence,
    project::{Project, list, text},
};

/// What each crate may use of ours, in what it ships (what its tests use is its own affair, below).
const LAYERS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("soft", &["core"]),
    ("http", &["core"]),
    ("x509", &["core"]),
    ("conformance", &["core"]),
    ("pem", &["core", "soft"]),
    ("pkcs12", &["core", "soft"]),
    ("jks", &["core", "soft"]),
    ("pkcs11", &["core"]),
    ("vault", &["core", "http"]),
    ("awskms", &["core"]),
    // `soft` signs what a service account says of itself.
    ("gcpkms", &["core", "http", "soft"]),
    ("azurekv", &["core", "http"]),
    ("auth", &["core", "http"]),
    ("salesforce", &["core", "auth"]),
    ("localorg", &["core", "soft", "x509"]),
];

/// The backends, which never see each other, in their tests neither.
const BACKENDS: &[&str] = &[
    "pem", "pkcs12", "jks", "pkcs11", "vault", "awskms", "gcpkms", "azurekv",
];

/// All that the contract stands on: no I/O, no HTTP, no cryptography.
const CORE_STANDS_ON: &[&str] = &["async-trait", "der", "pem", "zeroize"];

/// Crates that may be in no build of ours: a second TLS, an unsafe RSA, an SDK whose work is done here.
const NEVER: &[&str] = &[
    "openssl",
    "openssl-sys",
    "native-tls",
    "rsa",
    "rcgen",
    "gcp_auth",
    "google-cloud-auth",
    "google-cloud-kms-v1",
    "azure_core",
];

/// Crates that the library's default features must not bring.
const NOT_BY_DEFAULT: &[&str] = &["aws-lc-rs", "aws-lc-sys", "aws-lc-fips-sys"];

/// The features that bring a vendor's crates, and how those are named. No other build has them.
const VENDORS: &[(&str, &[&str])] = &[(
    "awskms",
    &[
        "aws-config",
        "aws-credential-types",
        "aws-runtime",
        "aws-sdk-",
        "aws-sigv4",
        "aws-smithy-",
        "aws-types",
    ],
)];

/// The features of services that are spoken to without their vendor's crates.
const BY_HTTP: &[&str] = &["vault", "gcpkms", "azurekv"];

/// The most crates that a build may have, its own included.
const LIBRARY_LIMIT: usize = 160;
const COMMAND_LINE_LIMIT: usize = 220;

pub(crate) fn run(project: &Project) -> Result {
    let mut broken = Vec::new();
    layers(project, &mut broken);
    licences(project, &mut broken);
    let library = tree(project, "keybearer", None)?;
    let command_line = tree(project, "keybearer-cli", None)?;
    for (name, crates, limit) in [
        ("the library (default features)", &library, LIBRARY_LIMIT),
        ("the command line", &command_line, COMMAND_LINE_LIMIT),
    ] {
        println!("{name}: {} crates of at most {limit}", crates.len());
        if crates.len() > limit {
            broken.push(format!(
                "{name} has {} crates, more than {limit}",
                crates.len()
            ));
        }
        let foreign = NEVER.iter().filter(|name| has(crates, name));
        broken.extend(foreign.map(|foreign| format!("{name} brings {foreign}")));
        broken.extend(second_tls(name, crates));
        broken.extend(vendors(name, crates, None));
    }
    let by_sdk = VENDORS
        .iter()
        .map(|(name, _)| *name)
        .map(|feature| (feature, Some(feature)));
    let by_http = BY_HTTP.iter().map(|&feature| (feature, None));
    for (feature, vendor) in by_sdk.chain(by_http) {
        let crates = tree(project, "keybearer", Some(feature))?;
        println!("the library with {feature} alone: {} crates", crates.len());
        broken.extend(vendors(feature, &crates, vendor));
        broken.extend(second_tls(feature, &crates));
        let foreign = NEVER.iter().filter(|name| has(&crates, name));
        broken.extend(foreign.map(|foreign| format!("{feature} brings {foreign}")));
    }
    let heavy = NOT_BY_DEFAULT.iter().filter(|name| has(&library, name));
    broken.extend(heavy.map(|name| format!("the library's default features bring {name}")));
    println!("several versions of one crate in the command line:");
    for (name, versions) in duplicates(&command_line) {
        println!("  {name} {}", versions.join(", "));
    }
    if broken.is_empty() {
        println!("the dependency rule holds");
        return Ok(());
    }
    Err(format!("the dependency rule is broken:\n  {}", broken.join("\n  ")).into())
}

fn layers(project: &Project, broken: &mut Vec<String>) {
    let allowed: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    for package in project.members() {
        let name = short(text(&package["name"]));
        let dependencies = list(&package["dependencies"]);
        let ships = |dependency: &&Value| dependency["kind"] != "dev";
        let ours = |dependency: &Value| {
            let name = text(&dependency["name"]);
            name.starts_with("keybearer")
                .then(|| short(name).to_owned())
        };
        if let Some(allowed) = allowed.get(name) {
            let seen = dependencies.iter().filter(ships).filter_map(ours);
            for other in seen.filter(|other| !allowed.contains(&other.as_str())) {
                broken.push(format!("{name} uses {other}, which its layer does not see"));
            }
        } else if !["keybearer", "cli", "tests", "fakes", "xtask"].contains(&name) {
            broken.push(format!("{name} has no layer: name it in xtask/src/deps.rs"));
        }
        if BACKENDS.contains(&name) {
            let seen = dependencies.iter().filter_map(ours);
            for other in seen.filter(|other| BACKENDS.contains(&other.as_str()) || other == "auth")
            {
                broken.push(format!(
                    "{name} uses {other}: backends know neither each other nor auth"
                ));
            }
        }
        if name == "core" {
            let foreign = dependencies
                .iter()
                .filter(ships)
                .map(|dependency| text(&dependency["name"]))
                .filter(|name| !CORE_STANDS_ON.contains(name));
            broken.extend(foreign.map(|foreign| format!("core stands on {foreign}")));
        }
    }
}

/// All packages that any build of the workspace knows, the tests' and those of other systems included.
fn licences(project: &Project, broken: &mut Vec<String>) {
    for package in list(&project.metadata["packages"]) {
        let licence = text(&package["license"]);
        if !licence::is_allowed(licence) {
            broken.push(format!(
                "{} is licensed \"{licence}\"",
                text(&package["name"])
            ));
        }
    }
}

/// The crates of a package's build for this system, each as `name vVERSION features`. With the default features unless
/// others are named.
pub(crate) fn tree(
    project: &Project,
    package: &str,
    features: Option<&str>,
) -> Result<BTreeSet<String>> {
    let sh = &project.sh;
    let features = features.map_or(vec![], |names| {
        vec!["--no-default-features", "--features", names]
    });
    let listed = cmd!(
        sh,
        "cargo tree --locked --package {package} {features...} --edges normal,build --prefix none --no-dedupe --format '{p}|{f}'"
    )
    .quiet()
    .read()?;
    // The path of a crate of ours is not part of its name.
    let lines = listed.lines().filter(|line| !line.is_empty());
    Ok(lines
        .filter_map(|line| {
            let (package, features) = line.split_once('|')?;
            let mut words = package.split(' ');
            Some(format!("{} {} {features}", words.next()?, words.next()?))
        })
        .collect())
}

fn has(crates: &BTreeSet<String>, name: &str) -> bool {
    crates.iter().any(|line| first_word(line) == name)
}

/// TLS is ring's alone: aws-lc-rs takes 58 ms of CPU at its first random number, in every process.
fn second_tls(name: &str, crates: &BTreeSet<String>) -> Vec<String> {
    let tls = ["rustls", "tokio-rustls", "hyper-rustls", "rustls-webpki"];
    let second = |line: &&String| {
        let features = line.split(' ').nth(2).unwrap_or_default();
        tls.contains(&first_word(line))
            && features
                .split(',')
                .any(|feature| matches!(feature, "aws_lc_rs" | "aws-lc-rs"))
    };
    let found = crates.iter().filter(second);
    found
        .map(|line| format!("{name} builds {} with aws-lc-rs", first_word(line)))
        .collect()
}

/// The crates of vendors whose feature is not the one that was asked for; and that the asked one has its own, or the names
/// above are out of date.
fn vendors(name: &str, crates: &BTreeSet<String>, asked: Option<&str>) -> Vec<String> {
    let mut broken = Vec::new();
    for &(feature, prefixes) in VENDORS {
        let of_vendor = |line: &&String| prefixes.iter().any(|prefix| line.starts_with(prefix));
        let mut found = crates.iter().filter(of_vendor).map(|line| first_word(line));
        if asked != Some(feature) {
            broken.extend(found.map(|found| format!("{name} brings {found} without {feature}")));
        } else if found.next().is_none() {
            broken.push(format!("{name} has no crate of its vendor: see VENDORS"));
        }
    }
    broken
}

fn duplicates(crates: &BTreeSet<String>) -> Vec<(String, Vec<String>)> {
    let mut versions = BTreeMap::<String, BTreeSet<String>>::new();
    for line in crates {
        let version = line.split(' ').nth(1).unwrap_or_default();
        versions
            .entry(first_word(line).into())
            .or_default()
            .insert(version.into());
    }
    versions
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(name, versions)| (name, versions.into_iter().collect()))
        .collect()
}

fn first_word(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

fn short(name: &str) -> &str {
    name.strip_prefix("keybearer-").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_tls_is_seen() {
        let crates = BTreeSet::from(["rustls v0.23.46 ring,aws_lc_rs,std".to_owned()]);
        assert_eq!(second_tls("x", &crates).len(), 1);
        let crates = BTreeSet::from(["rustls v0.23.46 ring,std".to_owned()]);
        assert!(second_tls("x", &crates).is_empty());
        assert!(has(&crates, "rustls") && !has(&crates, "rust"));
    }

    #[test]
    fn a_vendor_comes_with_its_feature_alone() {
        let crates = BTreeSet::from(["aws-sdk-kms v1.129.0 ".to_owned()]);
        assert_eq!(vendors("x", &crates, None).len(), 1);
        assert_eq!(vendors("x", &crates, Some("azurekv")).len(), 1);
        assert!(vendors("x", &crates, Some("awskms")).is_empty());
        let crates = BTreeSet::from(["aws-lc-rs v1.19.0 ".to_owned()]);
        assert!(vendors("x", &crates, None).is_empty());
        assert_eq!(vendors("x", &crates, Some("awskms")).len(), 1);
    }
}
