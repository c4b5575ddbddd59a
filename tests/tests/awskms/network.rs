//! What `Network` says reaches the SDK.

use std::path::Path;

use keybearer_conformance::TestEnv;
use keybearer_core::{Algorithm, ErrorKind};
use keybearer_tests::{
    Scratch,
    kms::{Kms, at, sign},
    tool,
};

use crate::gate::Gate;

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
    let (key, certificate, der) = (
        scratch.text("key.pem"),
        scratch.text("ca.crt"),
        scratch.text("key.der"),
    );
    #[rustfmt::skip]
    tool("openssl", &[
        "req", "-x509", "-nodes", "-days", "30", "-newkey", "rsa:2048", "-subj", "/CN=kms", "-keyout", &key, "-out", &certificate,
        "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
    ]);
    #[rustfmt::skip]
    tool("openssl", &["pkcs8", "-topk8", "-nocrypt", "-in", &key, "-outform", "DER", "-out", &der]);
    let gate = Gate::with_tls(kms.address(), Path::new(&certificate), Path::new(&der));
    let uri = at(kms.arn("ECC_NIST_P256"), &gate.url());
    let mut cx = TestEnv::new().context();
    let error = kms.open_in("signer", &uri, &cx).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend, "{error:?}");
    assert!(error.hint().unwrap().contains("--ca-certificate"));
    cx.network.ca_certificate = Some(certificate.into());
    let signer = kms.open_in("signer", &uri, &cx).unwrap();
    sign(&signer, Algorithm::Es256).unwrap();
}
