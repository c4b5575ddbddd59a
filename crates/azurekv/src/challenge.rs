//! What a vault says to a request without a token: for which service a token must be.

use keybearer_core::{Error, ErrorKind, Result};

use crate::locator::https;

/// The service that tokens must be for, from the values of `WWW-Authenticate` of the vault at `host`.
///
/// As Microsoft's SDKs do, this takes only a service whose domain the vault's host is in: what stands in a vault's place
/// must not get a token for another service.
///
/// # Errors
/// [`ErrorKind::Backend`] where there is no such challenge, [`ErrorKind::KeyMismatch`] where it is for another service.
pub(crate) fn resource<'a>(
    host: &str,
    challenges: impl Iterator<Item = &'a str>,
) -> Result<String> {
    let bearer = challenges.filter_map(bearer).next();
    let named =
        bearer.and_then(|text| parameter(text, "resource").or_else(|| parameter(text, "scope")));
    let Some(named) = named else {
        return Err(Error::new(
            ErrorKind::Backend,
            format!("what answers at {host} does not say for which service it wants a token"),
        )
        .with_hint("check the vault's name and endpoint=: this is not Azure Key Vault"));
    };
    match service(host, named) {
        Some(service) => Ok(service),
        None => Err(Error::new(
            ErrorKind::KeyMismatch,
            format!(
                "what answers at {host} wants a token for \"{}\", where that vault does not belong",
                named.escape_debug()
            ),
        )
        .with_hint("no token was sent: check the vault's name, endpoint= and what stands between")),
    }
}

/// `https://DOMAIN` where it names a domain that the host is in, and nothing more: it becomes the scope of a token.
fn service(host: &str, named: &str) -> Option<String> {
    let named = named.strip_suffix("/.default").unwrap_or(named);
    let url = https(named).ok()?;
    let domain = url.host_str().filter(|domain| domain.contains('.'))?;
    let name = host.split(':').next().unwrap_or(host);
    let is_in = name.strip_suffix(domain)?.ends_with('.');
    let is_bare = url.path() == "/" && url.port().is_none();
    (is_in && is_bare).then(|| format!("https://{domain}"))
}

/// What follows `Bearer`.
fn bearer(challenge: &str) -> Option<&str> {
    let (scheme, rest) = challenge.trim_start().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(rest)
}

/// A parameter's value, quoted or not.
fn parameter<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split([',', ' ']).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key.eq_ignore_ascii_case(name)).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, challenge: &str) -> Result<String> {
        resource(host, [challenge].into_iter())
    }

    const AT: &str = "authorization=\"https://login.microsoftonline.com/t\"";

    #[test]
    fn both_ways_of_naming_a_service_are_read() {
        let vault = "jobs.vault.azure.net";
        for challenge in [
            format!("Bearer {AT}, resource=\"https://vault.azure.net\""),
            format!("bearer {AT},resource=https://vault.azure.net/"),
            format!("Bearer {AT} scope=\"https://vault.azure.net/.default\""),
        ] {
            assert_eq!(
                asked(vault, &challenge).unwrap(),
                "https://vault.azure.net",
                "{challenge}"
            );
        }
        let challenge = format!("Bearer {AT}, resource=\"https://managedhsm.azure.net\"");
        assert!(asked("a.managedhsm.azure.net:443", &challenge).is_ok());
    }

    #[test]
    fn a_service_elsewhere_is_refused() {
        for other in [
            "https://management.azure.com",
            "https://vault.azure.net.evil.example",
            "https://ault.azure.net",
            "https://jobs.vault.azure.net",
            "http://vault.azure.net",
            "https://net",
            "https://vault.azure.net/other",
            "https://vault.azure.net:444",
            "https://vault.azure.net@management.azure.com",
            "https://me@vault.azure.net",
            "vault.azure.net",
            "",
        ] {
            let challenge = format!("Bearer {AT}, resource=\"{other}\"");
            let error = asked("jobs.vault.azure.net", &challenge).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::KeyMismatch, "{other}");
        }
        for none in ["Basic realm=\"x\"", "Bearer", &format!("Bearer {AT}")] {
            let error = asked("jobs.vault.azure.net", none).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Backend, "{none}");
        }
    }
}
