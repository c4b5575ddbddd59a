//! jsonwebtoken verifies what ring signed. It needs a process-wide provider, installed in this program alone.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use keybearer_tests::{Scratch, keybearer, ran, tool};
use serde_json::Value;

#[test]
fn verifies_every_kind_of_key() {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let scratch = Scratch::new();
    let by_rsa = |pem: &str| DecodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    let by_ec = |pem: &str| DecodingKey::from_ec_pem(pem.as_bytes()).unwrap();
    let by_ed = |pem: &str| DecodingKey::from_ed_pem(pem.as_bytes()).unwrap();
    type Reader<'a> = &'a dyn Fn(&str) -> DecodingKey;
    type Kind<'a> = (&'a str, Reader<'a>, &'a [(&'a str, Algorithm)]);
    let kinds: [Kind<'_>; 3] = [
        (
            "rsa:2048",
            &by_rsa,
            &[
                ("RS256", Algorithm::RS256),
                ("RS384", Algorithm::RS384),
                ("RS512", Algorithm::RS512),
                ("PS256", Algorithm::PS256),
                ("PS384", Algorithm::PS384),
                ("PS512", Algorithm::PS512),
            ],
        ),
        ("ec", &by_ec, &[("ES256", Algorithm::ES256)]),
        ("ed25519", &by_ed, &[("Ed25519", Algorithm::EdDSA)]),
    ];
    for (kind, reader, algorithms) in kinds {
        let (key, _) = scratch.openssl_key("a", kind);
        let public = reader(&(tool("openssl", &["pkey", "-in", &key, "-pubout"]) + "\n"));
        scratch.openssl_key("b", kind);
        let other = tool(
            "openssl",
            &["pkey", "-in", &scratch.text("b.pem"), "-pubout"],
        ) + "\n";
        for (name, algorithm) in algorithms {
            let mut command = keybearer(&["assertion", "--key", &key, "--alg", name]);
            command.args([
                "--client-id",
                "app",
                "--username",
                "ann",
                "--audience",
                "https://aud.example",
            ]);
            let assertion = ran(&mut command).ok();
            assert_eq!(decode_header(&assertion).unwrap().alg, *algorithm);
            let mut validation = Validation::new(*algorithm);
            validation.set_audience(&["https://aud.example"]);
            validation.set_issuer(&["app"]);
            validation.leeway = 0;
            let token = decode::<Value>(&assertion, &public, &validation).unwrap();
            assert_eq!(token.claims["sub"], "ann");
            decode::<Value>(&assertion, &reader(&other), &validation).unwrap_err();
        }
    }
}
