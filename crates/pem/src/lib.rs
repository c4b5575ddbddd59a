//! PEM and PKCS#8 key files as keybearer signers
