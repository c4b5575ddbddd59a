//! Salesforce's rules for the JWT bearer flow: hosts, audience, where a token may go, refusals explained.

mod explain;
mod hosts;
mod login;

pub use explain::cure;
pub use hosts::{Endpoints, is_in_the_clear, is_salesforce_host};
pub use login::Login;
