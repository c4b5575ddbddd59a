//! What reqwest's errors mean.

use std::{error::Error as StdError, io, iter, time::Duration};

use rustls::{AlertDescription, CertificateError, Error as TlsError};

use crate::{HttpError, HttpErrorKind, proxy::Proxy};

/// One request under way, as far as its failure is to be told.
pub(crate) struct Attempt<'a> {
    pub(crate) host: &'a str,
    pub(crate) proxy: Option<&'a Proxy>,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
}

type Finding = (HttpErrorKind, String, &'static str);

const LOOK_BETWEEN: &str =
    "try again; if it stays, look at what stands between: a proxy, a firewall, a load balancer";

impl Attempt<'_> {
    /// Sorts what reqwest says. Only the innermost words are kept: the outer ones repeat the URL.
    pub(crate) fn diagnose(&self, error: &reqwest::Error) -> HttpError {
        let causes: Vec<_> = causes(error).collect();
        let (kind, message, hint) = self.find(error, &causes);
        let found = HttpError::new(kind, self.host, message).with_hint(hint);
        match causes.last() {
            Some(cause) if kind != HttpErrorKind::Timeout => found.with_source(cause.to_string()),
            _ => found,
        }
    }

    /// The answer has more bytes than allowed.
    pub(crate) fn too_large(&self, limit: usize) -> HttpError {
        let message = format!("the answer of {} has more than {limit} bytes", self.host);
        HttpError::new(HttpErrorKind::TooLarge, self.host, message)
            .with_hint("check the URL: this is not the answer of a token endpoint")
    }

    /// The proxy does not let us through without a password.
    pub(crate) fn wants_password(&self, proxy: &Proxy) -> HttpError {
        let message = format!("the proxy {} wants a user and a password", proxy.host);
        HttpError::new(HttpErrorKind::Proxy, self.host, message)
            .with_hint("write them in the proxy's URL: http://user:password@host:port")
    }

    fn find(&self, error: &reqwest::Error, causes: &[&(dyn StdError + 'static)]) -> Finding {
        let host = self.host;
        let says = |words: &str| causes.iter().any(|cause| cause.to_string().contains(words));
        let io = |wanted: io::ErrorKind| {
            let mut kinds = causes
                .iter()
                .filter_map(|cause| cause.downcast_ref::<io::Error>());
            kinds.any(|error| error.kind() == wanted)
        };
        if let Some(tls) = causes
            .iter()
            .find_map(|cause| cause.downcast_ref::<TlsError>())
        {
            return tls_failure(host, tls);
        }
        if error.is_timeout() {
            return self.timed_out(error.is_connect());
        }
        if error.is_dns() {
            return self.no_address();
        }
        if let Some(proxy) = self.proxy
            && says("tunnel error")
        {
            if says("proxy authorization required") {
                let error = self.wants_password(proxy);
                return (
                    HttpErrorKind::Proxy,
                    error.to_string(),
                    "write them in the proxy's URL: http://user:password@host:port",
                );
            }
            if says("unsuccessful") || says("unexpected end of file") || says("too long") {
                let message = format!("the proxy {} makes no connection to {host}", proxy.host);
                let hint = "have the proxy's rules allow the host, or set NO_PROXY for it";
                return (HttpErrorKind::Proxy, message, hint);
            }
        }
        if says("message head is too large") {
            let message = format!("the header of {host}'s answer is too large");
            return (HttpErrorKind::TooLarge, message, LOOK_BETWEEN);
        }
        if says("tls handshake eof") {
            let message = format!("{host} closed the connection before TLS was agreed on");
            return (HttpErrorKind::Broken, message, LOOK_BETWEEN);
        }
        if error.is_connect() {
            return self.no_connection(io(io::ErrorKind::ConnectionRefused));
        }
        if says("invalid HTTP") || says("invalid token") || says("parsed") {
            let message = format!("what {host} answered is not HTTP");
            let hint = "check the URL's scheme and port: https: is asked for TLS, http: for none";
            return (HttpErrorKind::Broken, message, hint);
        }
        let before = causes
            .iter()
            .any(|cause| cause.to_string().contains("before message completed"));
        let message = if before {
            format!("{host} closed the connection without an answer")
        } else {
            format!("the answer of {host} broke off")
        };
        (HttpErrorKind::Broken, message, LOOK_BETWEEN)
    }

    fn timed_out(&self, connecting: bool) -> Finding {
        let through = self.through();
        let (what, limit) = if connecting {
            ("could not be connected to", self.connect_timeout)
        } else {
            ("did not answer", self.timeout)
        };
        let seconds = limit.as_secs_f64();
        (
            HttpErrorKind::Timeout,
            format!("{}{through} {what} within {seconds} s", self.host),
            "check the host and the proxy (a firewall that drops packets looks like this), or allow more time by --timeout",
        )
    }

    fn no_address(&self) -> Finding {
        match self.proxy {
            Some(proxy) => (
                HttpErrorKind::Resolve,
                format!("the proxy's name {} has no address", proxy.host),
                "check --proxy, HTTPS_PROXY and HTTP_PROXY",
            ),
            None => (
                HttpErrorKind::Resolve,
                format!("the name {} has no address", self.host),
                "check its spelling and this machine's DNS; a new My Domain takes minutes to appear",
            ),
        }
    }

    fn no_connection(&self, refused: bool) -> Finding {
        let whom = match self.proxy {
            Some(proxy) => format!("the proxy {}", proxy.host),
            None => self.host.to_owned(),
        };
        let message = if refused {
            format!("{whom} refused the connection: nothing listens there")
        } else {
            format!("no connection to {whom} could be made")
        };
        let hint = match self.proxy {
            Some(_) => "check --proxy, HTTPS_PROXY, HTTP_PROXY, and whether the proxy runs",
            None => {
                "check the host and its port; where only a proxy leads out, set HTTPS_PROXY or --proxy"
            }
        };
        (HttpErrorKind::Connect, message, hint)
    }

    fn through(&self) -> String {
        let proxy = self
            .proxy
            .map(|proxy| format!(" (by the proxy {})", proxy.host));
        proxy.unwrap_or_default()
    }
}

fn tls_failure(host: &str, error: &TlsError) -> Finding {
    use CertificateError as C;
    let of_server = |message: String, hint| (HttpErrorKind::Tls, message, hint);
    let check_time =
        "check this machine's clock; if it is right, the server needs a new certificate";
    match error {
        TlsError::InvalidCertificate(C::UnknownIssuer) => of_server(
            format!("the certificate of {host} is issued by a CA that is not trusted here"),
            "name the CA by --ca-certificate, if it is your company's or that of a proxy that opens TLS",
        ),
        TlsError::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => {
            of_server(format!("the certificate of {host} has expired"), check_time)
        }
        TlsError::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => of_server(
            format!("the certificate of {host} is not valid yet"),
            check_time,
        ),
        TlsError::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            of_server(
                format!("the certificate that {host} shows is for other names"),
                "check the URL's host; behind a proxy or load balancer, whose certificate this is",
            )
        }
        TlsError::InvalidCertificate(_) => of_server(
            format!("the certificate of {host} is not accepted"),
            "the server's certificate must be a version 3 certificate of a CA that is trusted, with the host in subjectAltName",
        ),
        TlsError::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate,
        ) => of_server(
            format!("{host} wants a client certificate"),
            "this endpoint is set to mutual TLS: log in at a host that is not",
        ),
        TlsError::InvalidMessage(_) => (
            HttpErrorKind::Broken,
            format!("{host} does not speak TLS at this port"),
            "check the URL's scheme and port: https: needs a server that speaks TLS",
        ),
        _ => of_server(
            format!("no TLS connection to {host} could be made"),
            "the server must speak TLS 1.2 or 1.3; an old proxy between may not",
        ),
    }
}

/// An error's causes, outermost first, without the error itself. An `io::Error` tells its inner error's cause as its own, and so
/// would skip the inner error.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    iter::successors(error.source(), |cause| {
        let cause: &(dyn StdError + 'static) = *cause;
        match cause.downcast_ref::<io::Error>().map(io::Error::get_ref) {
            Some(Some(inner)) => Some(inner as &(dyn StdError + 'static)),
            _ => cause.source(),
        }
    })
}
