//! Random bytes of the operating system.

use keybearer_core::{Error, ErrorKind, Result};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Bytes that nobody can guess.
///
/// # Errors
/// [`ErrorKind::Backend`] where the system gives none.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Error::new(
            ErrorKind::Backend,
            "the operating system gives no random bytes",
        )
    })?;
    Ok(bytes)
}
