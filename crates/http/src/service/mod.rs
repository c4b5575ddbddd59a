//! What the key services behind HTTP share: another try of what is transient, and proof that an answer is this key's.

mod retry;
mod verify;

pub use retry::retried;
pub use verify::is_by;
