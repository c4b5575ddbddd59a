//! PKCS#12 key stores as keybearer signers
