//! A key's own URL, `https://VAULT/keys/NAME/VERSION`, and what its host tells of the cloud.

use keybearer_core::{Error, ErrorKind, Result};
use url::Url;

/// A key by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Locator {
    /// The host of the vault or HSM, in lower case, with its port where that is not 443.
    pub(crate) host: String,
    pub(crate) name: String,
    /// `None`: the current one.
    pub(crate) version: Option<String>,
}

/// The domains of vaults and HSMs in each cloud, and where its callers log in.
const CLOUDS: [(&str, &str); 6] = [
    (".vault.azure.net", "https://login.microsoftonline.com"),
    (".managedhsm.azure.net", "https://login.microsoftonline.com"),
    (".vault.azure.cn", "https://login.chinacloudapi.cn"),
    (".managedhsm.azure.cn", "https://login.chinacloudapi.cn"),
    (
        ".vault.usgovcloudapi.net",
        "https://login.microsoftonline.us",
    ),
    (
        ".managedhsm.usgovcloudapi.net",
        "https://login.microsoftonline.us",
    ),
];

impl Locator {
    /// Takes the identifier that Azure shows of a key (`kid`), with or without a version.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let invalid = |why: &str| {
            let shown = if text.contains('@') {
                "…".into()
            } else {
                text.escape_debug().to_string()
            };
            Error::new(ErrorKind::InvalidUri, format!("\"{shown}\" is no key in Azure: {why}"))
                .with_hint("write its identifier: https://VAULT.vault.azure.net/keys/NAME/VERSION (az keyvault key show)")
        };
        let url = https(text).map_err(|why| invalid(&why))?;
        let parts: Vec<_> = url.path_segments().into_iter().flatten().collect();
        let (name, version) = match parts.as_slice() {
            ["keys", name] | ["keys", name, ""] => (*name, None),
            ["keys", name, version] => (*name, Some(*version)),
            _ => return Err(invalid("its path is not /keys/NAME/VERSION")),
        };
        if !is_name(name) || version.is_some_and(|version| !is_name(version)) {
            return Err(invalid(
                "names and versions have letters, digits and dashes",
            ));
        }
        Ok(Self {
            host: authority(&url),
            name: name.into(),
            version: version.map(str::to_owned),
        })
    }

    /// The key's URL in this version.
    pub(crate) fn kid(&self, version: &str) -> String {
        format!("https://{}/keys/{}/{version}", self.host, self.name)
    }

    /// `/keys/NAME`, or with the version where there is one.
    pub(crate) fn path(&self) -> String {
        match &self.version {
            Some(version) => format!("/keys/{}/{version}", self.name),
            None => format!("/keys/{}", self.name),
        }
    }

    /// The version that a `kid` names, where it is of this key: identifiers ignore case.
    pub(crate) fn version_in(&self, kid: &str) -> Option<String> {
        let of = Self::parse(kid).ok()?;
        let is_same = of.host == self.host && of.name.eq_ignore_ascii_case(&self.name);
        of.version.filter(|_| is_same)
    }

    /// Where callers of this cloud log in; `None` where the host tells no cloud.
    pub(crate) fn login(&self) -> Option<&'static str> {
        let mut clouds = CLOUDS.iter();
        let known = clouds.find(|(domain, _)| self.host.ends_with(domain));
        known.map(|(_, login)| *login)
    }

    pub(crate) fn is_managed_hsm(&self) -> bool {
        self.host.contains(".managedhsm.")
    }
}

/// An https URL of a host, without a user, a query or a fragment; or why it is none.
pub(crate) fn https(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match () {
        () if url.scheme() != "https" || !url.has_host() => Err("it is not https:".into()),
        () if !url.username().is_empty() || url.password().is_some() => {
            Err("a user or a password stands in it".into())
        }
        () if url.query().is_some() || url.fragment().is_some() => {
            Err("a ? or a # stands in it".into())
        }
        () => Ok(url),
    }
}

/// Host and port, as in a URL.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.into(),
    }
}

fn is_name(text: &str) -> bool {
    (1..=127).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "https://Jobs.vault.azure.net/keys/Job-1/0123456789abcdef0123456789abcdef";

    #[test]
    fn an_identifier_is_read_and_written() {
        let key = Locator::parse(KEY).unwrap();
        assert_eq!(
            (key.host.as_str(), key.name.as_str()),
            ("jobs.vault.azure.net", "Job-1")
        );
        assert_eq!(
            key.kid(key.version.as_deref().unwrap()),
            KEY.replace('J', "j").replace("job-1", "Job-1")
        );
        assert_eq!(
            Locator::parse("https://a.example/keys/b/").unwrap().version,
            None
        );
    }

    #[test]
    fn identifiers_ignore_case() {
        let key = Locator::parse(KEY).unwrap();
        assert_eq!(
            key.version_in("https://JOBS.vault.azure.net/keys/job-1/7")
                .as_deref(),
            Some("7")
        );
        for other in [
            "https://jobs.vault.azure.net/keys/job-2/7",
            "https://jobs2.vault.azure.net/keys/job-1/7",
            "https://jobs.vault.azure.net/keys/job-1",
            "no URL",
        ] {
            assert_eq!(key.version_in(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for wrong in [
            "",
            "jobs/keys/a",
            "http://jobs.vault.azure.net/keys/a",
            "https://jobs.vault.azure.net/secrets/a",
            "https://jobs.vault.azure.net/keys/",
            "https://jobs.vault.azure.net/keys/a/b/c",
            "https://jobs.vault.azure.net/keys/a b",
            "https://jobs.vault.azure.net/keys/a?x=1",
            "https://me:hunter2@jobs.vault.azure.net/keys/a",
        ] {
            let error = Locator::parse(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUri, "{wrong}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn the_host_tells_the_cloud() {
        let login = |host| {
            Locator::parse(&format!("https://{host}/keys/a"))
                .unwrap()
                .login()
        };
        assert_eq!(
            login("a.vault.azure.net"),
            Some("https://login.microsoftonline.com")
        );
        assert_eq!(
            login("a.managedhsm.usgovcloudapi.net"),
            Some("https://login.microsoftonline.us")
        );
        assert_eq!(
            login("a.vault.azure.cn"),
            Some("https://login.chinacloudapi.cn")
        );
        assert_eq!(login("vault.azure.net.example"), None);
    }
}
