//! Key files: read whole, written whole or not at all.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use keybearer_core::{Error, ErrorKind, KeyId, KeyUri, OpenContext, Result, Secret};

use crate::random;

/// No key file is larger, in bytes.
pub const LIMIT: u64 = 16 << 20;

/// The whole file that a URI's locator names, by the environment of `cx`.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::PermissionDenied`], [`ErrorKind::Malformed`] for a directory and for more than
/// [`LIMIT`] bytes, [`ErrorKind::Backend`] for what else the system says; [`ErrorKind::InvalidUri`] where the locator is
/// no path.
pub async fn read(uri: &KeyUri, cx: &OpenContext) -> Result<Secret> {
    let path = uri.path()?;
    match cx.env.read(&path, LIMIT).await {
        Ok(bytes) => Ok(Secret::new(bytes)),
        Err(error) => Err(unreadable(&path, &error).with_key(KeyId::new(uri))),
    }
}

/// Writes a key file: beside its place first, at mode 0600, and then renamed, so that it appears whole or not at all. A
/// symbolic link stays, and what it points to is replaced; the new file belongs to the old one's owner where we may give
/// it away.
///
/// Blocks; asynchronous code calls it by [`offload`](crate::offload()).
///
/// # Errors
/// [`ErrorKind::Unsupported`] where something is there and `overwrite` is not set, or where it is no regular file; then
/// as [`read`].
pub fn write(path: &Path, bytes: &[u8], overwrite: bool) -> Result<()> {
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::symlink_metadata(&place) {
        Ok(there) if !there.is_file() => return Err(not_a_file(path)),
        Ok(_) if !overwrite => return Err(exists(path)),
        _ => {}
    }
    let beside = beside(&place).map_err(|error| unwritable(path, &error))?;
    let written = write_new(&beside, bytes).and_then(|()| {
        if overwrite {
            keep_owner(&beside, &place);
            fs::rename(&beside, &place)
        } else {
            claim(&beside, &place)
        }
    });
    written.and_then(|()| sync_folder(&place)).map_err(|error| {
        // It may not have come into being, and a failure to remove it must not hide why.
        let _ = fs::remove_file(&beside);
        if error.kind() == io::ErrorKind::AlreadyExists {
            exists(path)
        } else {
            unwritable(path, &error)
        }
    })
}

/// Gives a file its name where nothing has it: a link is refused where something came to be there meanwhile, while a
/// rename would replace it. File systems without links have to do with the latter.
fn claim(beside: &Path, place: &Path) -> io::Result<()> {
    match fs::hard_link(beside, place) {
        Ok(()) => fs::remove_file(beside),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => fs::rename(beside, place),
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Root must not lock a service out of the file that it replaces for it; others may not give files away.
fn keep_owner(beside: &Path, place: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, chown};
        if let Ok(old) = fs::metadata(place) {
            let _ = chown(beside, Some(old.uid()), Some(old.gid()));
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (beside, place);
    }
}

/// A name in the same folder that nobody else takes.
fn beside(place: &Path) -> io::Result<PathBuf> {
    let random: [u8; 8] =
        random().map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let name = place
        .file_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{:016x}", u64::from_ne_bytes(random)));
    Ok(place.with_file_name(hidden))
}

/// Makes the new name last through a power failure.
fn sync_folder(place: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = place
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        fs::File::open(folder)?.sync_all()
    }
    #[cfg(not(unix))]
    {
        let _ = place;
        Ok(())
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let path = &*path.to_string_lossy();
    let (message, hint) = match error.kind() {
        io::ErrorKind::NotFound => (format!("there is no file {path}"), missing(path).to_owned()),
        io::ErrorKind::PermissionDenied => (
            format!("the file {path} may not be read"),
            format!(
                "let the user that runs this read it: sudo chown USER {path} (namei -l {path} tells owner and mode of it and of its folders)"
            ),
        ),
        io::ErrorKind::IsADirectory => (
            format!("{path} is a directory"),
            format!("name a key file in it: ls -l {path} lists them"),
        ),
        io::ErrorKind::FileTooLarge => (
            format!("the file {path} has more than 16 MiB"),
            "no key file is that large: check the path".to_owned(),
        ),
        _ => (
            format!("the file {path} cannot be read"),
            "check the path and the file system".to_owned(),
        ),
    };
    Error::new(Error::kind_of_io(error), message)
        .with_hint(hint)
        .with_source(error.to_string())
}

/// What may help whoever names a file that is not there: often it is a key URI without its scheme.
fn missing(path: &str) -> &'static str {
    if path
        .split_once('?')
        .is_some_and(|(_, query)| query.contains('='))
    {
        "a bare path takes no attributes: begin it with a scheme, as in keystore:KEYS.p12?alias=NAME"
    } else {
        "check the path; one without a leading / begins in the working directory"
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::new(
        Error::kind_of_io(error),
        format!("the file {} cannot be written", path.display()),
    )
    .with_hint("check that its folder exists and that you may write to it")
    .with_source(error.to_string())
}

fn exists(path: &Path) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("the file {} is there already", path.display()),
    )
    .with_hint("name another file, or ask for this one to be replaced (--force)")
}

fn not_a_file(path: &Path) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("{} is no regular file", path.display()),
    )
    .with_hint("name a file: keys are not written to directories, pipes and devices")
}
