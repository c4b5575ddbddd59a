//! Which modules p11-kit has been told of, and by what name (pkcs11.conf(5)).
//!
//! p11-kit itself is not needed: these are text files that packages, the administrator and the user write.

use std::{
    collections::{BTreeMap, BTreeSet},
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    fs,
    path::{Path, PathBuf},
};

use keybearer_core::{Env, Error, ErrorKind, Result};

/// A settings file larger than this is none.
const LONGEST: u64 = 64 * 1024;

/// The folders of p11-kit's configuration, what stands later in front of what stands earlier.
#[derive(Clone, Debug)]
pub(crate) struct P11Kit {
    /// What packages install.
    packages: Vec<PathBuf>,
    /// The administrator's.
    system: PathBuf,
    /// The user's.
    user: Option<PathBuf>,
}

/// The settings of one module, merged from all the files that speak of it.
#[derive(Debug, Default)]
struct Registration {
    settings: BTreeMap<String, String>,
    /// The last file that said something.
    file: PathBuf,
}

impl P11Kit {
    pub(crate) fn of(env: &dyn Env) -> Self {
        let folder = |name: &str| {
            let value = env.var(name)?;
            let path = PathBuf::from(value.expose_str()?);
            path.is_absolute().then_some(path)
        };
        let settings =
            folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")));
        Self {
            packages: vec![
                "/usr/share/p11-kit/modules".into(),
                "/usr/local/share/p11-kit/modules".into(),
                "/opt/homebrew/share/p11-kit/modules".into(),
            ],
            system: "/etc/pkcs11".into(),
            user: settings.map(|settings| settings.join("pkcs11")),
        }
    }

    /// The file that is registered under `name`, as it is written there (maybe relative to a folder of modules); by the
    /// name of the registration, else by the name of the library in it. `None` where there is no such registration.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where it is switched off, [`ErrorKind::Unsupported`] where only p11-kit can reach it.
    pub(crate) fn module(&self, name: &str) -> Result<Option<PathBuf>> {
        let registered = self.registration(name).or_else(|| {
            let mut all = self.names().into_iter();
            all.find_map(|other| self.registration(&other).filter(|it| it.is_library(name)))
        });
        registered.map(|it| it.library(name)).transpose()
    }

    /// The names that can be asked for.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let folders = self.folders().into_iter();
        let entries = folders.filter_map(|folder| fs::read_dir(folder).ok());
        entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                name.strip_suffix(".module").map(str::to_owned)
            })
            .collect()
    }

    fn registration(&self, name: &str) -> Option<Registration> {
        let mut merged = Registration::default();
        for folder in self.folders() {
            let file = folder.join(format!("{name}.module"));
            if let Some(settings) = read(&file) {
                merged.settings.extend(settings);
                merged.file = file;
            }
        }
        (!merged.settings.is_empty()).then_some(merged)
    }

    /// The folders of registrations that count, by `user-config` of the system and of the user.
    fn folders(&self) -> Vec<PathBuf> {
        let mode = |folder: &Path| read(&folder.join("pkcs11.conf"))?.remove("user-config");
        let system_mode = mode(&self.system).unwrap_or_else(|| "merge".into());
        let user = self.user.as_ref().filter(|_| system_mode != "none");
        let user_mode = user.and_then(|user| mode(user)).unwrap_or(system_mode);
        let mut folders = Vec::new();
        if user_mode != "only" && user_mode != "override" {
            folders.extend(self.packages.clone());
            folders.push(self.system.join("modules"));
        }
        folders.extend(user.map(|user| user.join("modules")));
        folders
    }
}

impl Registration {
    fn library(&self, name: &str) -> Result<PathBuf> {
        let off = |why: &str| {
            let what = format!("the PKCS#11 module \"{name}\" is switched off {why}");
            Error::new(ErrorKind::NotFound, what).with_hint(format!(
                "see {}, or give the file by module-path=FILE",
                self.file.display()
            ))
        };
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(Path::file_name);
        let program = program.map(|program| program.to_string_lossy().into_owned());
        let lists = |setting: &str| {
            let programs = self.settings.get(setting)?;
            let mut programs = programs.split([',', ' ']);
            Some(programs.any(|listed| Some(listed) == program.as_deref()))
        };
        if lists("enable-in") == Some(false) || lists("disable-in") == Some(true) {
            return Err(off("for this program"));
        }
        match self.settings.get("module").map(String::as_str) {
            Some("") => Err(off("in p11-kit's configuration")),
            Some(file) => Ok(file.into()),
            None => {
                let what =
                    format!("the PKCS#11 module \"{name}\" has no file in p11-kit's configuration");
                Err(Error::new(ErrorKind::Unsupported, what).with_hint(format!(
                    "{} says how p11-kit reaches it: give module-name=p11-kit-proxy, which goes that way",
                    self.file.display()
                )))
            }
        }
    }

