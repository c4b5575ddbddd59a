//! Which proxy a request goes through.
//!
//! reqwest decides by the same [`Matcher`]; it is asked here too, so that errors name the proxy, and so that a variable
//! which is no proxy's URL is an error instead of a connection that goes past the proxy.

use std::env;

use hyper_util::client::proxy::matcher::Matcher;
use keybearer_core::Secret;
use reqwest::Url;

use crate::{HttpError, HttpErrorKind};

/// What a user says about proxies, or the environment.
#[derive(Debug)]
pub(crate) struct Proxies {
    matcher: Matcher,
    is_given: bool,
    is_off: bool,
}

/// The proxy of one request, without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Host and port.
    pub(crate) host: String,
    /// Whether TLS is spoken with the proxy itself.
    pub(crate) is_tls: bool,
}

const HINT: &str = "a proxy is written http://[user:password@]host:port";

impl Proxies {
    pub(crate) fn new(given: Option<&Secret>) -> Result<Self, HttpError> {
        let Some(given) = given else {
            return Ok(Self {
                matcher: Matcher::from_system(),
                is_given: false,
                is_off: lifts_all(),
            });
        };
        let text = given.expose_str().unwrap_or_default();
        // The URL is not repeated: a password may stand in it.
        let unusable = |why| HttpError::new(HttpErrorKind::Config, "", why).with_hint(HINT);
        if !is_usable(text) {
            return Err(unusable("the proxy is not the URL of an HTTP proxy"));
        }
        Ok(Self {
            matcher: Matcher::builder().all(text).build(),
            is_given: true,
            is_off: false,
        })
    }

    /// No proxy, whatever the environment says.
    pub(crate) fn off() -> Self {
        Self {
            matcher: Matcher::builder().build(),
            is_given: false,
            is_off: true,
        }
    }

    /// Whether no request takes a proxy.
    pub(crate) fn is_off(&self) -> bool {
        self.is_off
    }

    /// The proxy that a request to `url` takes.
    pub(crate) fn of(&self, url: &Url) -> Result<Option<Proxy>, HttpError> {
        if self.is_off {
            return Ok(None);
        }
        if !self.is_given {
            check_environment(url.scheme())?;
        }
        let uri = url.as_str().parse().ok();
        let Some(taken) = uri.and_then(|uri| self.matcher.intercept(&uri)) else {
            return Ok(None);
        };
        let uri = taken.uri();
        Ok(Some(Proxy {
            host: uri
                .authority()
                .map(|authority| authority.as_str().to_owned())
                .unwrap_or_default(),
            is_tls: uri.scheme_str() == Some("https"),
        }))
    }
}

/// Whether `NO_PROXY` has a `*`, which the matcher takes for names alone and not for addresses.
fn lifts_all() -> bool {
    let mut names = ["NO_PROXY", "no_proxy"].into_iter();
    let set = names.find_map(|name| env::var(name).ok());
    set.is_some_and(|list| list.split(',').any(|entry| entry.trim() == "*"))
}

/// The variables that hold for a scheme, the strongest first; the first that is set decides.
fn check_environment(scheme: &str) -> Result<(), HttpError> {
    // Under CGI a request's header could set HTTP_PROXY: there none of them holds.
    if env::var_os("REQUEST_METHOD").is_some() {
        return Ok(());
    }
    let pairs = match scheme {
        "https" => [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]],
        _ => [["HTTP_PROXY", "http_proxy"], ["ALL_PROXY", "all_proxy"]],
    };
    for names in pairs {
        let set = names
            .into_iter()
            .find_map(|name| Some((name, env::var(name).ok()?)));
        match set {
            Some((_, value)) if value.is_empty() => {}
            Some((_, value)) if is_usable(&value) => return Ok(()),
            Some((name, _)) => {
                let message =
                    format!("the environment variable {name} is not the URL of an HTTP proxy");
                return Err(HttpError::new(HttpErrorKind::Config, "", message).with_hint(HINT));
            }
            None => {}
        }
    }
    Ok(())
}

fn is_usable(text: &str) -> bool {
    let matcher = Matcher::builder().all(text).build();
    let taken = "http://host.invalid/"
        .parse()
        .ok()
        .and_then(|uri| matcher.intercept(&uri));
    taken.is_some_and(|taken| matches!(taken.uri().scheme_str(), Some("http" | "https")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(proxy: &str, url: &str) -> Option<Proxy> {
        let proxies = Proxies::new(Some(&proxy.into())).unwrap();
        proxies.of(&url.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_proxy_that_is_given_takes_all_requests() {
        let proxy = of("http://me:secret@proxy.corp:3128", "https://a.example/").unwrap();
        assert_eq!(proxy.host, "proxy.corp:3128");
        assert!(!proxy.is_tls);
        assert!(
            of("https://proxy.corp", "http://a.example/")
                .unwrap()
                .is_tls
        );
        assert_eq!(
            of("proxy.corp:3128", "http://a.example/").unwrap().host,
            "proxy.corp:3128"
        );
    }

    #[test]
    fn what_is_no_http_proxy_is_refused_and_not_repeated() {
        for wrong in [
            "socks5://me:hunter2@proxy:1080",
            "ftp://hunter2",
            "",
            "http://",
        ] {
            let error = Proxies::new(Some(&wrong.into())).unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::Config, "{wrong}");
            assert!(!format!("{error:?} {error}").contains("hunter2"));
        }
    }
}
