//! The suite that every keybearer signer passes
