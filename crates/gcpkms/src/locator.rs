//! Resource names of Cloud KMS, and the addresses made of them.

use std::fmt;

use keybearer_core::{Error, ErrorKind, Result};
use url::{Host, Url};

/// A key, and one of its versions where one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Locator {
    pub(crate) project: String,
    pub(crate) location: String,
    pub(crate) ring: String,
    pub(crate) key: String,
    pub(crate) version: Option<u64>,
}

const HINT: &str = "write the resource name that the console copies: projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1";

impl Locator {
    /// Takes `projects/P/locations/L/keyRings/R/cryptoKeys/K` with or without `/cryptoKeyVersions/N`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let invalid = || {
            Error::new(
                ErrorKind::InvalidUri,
                format!("\"{}\" is no key of Cloud KMS", text.escape_debug()),
            )
            .with_hint(HINT)
        };
        let parts: Vec<_> = text.split('/').collect();
        let (key, version) = parts.split_at(parts.len().min(8));
        let [
            "projects",
            project,
            "locations",
            location,
            "keyRings",
            ring,
            "cryptoKeys",
            key,
        ] = key
        else {
            return Err(invalid());
        };
        let version = match version {
            [] => None,
            ["cryptoKeyVersions", number] => Some(version_number(number).ok_or_else(invalid)?),
            _ => return Err(invalid()),
        };
        // A project of a domain is written example.com:name.
        let is_project = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let names = [location, ring, key];
        if !is(project, is_project) || !names.into_iter().all(|name| is(name, is_name)) {
            return Err(invalid());
        }
        Ok(Self {
            project: (*project).into(),
            location: (*location).into(),
            ring: (*ring).into(),
            key: (*key).into(),
            version,
        })
    }

    /// The resource name of the key.
    pub(crate) fn key_name(&self) -> String {
        let Self {
            project,
            location,
            ring,
            key,
            ..
        } = self;
        format!("projects/{project}/locations/{location}/keyRings/{ring}/cryptoKeys/{key}")
    }

    /// The key without a version.
    pub(crate) fn key(&self) -> Self {
        self.at(None)
    }

    /// This version of the key.
    pub(crate) fn at(&self, version: Option<u64>) -> Self {
        Self {
            version,
            ..self.clone()
        }
    }

    /// `gcloud kms keys versions COMMAND …` for this key, and for the version where one is named.
    pub(crate) fn gcloud(&self, command: &str) -> String {
        let Self {
            project,
            location,
            ring,
            key,
            version,
        } = self;
        let version = version.map(|number| format!(" {number}"));
        let version = version.unwrap_or_default();
        format!(
            "gcloud kms keys versions {command}{version} --key {key} --keyring {ring} --location {location} --project {project}"
        )
    }
}

/// The resource name of the version, or of the key where none is named.
impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key_name())?;
        match self.version {
            Some(number) => write!(f, "/cryptoKeyVersions/{number}"),
            None => Ok(()),
        }
    }
}

/// An address of Cloud KMS, or of a service that gives out tokens: `what` names the one that it should be. Over plain HTTP
/// on this machine alone, as a token goes with each request.
pub(crate) fn address(text: &str, what: &str) -> Result<Url> {
    let invalid = |why: &str| {
        Error::new(
            ErrorKind::InvalidUri,
            format!("the address of {what} is not usable: {why}"),
        )
        .with_hint("an address is https://HOST; http:// is taken for this machine alone")
    };
    let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("a user or a password stands in it"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("a ? or a # stands in it"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(invalid("http: would send tokens in the clear")),
        _ => Err(invalid("it is not https:")),
    }
}

/// `ENDPOINT/v1/PATH`. The path is made of resource names, which need no escapes.
pub(crate) fn method(endpoint: &Url, path: &str) -> String {
    format!("{}/v1/{path}", endpoint.as_str().trim_end_matches('/'))
}

fn version_number(text: &str) -> Option<u64> {
    // 01 and +1 are other names.
    let number: u64 = text.parse().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}

fn is(text: &str, is_part: impl Fn(char) -> bool) -> bool {
    !matches!(text, "" | "." | "..") && text.chars().all(is_part)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "projects/p-1/locations/global/keyRings/r/cryptoKeys/k";

    #[test]
    fn a_key_has_a_version_or_none() {
        let key = Locator::parse(KEY).unwrap();
        assert_eq!((key.to_string().as_str(), key.version), (KEY, None));
        let name = "projects/example.com:p/locations/europe-west3/keyRings/R_1/cryptoKeys/K-1/cryptoKeyVersions/12";
        let version = Locator::parse(name).unwrap();
        assert_eq!(
            (version.to_string().as_str(), version.version),
            (name, Some(12))
        );
        assert_eq!(
            version.gcloud("enable"),
            "gcloud kms keys versions enable 12 --key K-1 --keyring R_1 --location europe-west3 --project example.com:p"
        );
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let version = |number: &str| format!("{KEY}/cryptoKeyVersions/{number}");
        for wrong in [
            "",
            "my-key",
            "projects/p/locations/l/keyRings/r",
            "projects/p/locations/l/keyRings/r/cryptoKeys/",
            "projects/p/locations/l/keyRings/r/cryptoKeys/..",
            "projects/p/locations/l/keyRings/r/cryptoKeys/a?b",
            "projects/p/locations/l/keyRings/r/cryptoKeys/a b",
            "projects/p/locations/l/keyrings/r/cryptoKeys/k",
            "projects/p:x@y/locations/l/keyRings/r/cryptoKeys/k",
            &version(""),
            &version("0"),
            &version("01"),
            &version("+1"),
            &version("1:asymmetricSign"),
            &version("1/x"),
            &format!("{KEY}/versions/1"),
            &format!("{KEY}/cryptoKeyVersions"),
        ] {
            let error = Locator::parse(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUri, "{wrong}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn an_address_is_https_or_on_this_machine() {
        for right in [
            "https://cloudkms.googleapis.com",
            "https://cloudkms.europe-west3.rep.googleapis.com/",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "http://localhost:1/kms/",
        ] {
            address(right, "Cloud KMS").unwrap();
        }
        for wrong in [
            "cloudkms.googleapis.com",
            "http://cloudkms.googleapis.com",
            "http://127.0.0.1.example.com",
            "https://me:hunter2@kms.example",
            "https://kms.example/?x",
            "https://kms.example/#x",
            "ftp://kms.example",
            "https://",
        ] {
            let error = address(wrong, "Cloud KMS").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUri, "{wrong}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
        let below = address("http://localhost:1/kms/", "Cloud KMS").unwrap();
        assert_eq!(
            method(&below, "projects/p:asymmetricSign"),
            "http://localhost:1/kms/v1/projects/p:asymmetricSign"
        );
    }
}
