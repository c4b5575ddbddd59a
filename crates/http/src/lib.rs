//! The one place where keybearer builds an HTTP client.
//!
//! TLS is rustls on ring, by a configuration handed in: no process-wide provider is asked or installed. The system's
//! roots are loaded when the first `https` request is made, and not before. Redirects are never followed: the body of a
//! token request is an assertion. Time and size are bounded. Nothing of a request's or an answer's content is logged.
//!
//! Where [`Network::proxy`] is absent, the process's `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` hold.
//!
//! [`Network::proxy`]: keybearer_core::Network::proxy

mod client;
mod error;
mod response;
mod tls;

pub use client::{Client, Request};
pub use error::{HttpError, HttpErrorKind};
pub use response::Response;
