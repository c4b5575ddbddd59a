//! Where Application Default Credentials are looked for.

use std::path::PathBuf;

use keybearer_core::{Env, Error, ErrorKind, OpenContext, Result, SecretSource};

use super::{Metadata, Source, Text};

/// The variable that names a file of credentials.
const FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// `GOOGLE_APPLICATION_CREDENTIALS`, the file that gcloud writes, the metadata server: the order of Google's own libraries.
/// The first that is there counts, whether it is any good or not.
pub(super) async fn source(cx: &OpenContext) -> Result<Source> {
    let env = cx.env.as_ref();
    let document = |path: PathBuf| Source::Document(Text::at(SecretSource::File(path), &cx.env));
    if let Some(path) = variable(env, FILE) {
        return Ok(document(path.into()));
    }
    let mut tried = vec![format!("{FILE} (not set)")];
    match gcloud_file(env) {
        Some(path) if is_there(env, &path).await => return Ok(document(path)),
        Some(path) => tried.push(format!("{} (not there)", path.display())),
        None => tried.push("the file of gcloud (no home folder)".into()),
    }
    if is_true(variable(env, "NO_GCE_CHECK").as_deref()) {
        tried.push("the metadata server (not asked: NO_GCE_CHECK)".into());
    } else {
        match Metadata::find(cx).await {
            Ok(metadata) => return Ok(Source::Metadata(metadata.into())),
            Err(why) => tried.push(why),
        }
    }
    let tried = tried.join("; ");
    Err(Error::new(
        ErrorKind::Unauthenticated,
        format!("there are no Google credentials: tried {tried}"),
    )
    .with_hint("run gcloud auth application-default login, give the machine a service account, or name a file: GOOGLE_APPLICATION_CREDENTIALS=PATH or credentials-source=file:PATH"))
}

/// A variable that is there and not empty.
pub(super) fn variable(env: &dyn Env, name: &str) -> Option<String> {
    let value = env.var(name)?;
    let text = value.expose_str().filter(|text| !text.is_empty())?;
    Some(text.into())
}

/// What `gcloud auth application-default login` writes.
fn gcloud_file(env: &dyn Env) -> Option<PathBuf> {
    let folder = match variable(env, "CLOUDSDK_CONFIG") {
        Some(folder) => PathBuf::from(folder),
        None if cfg!(windows) => PathBuf::from(variable(env, "APPDATA")?).join("gcloud"),
        None => PathBuf::from(variable(env, "HOME")?)
            .join(".config")
            .join("gcloud"),
    };
    Some(folder.join("application_default_credentials.json"))
}

/// What cannot be read is there: its reading says why.
async fn is_there(env: &dyn Env, file: &std::path::Path) -> bool {
    match env.read(file, 64 << 10).await {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

fn is_true(text: Option<&str>) -> bool {
    text.is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true"))
}
