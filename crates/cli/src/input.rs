//! What a command is given to read: a file, or the standard input.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use keybearer_core::{Error, ErrorKind};

use crate::failure::{Failure, Status};

/// A message is kept whole in memory, as signers take it.
const LIMIT: u64 = 32 << 20;

/// The whole file; the standard input for `-` and where no file is named.
///
/// # Errors
/// By what the system says, and `unsupported` over 32 MiB.
pub(crate) async fn read(path: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let path = path
        .filter(|path| *path != Path::new("-"))
        .map(Path::to_path_buf);
    let name = path.as_ref().map_or_else(
        || "the standard input".into(),
        |path| path.display().to_string(),
    );
    let read = tokio::task::spawn_blocking(move || read_blocking(path)).await;
    let bytes = read.map_err(io::Error::other).flatten().map_err(|error| {
        let kind = Error::kind_of_io(&error);
        Failure::new(
            kind.as_str(),
            format!("{name} cannot be read"),
            Status::FAILED,
        )
        .with_cause(&error)
    })?;
    if bytes.len() as u64 > LIMIT {
        return Err(Failure::new(
            ErrorKind::Unsupported.as_str(),
            format!("{name} has more than {} MiB", LIMIT >> 20),
            Status::FAILED,
        ));
    }
    Ok(bytes)
}

fn read_blocking(path: Option<PathBuf>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path {
        Some(path) => File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?,
        None => io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}
