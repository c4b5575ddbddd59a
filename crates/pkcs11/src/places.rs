//! Which module a URI means, and where modules usually are.

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    io,
    path::{Path, PathBuf},
};

use keybearer_core::{Error, ErrorKind, KeyUri, Result};

use crate::p11_kit::P11Kit;

/// Folders in which `module-name` is looked for when p11-kit knows nothing of it, and files that p11-kit names without a
/// folder.
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
/// [`ErrorKind::InvalidUri`] where the URI names no module or two, [`ErrorKind::NotFound`] where the file is not there, and as
/// [`P11Kit::module`].
pub(crate) fn resolve(uri: &KeyUri, p11_kit: &P11Kit) -> Result<PathBuf> {
    let (path, name) = (uri.attribute("module-path"), uri.attribute("module-name"));
    match (path, name) {
        (Some(path), None) if !path.is_empty() => canonical(Path::new(path)),
        (None, Some(name)) if is_name(name) => by_name(name, p11_kit),
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

fn by_name(name: &str, p11_kit: &P11Kit) -> Result<PathBuf> {
    let registered = p11_kit.module(name)?;
    if let Some(path) = registered.as_deref().filter(|path| path.is_absolute()) {
        return canonical(path);
    }
    let found = FOLDERS.iter().find_map(|folder| match &registered {
        Some(file) => Some(Path::new(folder).join(file)).filter(|path| path.is_file()),
        None => in_folder(folder, name),
    });
    let path = found.ok_or_else(|| {
        let names: Vec<_> = p11_kit.names().into_iter().collect();
        let names = match names.as_slice() {
            [] => "p11-kit's configuration has none".into(),
            names => format!("p11-kit's configuration has {}", names.join(", ")),
        };
        let what = format!("there is no PKCS#11 module \"{}\"", name.escape_debug());
        Error::new(ErrorKind::NotFound, what).with_hint(format!(
            "give the file by module-path=FILE; {names}; looked in {}; {}",
            FOLDERS.join(", "),
            found_here()
        ))
    })?;
    canonical(&path)
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
        resolve_with(query, None)
    }

    /// With a home folder in which p11-kit's settings may be.
    fn resolve_with(query: &str, home: Option<&Path>) -> Result<PathBuf> {
        let env = keybearer_conformance::TestEnv::default();
        let env = match home {
            Some(home) => env.var("HOME", home.to_str().unwrap()),
            None => env,
        };
        let uri = format!("pkcs11:token=a{query}").parse().unwrap();
        resolve(&uri, &P11Kit::of(&env))
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

    #[test]
    fn a_name_is_looked_up_in_the_users_p11_kit_settings() {
        let home = tempfile::tempdir().unwrap();
        let modules = home.path().join(".config/pkcs11/modules");
        std::fs::create_dir_all(&modules).unwrap();
        let file = home.path().join("libvendor.so");
        std::fs::write(&file, b"x").unwrap();
        let setting = format!("module: {}\n", file.display());
        std::fs::write(modules.join("our-hsm.module"), setting).unwrap();
        let found = resolve_with("?module-name=our-hsm", Some(home.path())).unwrap();
        assert_eq!(found, file.canonicalize().unwrap());

        let error = resolve_with("?module-name=our-hms", Some(home.path())).unwrap_err();
        assert!(error.hint().unwrap().contains("our-hsm"));
    }
}
