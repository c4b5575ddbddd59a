//! Which module a URI means, and where modules usually are.

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    io,
    path::{Path, PathBuf},
};

use keybearer_core::{Error, ErrorKind, KeyUri, Result};

/// Folders in which `module-name` is looked for.
const FOLDERS: &[&str] = &[
    "/usr/lib/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
    "/usr/lib/softhsm",
    "/usr/lib64/softhsm",
    "/usr/lib/x86_64-linux-gnu/softhsm",
    "/usr/lib/aarch64-linux-gnu/softhsm",
    "/usr/local/lib/softhsm",
    "/usr/local/lib/pkcs11",
    "/opt/homebrew/lib/softhsm",
    "/opt/homebrew/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
];

/// Modules by the name without prefix and suffix, as makers and packagers install them.
const USUAL_NAMES: &[&str] = &[
    "softhsm2",
    "opensc-pkcs11",
    "ykcs11",
    "tpm2_pkcs11",
    "kryoptic_pkcs11",
    "yubihsm_pkcs11",
    "p11-kit-client",
];

/// Modules that makers install in places of their own.
const USUAL_FILES: &[&str] = &[
    "/opt/cloudhsm/lib/libcloudhsm_pkcs11.so",
    "/opt/nfast/toolkits/pkcs11/libcknfast.so",
    "/usr/safenet/lunaclient/lib/libCryptoki2_64.so",
    "/opt/utimaco/lib/libcs_pkcs11_R3.so",
    "/usr/lib/libeToken.so",
];

/// The module's file, its links resolved: the same file by another name is the same module.
///
/// # Errors
/// [`ErrorKind::InvalidUri`] where the URI names no module or two, [`ErrorKind::NotFound`] where the file is not there.
pub(crate) fn resolve(uri: &KeyUri) -> Result<PathBuf> {
    let (path, name) = (uri.attribute("module-path"), uri.attribute("module-name"));
    match (path, name) {
        (Some(path), None) if !path.is_empty() => canonical(Path::new(path)),
        (None, Some(name)) if is_name(name) => by_name(name),
        (None, Some(_)) => Err(uri
            .invalid("module-name is a path, or empty")
            .with_hint("give the file by module-path=FILE")),
        (Some(_), Some(_)) => Err(uri
            .invalid("module-path and module-name exclude each other")
            .with_hint("keep one of them")),
        _ => Err(uri
            .invalid("the URI does not say which module speaks to the token")
            .with_hint(format!("give module-path=FILE; {}", found_here()))),
    }
}

fn canonical(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| {
        let what = format!("the PKCS#11 module {} cannot be read", path.display());
        let kind = if error.kind() == io::ErrorKind::NotADirectory {
            ErrorKind::NotFound
        } else {
            Error::kind_of_io(&error)
        };
        Error::new(kind, what)
            .with_source(error.to_string())
            .with_hint(found_here())
    })
}

fn by_name(name: &str) -> Result<PathBuf> {
    let found = FOLDERS.iter().find_map(|folder| in_folder(folder, name));
    found
        .ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("there is no PKCS#11 module \"{}\"", name.escape_debug()),
            )
            .with_hint(format!(
                "give the file by module-path=FILE; looked in {}; {}",
                FOLDERS.join(", "),
                found_here()
            ))
        })
        .and_then(|path| canonical(&path))
}

/// RFC 7512 section 2.4: the name without what the platform puts around it (`libmypkcs11.so` is `mypkcs11`).
fn in_folder(folder: &str, name: &str) -> Option<PathBuf> {
    let plain = format!("{name}{DLL_SUFFIX}");
    [format!("{DLL_PREFIX}{plain}"), plain, name.to_owned()]
        .into_iter()
        .map(|file| Path::new(folder).join(file))
        .find(|path| path.is_file())
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\\', '\0']) && name != "." && name != ".."
}

/// What of the usual modules this machine has, for a hint.
fn found_here() -> String {
    let named = USUAL_NAMES
        .iter()
        .filter_map(|name| FOLDERS.iter().find_map(|folder| in_folder(folder, name)));
    let files = USUAL_FILES
        .iter()
        .map(PathBuf::from)
        .filter(|path| path.is_file());
    let found: Vec<_> = named
        .chain(files)
        .map(|path| path.display().to_string())
        .collect();
    if found.is_empty() {
        "none of the usual modules is on this machine".into()
    } else {
        format!("on this machine: {}", found.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(query: &str) -> Result<PathBuf> {
        resolve(&format!("pkcs11:token=a{query}").parse().unwrap())
    }

    #[test]
    fn one_module_must_be_named() {
        for query in [
            "",
            "?module-path=",
            "?module-name=",
            "?module-path=/a&module-name=b",
            "?module-name=../a",
        ] {
            let error = resolved(query).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUri, "{query}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn links_are_followed_and_what_is_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("module.so");
        std::fs::write(&file, b"x").unwrap();
        let link = folder.path().join("link.so");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let found = resolved(&format!("?module-path={}", link.display())).unwrap();
        assert_eq!(found, file.canonicalize().unwrap());

        let error = resolved("?module-path=/nowhere/libhsm.so").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("/nowhere/libhsm.so"));
        let error = resolved("?module-name=no-such-module").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