    fn is_library(&self, name: &str) -> bool {
        let file = self.settings.get("module").map(Path::new);
        let file = file
            .and_then(Path::file_name)
            .and_then(|file| file.to_str());
        let plain = file.and_then(|file| file.strip_suffix(DLL_SUFFIX));
        plain.is_some_and(|plain| plain == name || plain.strip_prefix(DLL_PREFIX) == Some(name))
    }
}

/// `name: value`, a line each; `None` where there is no such file.
fn read(file: &Path) -> Option<BTreeMap<String, String>> {
    if fs::metadata(file).ok()?.len() > LONGEST {
        return None;
    }
    let text = fs::read_to_string(file).ok()?;
    let lines = text.lines().map(str::trim);
    Some(
        lines
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `files`: path under the folder, and what is in it.
    fn configured(files: &[(&str, &str)]) -> (tempfile::TempDir, P11Kit) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let under = |name: &str| folder.path().join(name);
        let kit = P11Kit {
            packages: vec![under("share")],
            system: under("etc"),
            user: Some(under("home")),
        };
        (folder, kit)
    }

    #[test]
    fn a_module_is_found_by_its_registration_or_its_library() {
        let (_folder, kit) = configured(&[
            (
                "share/hsm.module",
                "# comment\n\nmodule: /opt/libvendor.so\n",
            ),
            ("etc/modules/card.module", "module : card-pkcs11.so"),
        ]);
        let found = |name| kit.module(name).unwrap();
        assert_eq!(found("hsm"), Some("/opt/libvendor.so".into()));
        assert_eq!(found("vendor"), Some("/opt/libvendor.so".into()));
        assert_eq!(found("card"), Some("card-pkcs11.so".into()));
        assert_eq!(found("other"), None);
        assert_eq!(kit.names().into_iter().collect::<Vec<_>>(), ["card", "hsm"]);
    }

    #[test]
    fn the_user_stands_before_the_administrator_unless_he_says_no() {
        let files = [
            ("share/hsm.module", "module: package.so"),
            ("etc/modules/hsm.module", "module: system.so"),
            ("home/modules/hsm.module", "module: user.so"),
            ("home/modules/mine.module", "module: mine.so"),
        ];
        let found = |conf: &[(&'static str, &'static str)], name| {
            let (_folder, kit) = configured(&[&files[..], conf].concat());
            kit.module(name).unwrap()
        };
        assert_eq!(found(&[], "hsm"), Some("user.so".into()));
        let none = [("etc/pkcs11.conf", "user-config: none")];
        assert_eq!(found(&none, "hsm"), Some("system.so".into()));
        assert_eq!(found(&none, "mine"), None);
        let only = [
            ("home/pkcs11.conf", "user-config: only"),
            ("share/card.module", "module: card.so"),
        ];
        assert_eq!(found(&only, "card"), None);
        assert_eq!(found(&only, "mine"), Some("mine.so".into()));
    }

    #[test]
    fn what_is_switched_off_or_remote_is_told() {
        let (_folder, kit) = configured(&[
            ("share/off.module", "module: a.so"),
            ("home/modules/off.module", "module:"),
            (
                "share/elsewhere.module",
                "module: a.so\nenable-in: ssh, seahorse",
            ),
            ("share/remote.module", "remote: |ssh host p11-kit remote"),
        ]);
        let refused = |name| kit.module(name).unwrap_err();
        assert_eq!(refused("off").kind(), ErrorKind::NotFound);
        assert!(
            refused("off")
                .hint()
                .unwrap()
                .contains("home/modules/off.module")
        );
        assert!(
            refused("elsewhere")
                .to_string()
                .contains("for this program")
        );
        assert_eq!(refused("remote").kind(), ErrorKind::Unsupported);
    }
}
