//! The one place where keybearer builds an HTTP client.
//!
//! TLS is rustls on ring, by a configuration handed in: no process-wide provider is asked or installed. The system's
//! roots are loaded when the first `https` request is made, not before, and once in a process (`SSL_CERT_FILE` and
//! `SSL_CERT_DIR` name others). Redirects are never followed: the body of a token request is an assertion. Time and size
//! are bounded. Nothing of a request's or an answer's content is logged.
//!
//! Where [`Network::proxy`] is absent, the process's `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` hold, in upper
//! or lower case: hosts with their subdomains, IP addresses and CIDR ranges, or `*`. A variable that is no proxy's URL is
//! an error and not a connection past the proxy.
//!
//! [`Network::proxy`]: keybearer_core::Network::proxy

mod client;
mod diagnosis;
mod error;
mod proxy;
mod request;
mod response;
pub mod service;
mod tls;

pub use client::Client;
pub use error::{HttpError, HttpErrorKind};
pub use request::Request;
pub use response::Response;
