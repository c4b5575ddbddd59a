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
        let is_site = url.host_str().is_some_and(is_site);
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

/// Experience Cloud: there a path names the site.
fn is_site(host: &str) -> bool {
    let sites = [".my.site.com", ".my.salesforce-sites.com", ".force.com"];
    sites.iter().any(|suffix| host.ends_with(suffix)) && !host.ends_with(".lightning.force.com")
}

/// Whether a URL's host is one that shows pages to people and answers no token requests.
pub(crate) fn is_for_browsers(url: &str) -> bool {
    let suffixes = [
        ".lightning.force.com",
        ".my.salesforce-setup.com",
        ".visualforce.com",
        ".vf.force.com",
    ];
    host(url).is_some_and(|host| suffixes.iter().any(|suffix| host.ends_with(suffix)))
}

/// The audience of the second try: the login host of sandboxes and scratch orgs, or that of production. A My Domain
/// name has no two hyphens in a row: they part it from a sandbox's.
pub(crate) fn other_audience(audience: &str) -> &'static str {
    let host = host(audience).unwrap_or_default();
    let label = host.split('.').next().unwrap_or_default();
    if host.contains(".sandbox.")
        || host.contains(".scratch.")
        || host.starts_with("test.")
        || label.contains("--")
    {
        "https://test.salesforce.com"
    } else {
        "https://login.salesforce.com"
    }
}

/// Whether the API host of an answer may have the token: Salesforce's or an allowed one over https on its own port, or
/// this machine's where the token endpoint is on this machine too.
pub(crate) fn may_have_token(instance_url: &str, token_url: &str, allowed: &[String]) -> bool {
    let (Ok(instance), Ok(token)) = (Url::parse(instance_url), Url::parse(token_url)) else {
        return false;
    };
    let is_trusted = |host: &str| {
        is_salesforce_host(host) || allowed.iter().any(|name| name.eq_ignore_ascii_case(host))
    };
    if instance.scheme() == "https"
        && instance.port().is_none()
        && instance.username().is_empty()
        && instance.host_str().is_some_and(is_trusted)
    {
        return true;
    }
    is_loopback(&instance) && is_loopback(&token)
}

fn host(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.host_str()?.to_ascii_lowercase())
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
    fn a_token_url_alone_gives_its_host_as_the_audience() {
        let of = |url| Endpoints::from_token_url(url).map(|it| (it.token_url, it.audience));
        let url = "https://acme.my.salesforce.com/services/oauth2/token";
        let pair = |url: &str, audience: &str| Some((url.to_owned(), audience.to_owned()));
        assert_eq!(of(url), pair(url, "https://acme.my.salesforce.com"));
        let site = "https://acme.my.site.com/customers/services/oauth2/token";
        assert_eq!(of(site), pair(site, "https://acme.my.site.com/customers"));
        let other = "https://issuer.example:8443/oauth/token";
        assert_eq!(of(other), pair(other, "https://issuer.example:8443"));
        assert_eq!(of("ftp://issuer.example/token"), None);
    }

    #[test]
    fn a_sites_path_is_part_of_its_audience_and_no_other_path_is() {
        let audience = |url| Endpoints::from_login_url(url).unwrap().audience;
        for site in [
            "https://acme--uat.sandbox.my.site.com/customers",
            "https://acme.my.salesforce-sites.com/customers",
            "https://site.force.com/customers",
        ] {
            assert_eq!(audience(site), site);
        }
        let other = audience("https://acme.my.salesforce.com/somewhere");
        assert_eq!(other, "https://acme.my.salesforce.com");
    }

    #[test]
    fn tokens_go_to_salesforce_and_allowed_hosts_alone() {
        let token = "https://acme.my.salesforce.com/services/oauth2/token";
        let allowed = ["gateway.acme.example".to_owned()];
        let may = |instance| may_have_token(instance, token, &allowed);
        for good in [
            "https://acme.my.salesforce.com",
            "https://acme--uat.sandbox.my.salesforce.com",
            "https://ACME.my.salesforce.com/",
            "https://acme.develop.my.salesforce.com",
            "https://acme.my.salesforce.mil",
            "https://acme.my.sfcrmproducts.cn",
            "https://login.salesforce.com",
            "https://gateway.acme.example",
        ] {
            assert!(may(good), "{good}");
        }
        for bad in [
            "http://acme.my.salesforce.com",
            "http://gateway.acme.example",
            "https://gateway.acme.example:8443",
            "https://my.salesforce.com.evil.example",
            "https://.my.salesforce.com.evil.example",
            "https://acme.my.salesforce.com.evil.example",
            "https://evilmy.salesforce.com",
            "https://acme.my.salesforce.com@evil.example",
            "https://evil@acme.my.salesforce.com",
            "https://acme.my.salesforce.com:8080",
            "https://evil.example/.my.salesforce.com",
            "https://evil.example#.my.salesforce.com",
            "http://127.0.0.1:1",
            "//acme.my.salesforce.com",
            "",
        ] {
            assert!(!may(bad), "{bad}");
        }
    }

    #[test]
    fn loopback_may_have_a_token_of_loopback_alone() {
        for local in [
            "http://127.0.0.1:1",
            "http://localhost:1",
            "https://[::1]:1",
        ] {
            assert!(
                may_have_token(local, "http://127.0.0.1:2/t", &[]),
                "{local}"
            );
            assert!(!may_have_token(
                local,
                "https://acme.my.salesforce.com/t",
                &[]
            ));
        }
        assert!(!may_have_token(
            "http://10.0.0.1",
            "http://127.0.0.1:2/t",
            &[]
        ));
        assert!(!may_have_token(
            "http://localhost.evil",
            "http://127.0.0.1:2/t",
            &[]
        ));
    }

    #[test]
    fn hosts_for_browsers_are_known() {
        assert!(is_for_browsers(
            "https://acme.lightning.force.com/services/oauth2/token"
        ));
        assert!(!is_for_browsers(
            "https://acme.my.salesforce.com/services/oauth2/token"
        ));
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
        let (test, login) = (
            "https://test.salesforce.com",
            "https://login.salesforce.com",
        );
        for (first, second) in [
            ("https://a--b.sandbox.my.salesforce.com", test),
            ("https://a--b.sandbox.my.site.com/x", test),
            ("https://a--b.my.salesforce.com", test),
            ("https://a.scratch.my.salesforce.com", test),
            (test, test),
            ("https://a-b.my.salesforce.com", login),
            ("https://a.develop.my.salesforce.com", login),
            ("https://a.my.salesforce.mil", login),
            (login, login),
        ] {
            assert_eq!(other_audience(first), second, "{first}");
        }
    }
}
