//! Where a secret is read from.

use std::{path::PathBuf, str::FromStr};

use crate::{Env, Error, ErrorKind, Result, Secret};

/// A pointer to a secret: what stands in an attribute that ends in `-source`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretSource {
    /// `env:NAME`: an environment variable.
    Env(String),
    /// `file:PATH`: a file.
    File(PathBuf),
    /// `fd:N`: an open file descriptor, by `/dev/fd`.
    Fd(u32),
    /// `prompt:`: the person at the terminal.
    Prompt,
}

/// More than this is no password, PIN or token.
const LIMIT: u64 = 64 << 10;

impl SecretSource {
    /// Reads the secret. One trailing line break is removed.
    ///
    /// `what` names it to people: "store password".
    ///
    /// # Errors
    /// Whatever goes wrong is [`ErrorKind::BadSecret`]: a secret that cannot be read is never taken for an empty one.
    pub async fn read(&self, what: &str, env: &dyn Env) -> Result<Secret> {
        let failed = |why: String| {
            Error::new(
                ErrorKind::BadSecret,
                format!("the {what} cannot be read from {self}"),
            )
            .with_source(why)
        };
        let read = match self {
            Self::Env(name) => {
                let value = env
                    .var(name)
                    .ok_or_else(|| failed("the environment variable is not set".into()));
                return value.map(trim_line_break).map_err(|error| {
                    error.with_hint(format!("set {name}, or name another source"))
                });
            }
            Self::File(path) => env.read(path, LIMIT).await.map(Secret::new),
            Self::Fd(number) => env
                .read(&PathBuf::from(format!("/dev/fd/{number}")), LIMIT)
                .await
                .map(Secret::new),
            Self::Prompt => env.prompt(what).await,
        };
        read.map(trim_line_break)
            .map_err(|error| failed(error.to_string()))
    }
}

impl FromStr for SecretSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = || {
            // The text itself may be a password that was put here by mistake: it is not repeated.
            Error::new(ErrorKind::InvalidUri, "this is not a source of a secret")
                .with_hint("a source is env:NAME, file:PATH, fd:N or prompt:")
        };
        let (kind, rest) = text.split_once(':').ok_or_else(invalid)?;
        match (kind, rest) {
            ("env", name) if !name.is_empty() => Ok(Self::Env(name.into())),
            ("file", path) if !path.is_empty() => Ok(Self::File(
                path.strip_prefix("//")
                    .filter(|rest| rest.starts_with('/'))
                    .unwrap_or(path)
                    .into(),
            )),
            ("fd", number) => number.parse().map(Self::Fd).map_err(|_| invalid()),
            ("prompt", "") => Ok(Self::Prompt),
            _ => Err(invalid()),
        }
    }
}

impl std::fmt::Display for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Fd(number) => write!(f, "fd:{number}"),
            Self::Prompt => f.write_str("prompt:"),
        }
    }
}

fn trim_line_break(secret: Secret) -> Secret {
    let bytes = secret.expose();
    let Some(shorter) = bytes.strip_suffix(b"\n") else {
        return secret;
    };
    Secret::new(shorter.strip_suffix(b"\r").unwrap_or(shorter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_back() {
        for text in [
            "env:STORE_PASSWORD",
            "file:/run/secrets/pin",
            "fd:3",
            "prompt:",
        ] {
            assert_eq!(text.parse::<SecretSource>().unwrap().to_string(), text);
        }
        assert_eq!(
            "file:///a".parse::<SecretSource>().unwrap().to_string(),
            "file:/a"
        );
    }

    #[test]
    fn what_is_no_source_is_refused_and_not_repeated() {
        for text in [
            "hunter2",
            "env:",
            "file:",
            "fd:x",
            "fd:-1",
            "prompt:now",
            "vault:x",
            "",
        ] {
            let error = text.parse::<SecretSource>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUri);
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn one_line_break_goes() {
        for (given, kept) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("a\r", "a\r"),
            ("\n", ""),
            ("a ", "a "),
        ] {
            assert_eq!(trim_line_break(given.into()), Secret::from(kept));
        }
    }
}
