//! ECDSA signatures in DER, as HSMs and key services give them.

use keybearer_core::{Algorithm, Signature};

pub(crate) fn run(bytes: &[u8]) {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512] {
        let Ok(signature) = Signature::from_der(algorithm, bytes) else {
            continue;
        };
        let der = signature.to_der().expect("what was read can be written");
        let again = Signature::from_der(algorithm, &der).expect("what was written can be read");
        assert_eq!(again.as_bytes(), signature.as_bytes());
        let jws = Signature::from_jws(algorithm, signature.as_bytes());
        assert!(jws.is_ok(), "a JWS takes it");
    }
}
