//! JWT bearer grants (RFC 7523) with any signer: the assertion, its exchange for an access token, the token kept.
//!
//! [`JwtBearer`] signs an assertion with whatever a [`KeySource`](keybearer_core::KeySource) gives and posts it to a token
//! endpoint. The seam above it is [`Exchange`]; over an exchange stands [`TokenSource`], which keeps a token while it
//! lives. Nothing here knows a key source or an authorization server by name.

mod answer;
mod assertion;
mod bearer;
mod builder;
mod clock;
mod error;
mod policy;
mod token;
mod token_source;

pub use assertion::Assertion;
pub use bearer::JwtBearer;
pub use builder::{ClientAuth, JwtBearerBuilder};
pub use clock::{Clock, SystemClock};
pub use error::{ExchangeError, ExchangeErrorKind, OAuthError};
pub use policy::TokenSourceBuilder;
pub use token::{AccessToken, Token};
pub use token_source::{CachedToken, TokenSource};

pub use keybearer_http::Client;

use std::fmt;

use async_trait::async_trait;

/// Something that gets a token: the seam between an authorization server's rules and what keeps tokens.
#[async_trait]
pub trait Exchange: fmt::Debug + Send + Sync + 'static {
    /// Gets a new token. Each call makes a new assertion.
    async fn exchange(&self) -> Result<Token, ExchangeError>;
}

#[async_trait]
impl<E: Exchange + ?Sized> Exchange for std::sync::Arc<E> {
    async fn exchange(&self) -> Result<Token, ExchangeError> {
        (**self).exchange().await
    }
}
