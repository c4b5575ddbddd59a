//! What the key services behind HTTP share: another try of what is transient, proof that an answer is this key's, and what
//! is told of a signature.

mod retry;
mod span;
mod verify;

pub use retry::retried;
pub use span::told;
pub use verify::is_by;
