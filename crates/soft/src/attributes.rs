//! The attributes that several file formats take, told in the same words.

use keybearer_core::Attribute;

/// The entry of a store.
pub const ALIAS: Attribute =
    Attribute::new("alias", "the entry; needed where there are several keys");

/// Where the store password is.
pub const STORE_PASSWORD_SOURCE: Attribute = Attribute::new(
    "password-source",
    "where the store password is: env:NAME, file:PATH, fd:N, prompt:",
);

/// The store password itself.
pub const STORE_PASSWORD_VALUE: Attribute = Attribute::new(
    "password-value",
    "the store password itself (better: password-source)",
);

/// The key that must be found.
pub const SPKI_SHA256: Attribute = Attribute::new(
    "spki-sha256",
    "SHA-256 of the public key (SPKI) that must be found, in hex",
);
