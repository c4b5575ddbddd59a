//! Salesforce's rules for the JWT bearer flow: hosts, audience, where a token may go, how long it lives, refusals explained.
//!
//! [`Login`] is an [`Exchange`](keybearer_auth::Exchange), so a [`TokenSource`](keybearer_auth::TokenSource) keeps its
//! tokens.

mod cures;
mod explain;
mod hosts;
mod identity;
mod lifetime;
mod login;

pub use explain::cure;
pub use hosts::{Endpoints, is_in_the_clear, is_salesforce_host};
pub use identity::Identity;
pub use lifetime::ASSUMED_LIFETIME;
pub use login::Login;
