//! Keys in a PKCS#11 token (HSM) as keybearer signers
