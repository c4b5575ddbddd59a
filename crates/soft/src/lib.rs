//! Private key bytes as a keybearer signer, and password-based decryption for key files
