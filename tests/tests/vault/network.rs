//! What `Network` and the time limit say holds for Vault; its own variables for a CA too.

use std::time::{Duration, Instant};

use keybearer_conformance::TestEnv;
use keybearer_core::{Algorithm, ErrorKind};
use keybearer_tests::{Scratch, gate::Gate};

use crate::place::{Place, open_in, runtime};

const A: Algorithm = Algorithm::Es256;

pub(crate) fn network(place: &Place) {
    proxy(place);
    ca_certificate(place);
    silence(place);
}

/// The server has a name that only the proxy knows.
fn proxy(place: &Place) {
    let gate = Gate::before(place.address());
    let key = place.key("ecdsa-p256");
    let uri = place
        .uri(&key)
        .with_attribute("address", "http://vault.invalid");
    let mut cx = env(place).context();
    let proxy = gate.url().replace("http://", "http://me:p%40ss@");
    cx.network.proxy = Some(proxy.into());
    let signer = open_in(&uri, &cx).unwrap();
    runtime().block_on(signer.sign(A, b"message")).unwrap();
    let heads = gate.heads();
    assert_eq!(heads.len(), 2, "{heads:?}");
    for head in heads {
        assert!(head.contains(" http://vault.invalid/v1/transit/"), "{head}");
        // me:p@ss
        let login = "proxy-authorization: basic bwu6cebzcw==";
        assert!(head.to_lowercase().contains(login), "{head}");
    }
}

fn ca_certificate(place: &Place) {
    let scratch = Scratch::new();
    let (gate, certificate) = Gate::with_tls(place.address(), &scratch);
    let key = place.key("ecdsa-p256");
    let uri = place.uri(&key).with_attribute("address", gate.url());
    let error = open_in(&uri, &env(place).context()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend, "{error:?}");
    assert!(
        error.hint().unwrap().contains("--ca-certificate"),
        "{error:?}"
    );
    let mut given = env(place).context();
    given.network.ca_certificate = Some(certificate.clone().into());
    let variable = |name: &str| env(place).var(name, certificate.as_str()).context();
    for cx in [given, variable("VAULT_CACERT"), variable("BAO_CACERT")] {
        let signer = open_in(&uri, &cx).unwrap();
        runtime().block_on(signer.sign(A, b"message")).unwrap();
    }
}

fn silence(place: &Place) {
    let gate = Gate::before(place.address());
    let key = place.key("ecdsa-p256");
    let uri = place.uri(&key).with_attribute("address", gate.url());
    let mut cx = env(place).context();
    cx.timeout = Duration::from_secs(1);
    gate.ignore(100);
    let began = Instant::now();
    let error = open_in(&uri, &cx).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("within 1 s"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10), "{error}");
}

fn env(place: &Place) -> TestEnv {
    TestEnv::new().var("VAULT_TOKEN", place.root.as_str())
}
