//! Login hosts, and what follows from them.

use url::Url;

/// Where assertions are posted and for whom they are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoints {
    /// The token endpoint.
    pub token_url: String,
    /// The audience that follows from the login URL: its origin, with the site's path for an Experience Cloud site.
    pub audience: String,
}

const TOKEN_PATH: &str = "/services/oauth2/token";
/// My Domain hosts and the login hosts end so (`*.my.site.com` is Experience Cloud).
const SUFFIXES: [&str; 5] = [
    ".my.salesforce.com",
    ".my.salesforce.mil",
    ".my.sfcrmproducts.cn",
    ".my.site.com",
    ".my.salesforce-sites.com",
];

impl Endpoints {
    /// From a login URL. What Talend and MuleSoft write after the host (`/services/oauth2`, `/services/oauth2/token`) is
    /// taken off. `None` where it is no `http` or `https` URL.
    pub fn from_login_url(login_url: &str) -> Option<Self> {
        let url = Url::parse(login_url.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let origin = url.origin().ascii_serialization();
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/token").unwrap_or(path);
        let path = path
            .strip_suffix("/services/oauth2")
            .unwrap_or(path)
            .trim_end_matches('/');
        let base = format!("{origin}{path}");
        let is_site = url
            .host_str()
            .is_some_and(|host| host.ends_with(".my.site.com"));
        let audience = if is_site { base.clone() } else { origin };
        Some(Self {
            token_url: format!("{base}{TOKEN_PATH}"),
            audience,
        })
    }

    /// From the token endpoint alone, as MuleSoft's users give it.
    pub fn from_token_url(token_url: &str) -> Option<Self> {
        let from_login = Self::from_login_url(token_url)?;
        Some(Self {
            token_url: token_url.trim().into(),
            ..from_login
        })
    }
}

/// Whether this host is one of Salesforce's that a token may be sent to.
pub fn is_salesforce_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    matches!(
        host.as_str(),
        "login.salesforce.com" | "test.salesforce.com"
    ) || SUFFIXES
        .iter()
        .any(|suffix| host.len() > suffix.len() && host.ends_with(suffix))
}

/// Whether what is sent to this URL can be read on its way: plain `http`, and not to this machine.
pub fn is_in_the_clear(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
}

/// The audience of the second try: the login host of sandboxes and scratch orgs, or that of production.
pub(crate) fn other_audience(audience: &str) -> &'static str {
    let host = Url::parse(audience)
        .ok()
        .and_then(|url| url.host_str().map(str::to_ascii_lowercase))
        .unwrap_or_default();
    if host.contains(".sandbox.") || host.contains(".scratch.") || host.starts_with("test.") {
        "https://test.salesforce.com"
    } else {
        "https://login.salesforce.com"
    }
}

/// Whether the API host of an answer may have the token: Salesforce's over https on its own port, or this machine's
/// where the token endpoint is on this machine too.
pub(crate) fn may_have_token(instance_url: &str, token_url: &str) -> bool {
    let (Ok(instance), Ok(token)) = (Url::parse(instance_url), Url::parse(token_url)) else {
        return false;
    };
    if instance.scheme() == "https"
        && instance.port().is_none()
        && instance.host_str().is_some_and(is_salesforce_host)
    {
        return true;
    }
    is_loopback(&instance) && is_loopback(&token)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_login_url_is_one_endpoint() {
        let tail = [
            "",
            "/",
            "/services/oauth2",
            "/services/oauth2/",
            "/services/oauth2/token",
        ];
        for url in tail.map(|tail| format!("https://acme.my.salesforce.com{tail}")) {
            let endpoints = Endpoints::from_login_url(&url).unwrap();
            assert_eq!(
                endpoints.token_url,
                "https://acme.my.salesforce.com/services/oauth2/token"
            );
            assert_eq!(endpoints.audience, "https://acme.my.salesforce.com");
        }
        let site = Endpoints::from_login_url("https://acme.my.site.com/customers/").unwrap();
        assert_eq!(site.audience, "https://acme.my.site.com/customers");
        assert_eq!(
            site.token_url,
            "https://acme.my.site.com/customers/services/oauth2/token"
        );
        assert_eq!(Endpoints::from_login_url("acme"), None);
    }

    #[test]
    fn tokens_go_to_salesforce_alone() {
        let token = "https://acme.my.salesforce.com/services/oauth2/token";
        assert!(may_have_token(
            "https://acme--uat.sandbox.my.salesforce.com",
            token
        ));
        for host in [
            "http://acme.my.salesforce.com",
            "https://my.salesforce.com.evil.example",
            "https://evil.example",
        ] {
            assert!(!may_have_token(host, token), "{host}");
        }
        assert!(!may_have_token("https://.my.salesforce.com.evil", token));
        assert!(!may_have_token("http://127.0.0.1:1", token));
        assert!(!may_have_token(
            "https://acme.my.salesforce.com:8080",
            token
        ));
        assert!(may_have_token("http://127.0.0.1:1", "http://127.0.0.1:2/t"));
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        assert!(is_in_the_clear("http://login.example/token"));
        for url in [
            "https://login.example/token",
            "http://localhost:1/",
            "http://[::1]:1/",
            "x",
        ] {
            assert!(!is_in_the_clear(url), "{url}");
        }
    }

    #[test]
    fn the_second_audience_follows_the_host() {
        assert_eq!(
            other_audience("https://a--b.sandbox.my.salesforce.com"),
            "https://test.salesforce.com"
        );
        assert_eq!(
            other_audience("https://a.scratch.my.salesforce.com"),
            "https://test.salesforce.com"
        );
        assert_eq!(
            other_audience("https://a.my.salesforce.com"),
            "https://login.salesforce.com"
        );
    }
}
