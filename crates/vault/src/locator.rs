//! `mount/keys/name`, and the addresses made of it.

use keybearer_core::{Error, ErrorKind, Result};
use url::Url;

/// A key by its place: the mount of a Transit engine and the key's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Locator {
    pub(crate) mount: String,
    pub(crate) name: String,
}

impl Locator {
    /// Takes `mount/keys/name`, as Vault's API writes it. A mount may have slashes, a name none.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let invalid = |why: &str| {
            Error::new(
                ErrorKind::InvalidUri,
                format!("\"{}\" is no key of Transit: {why}", text.escape_debug()),
            )
            .with_hint("write it as Vault's API does: transit/keys/NAME, where transit is the engine's mount")
        };
        let (mount, name) = text
            .rsplit_once("/keys/")
            .ok_or_else(|| invalid("/keys/ is missing"))?;
        let place = Self {
            mount: mount.into(),
            name: name.into(),
        };
        if name.contains('/') || !is_path(mount) || !is_path(name) {
            return Err(invalid(
                "a part of it is empty, a dot or a control character",
            ));
        }
        Ok(place)
    }

    /// `transit/sign/NAME`: what a policy names, with the capability `update`.
    pub(crate) fn sign_path(&self) -> String {
        format!("{}/sign/{}", self.mount, self.name)
    }

    /// `transit/keys/NAME`: what a policy names, with the capability `read`.
    pub(crate) fn read_path(&self) -> String {
        format!("{}/keys/{}", self.mount, self.name)
    }
}

/// Whether these are segments that no server and no URL reads otherwise.
pub(crate) fn is_path(text: &str) -> bool {
    text.split('/')
        .all(|part| !matches!(part, "" | "." | "..") && !part.chars().any(char::is_control))
}

/// A server's address, as `VAULT_ADDR` has it.
pub(crate) fn address(text: &str) -> Result<Url> {
    let invalid = |why: &str| {
        Error::new(
            ErrorKind::InvalidUri,
            format!("the address of Vault is not usable: {why}"),
        )
        .with_hint("an address is https://HOST:8200, in address= or VAULT_ADDR")
    };
    let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("it is neither https: nor http:"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("a user or a password stands in it"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("a ? or a # stands in it"));
    }
    Ok(url)
}

/// `ADDRESS/v1/PATH`.
pub(crate) fn endpoint(address: &Url, path: &str) -> String {
    let mut url = address.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push("v1").extend(path.split('/'));
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_may_have_slashes_and_a_key_the_name_keys() {
        let place = Locator::parse("team/a/transit/keys/jwt").unwrap();
        assert_eq!(place.sign_path(), "team/a/transit/sign/jwt");
        assert_eq!(place.read_path(), "team/a/transit/keys/jwt");
        assert_eq!(Locator::parse("keys/keys/keys").unwrap().mount, "keys");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for wrong in [
            "",
            "transit",
            "transit/jwt",
            "/keys/jwt",
            "transit/keys/",
            "transit/keys/a/b",
            "../sys/keys/jwt",
            "transit/keys/..",
            "transit//x/keys/a",
            "transit/keys/a\nb",
        ] {
            let error = Locator::parse(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUri, "{wrong}");
        }
    }

    #[test]
    fn endpoints_are_encoded_below_the_address() {
        let at = |address_of, path| endpoint(&address(address_of).unwrap(), path);
        assert_eq!(
            at("https://v.example:8200", "transit/sign/a b?c%"),
            "https://v.example:8200/v1/transit/sign/a%20b%3Fc%25"
        );
        assert_eq!(
            at("https://v.example/vault/", "sys/health"),
            "https://v.example/vault/v1/sys/health"
        );
    }

    #[test]
    fn an_address_is_https_or_http_without_secrets() {
        for wrong in [
            "v.example",
            "unix:///run/v",
            "https://a:hunter2@v.example",
            "https://v/?x",
            "https://v/#x",
        ] {
            let error = address(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUri, "{wrong}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }
}
