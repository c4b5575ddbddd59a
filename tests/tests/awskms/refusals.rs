//! What KMS refuses, and answers that are not to be believed.

use keybearer_conformance::{TestEnv, verify};
use keybearer_core::{Algorithm, ErrorKind};
use keybearer_tests::{
    Scratch,
    gate::Gate,
    kms::{Kms, at, registry, runtime, sign},
};

pub(crate) fn states_and_names(kms: &Kms) {
    // ministack shows their public keys; AWS refuses that too, in the same words.
    for (state, cure) in [
        ("disabled", "enable-key"),
        ("deleted", "cancel-key-deletion"),
    ] {
        let signer = kms.open("signer", &kms.uri(kms.said(state))).unwrap();
        let error = sign(&signer, Algorithm::Rs256).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{state}");
        assert!(error.hint().unwrap().contains(cure), "{error:?}");
    }
    let error = kms.refused("signer", kms.said("encrypts"));
    assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm);
    // The case of a name counts.
    for missing in ["alias/missing", "alias/team/jwt"] {
        let error = kms.refused("signer", missing);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{missing}");
    }
}

pub(crate) fn callers(kms: &Kms) {
    let error = kms.refused("nobody", kms.arn("RSA_2048"));
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("kms:GetPublicKey"), "{error}");
    let uri = kms.uri(kms.arn("RSA_2048"));
    let reader = kms.open("reader", &uri).unwrap();
    let error = sign(&reader, Algorithm::Rs256).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("kms:Sign"), "{error}");
    assert!(error.hint().unwrap().contains("kms:Sign"));

    let (id, _) = kms.user("signer");
    for (id, secret) in [(id, "another secret"), ("AKIAUNKNOWNUNKNOWN00", "any one")] {
        let cx = TestEnv::new().context();
        let error = runtime()
            .block_on(registry(id, secret).open(&uri, &cx))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
        assert!(!format!("{error:?}").contains(secret));
    }
}

pub(crate) fn blind_role(kms: &Kms) {
    let uri = kms.uri(kms.arn("RSA_2048"));
    let error = kms.open("blind", &uri).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.hint().unwrap().contains("public-key="), "{error:?}");

    let scratch = Scratch::new();
    let public = kms.public_key("RSA_2048");
    let file = scratch.write("key.pem", public.to_pem());
    let uri = uri
        .with_attribute("alg", "RS256")
        .with_attribute("public-key", &file);
    let signer = kms.open("blind", &uri).unwrap();
    assert_eq!(signer.algorithms(), [Algorithm::Rs256]);
    let signature = sign(&signer, Algorithm::Rs256).unwrap();
    verify::aws_lc(&public, Algorithm::Rs256, b"message", &signature).unwrap();
    assert_eq!(runtime().block_on(signer.public_key()).unwrap(), public);
}

/// A file's certificate is checked against the key in KMS.
pub(crate) fn certificate_of_another_key(kms: &Kms) {
    let scratch = Scratch::new();
    let (_, certificate) = scratch.openssl_key("other", "rsa:2048");
    let uri = kms.uri(kms.arn("RSA_2048"));
    let error = kms
        .open("signer", &uri.with_attribute("certificate", &certificate))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyMismatch, "{error:?}");
}

/// An alias and a bare id, of a multi-Region key too, are pinned to the ARN.
pub(crate) fn names(kms: &Kms) {
    let id = |arn: &str| arn.rsplit('/').next().unwrap().to_owned();
    let (arn, multi_region) = (kms.arn("RSA_2048"), kms.said("multi_region"));
    assert!(id(multi_region).starts_with("mrk-"));
    for (name, arn) in [
        (kms.said("alias").to_owned(), arn),
        (id(arn), arn),
        (id(multi_region), multi_region),
    ] {
        let signer = kms.open("signer", &kms.uri(&name)).unwrap();
        assert_eq!(signer.id().uri().locator(), arn);
        sign(&signer, signer.algorithms()[0]).unwrap();
    }
}

/// An alias that is moved, and an answer by whatever other key.
pub(crate) fn another_key(kms: &Kms) {
    let gate = Gate::before(kms.address());
    let arn = kms.arn("RSA_2048");
    let signer = kms.open("signer", &at(arn, &gate.url())).unwrap();
    let uri = at(kms.said("alias"), &gate.url()).with_attribute("alg", "RS256");
    let blind = kms.open("blind", &uri).unwrap();
    sign(&blind, Algorithm::Rs256).unwrap();
    gate.swap(arn, kms.said("disabled"));
    for signer in [signer, blind] {
        let error = sign(&signer, Algorithm::Rs256).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::KeyMismatch, "{error:?}");
    }
}
