//! A service that throttles, stays silent, stops and starts, or is another one.

use std::time::Duration;

use keybearer_conformance::{TestEnv, verify};
use keybearer_core::{Algorithm, ErrorKind};
use keybearer_tests::{
    gate::Gate,
    kms::{Kms, at, sign},
};

pub(crate) fn throttled(kms: &Kms) {
    let gate = Gate::before(kms.address());
    let uri = at(kms.arn("RSA_2048"), &gate.url());
    let signer = kms.open("signer", &uri).unwrap();
    gate.throttle(2);
    sign(&signer, Algorithm::Rs256).unwrap();
    gate.throttle(100);
    let error = sign(&signer, Algorithm::Rs256).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled, "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    gate.throttle(0);
    sign(&signer, Algorithm::Rs256).unwrap();
}

/// A connection that has died without a word is given up in time for another.
pub(crate) fn silent(kms: &Kms) {
    let gate = Gate::before(kms.address());
    let uri = at(kms.arn("ECC_NIST_P256"), &gate.url());
    let mut cx = TestEnv::new().context();
    cx.timeout = Duration::from_secs(6);
    let signer = kms.open_in("signer", &uri, &cx).unwrap();
    gate.ignore(1);
    sign(&signer, Algorithm::Es256).unwrap();
    gate.ignore(100);
    let error = sign(&signer, Algorithm::Es256).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("in time"), "{error}");
}

pub(crate) fn unreachable(kms: &Kms) {
    let gate = Gate::before(kms.address());
    let uri = at(kms.arn("ECC_NIST_P256"), &gate.url());
    let signer = kms.open("signer", &uri).unwrap();
    sign(&signer, Algorithm::Es256).unwrap();
    gate.close();
    let error = sign(&signer, Algorithm::Es256).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    gate.open();
    sign(&signer, Algorithm::Es256).unwrap();
}

/// A server of this test's own, which is stopped and started between two signatures.
pub(crate) fn restarted() {
    let mut kms = Kms::start();
    let uri = kms.uri(kms.arn("RSA_2048"));
    let signer = kms.open("signer", &uri).unwrap();
    let public = kms.public_key("RSA_2048");
    let signs = || {
        let signature = sign(&signer, Algorithm::Rs256)?;
        verify::aws_lc(&public, Algorithm::Rs256, b"message", &signature).unwrap();
        Ok::<_, keybearer_core::Error>(())
    };
    signs().unwrap();
    kms.server.ask("stop");
    assert_eq!(signs().unwrap_err().kind(), ErrorKind::Unavailable);
    kms.server.ask("start");
    signs().unwrap();
}

pub(crate) fn another_service(kms: &Kms) {
    let gate = Gate::before(kms.address());
    gate.answer_with("text/html", "<html>Log in to the network</html>");
    let error = kms
        .open("signer", &at(kms.arn("RSA_2048"), &gate.url()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("is not AWS KMS"), "{error}");
}
