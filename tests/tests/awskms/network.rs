//! What `Network` says reaches the SDK.

use keybearer_conformance::TestEnv;
use keybearer_core::{Algorithm, ErrorKind};
use keybearer_tests::{
    Scratch,
    gate::Gate,
    kms::{Kms, at, sign},
};

/// The service has a name that only the proxy knows.
pub(crate) fn proxy(kms: &Kms) {
    let gate = Gate::before(kms.address());
    let uri = at(kms.arn("ECC_NIST_P256"), "http://kms.invalid");
    let mut cx = TestEnv::new().context();
    let proxy = gate.url().replace("http://", "http://me:p%40ss@");
    cx.network.proxy = Some(proxy.into());
    let signer = kms.open_in("signer", &uri, &cx).unwrap();
    sign(&signer, Algorithm::Es256).unwrap();
    let heads = gate.heads();
    assert_eq!(heads.len(), 2, "{heads:?}");
    for head in heads {
        assert!(head.starts_with("POST http://kms.invalid/ "), "{head}");
        // me:p@ss
        let login = "proxy-authorization: Basic bWU6cEBzcw==";
        assert!(
            head.to_lowercase().contains(&login.to_lowercase()),
            "{head}"
        );
    }
}

pub(crate) fn ca_certificate(kms: &Kms) {
    let scratch = Scratch::new();
    let (gate, certificate) = Gate::with_tls(kms.address(), &scratch);
    let uri = at(kms.arn("ECC_NIST_P256"), &gate.url());
    let mut cx = TestEnv::new().context();
    let error = kms.open_in("signer", &uri, &cx).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend, "{error:?}");
    assert!(error.hint().unwrap().contains("--ca-certificate"));
    cx.network.ca_certificate = Some(certificate.into());
    let signer = kms.open_in("signer", &uri, &cx).unwrap();
    sign(&signer, Algorithm::Es256).unwrap();
}
