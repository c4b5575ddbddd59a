//! What Transit is asked, and its signature read back.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keybearer_core::{Algorithm, Error, ErrorKind, Hash, Result, Signature};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The body of `transit/sign`. `version` 0 is the latest.
///
/// Nothing is left to the server: without `signature_algorithm` it signs RSA with PSS, and its own salt is as long as
/// the key allows. For EC keys it ignores the name.
pub(crate) fn body(algorithm: Algorithm, message: &[u8], version: u64) -> Value {
    let Some(hash) = algorithm.hash() else {
        return json!({
            "input": STANDARD.encode(message),
            "marshaling_algorithm": "jws",
            "key_version": version,
        });
    };
    let (name, digest) = match hash {
        Hash::Sha256 => ("sha2-256", Sha256::digest(message).to_vec()),
        Hash::Sha384 => ("sha2-384", Sha384::digest(message).to_vec()),
        Hash::Sha512 => ("sha2-512", Sha512::digest(message).to_vec()),
    };
    let mut body = json!({
        "input": STANDARD.encode(digest),
        "prehashed": true,
        "hash_algorithm": name,
        "signature_algorithm": "pkcs1v15",
        "marshaling_algorithm": "jws",
        "key_version": version,
    });
    if algorithm.is_pss() {
        body["signature_algorithm"] = "pss".into();
        body["salt_length"] = "hash".into();
    }
    body
}

/// `vault:vN:SIGNATURE`: the version that signed, and the signature. OpenBao's prefix is `vault:` too.
pub(crate) fn signature(algorithm: Algorithm, data: &Value) -> Result<(u64, Signature)> {
    let text = data["signature"].as_str().unwrap_or_default();
    let parts = text
        .strip_prefix("vault:v")
        .and_then(|rest| rest.split_once(':'))
        .and_then(|(version, encoded)| Some((version.parse().ok()?, encoded)));
    let (version, encoded) = parts.ok_or_else(|| odd("it does not begin with vault:vN:".into()))?;
    // Ed25519 has one encoding, for which some servers keep the padded alphabet.
    let bytes = match algorithm {
        Algorithm::Ed25519 => URL_SAFE_NO_PAD
            .decode(encoded)
            .or_else(|_| STANDARD.decode(encoded)),
        _ => URL_SAFE_NO_PAD.decode(encoded),
    };
    let bytes = bytes.map_err(|error| odd(error.to_string()))?;
    // Transit has no RSA key under 2048 bits. What is shorter is of another kind of key: the server lets
    // `signature_algorithm` pass on EC keys.
    let is_rsa = algorithm.curve().is_none() && algorithm != Algorithm::Ed25519;
    if is_rsa && bytes.len() < 256 {
        let length = bytes.len();
        return Err(odd(format!(
            "a signature of {length} bytes is not one of {algorithm}"
        )));
    }
    let signature =
        Signature::from_jws(algorithm, bytes).map_err(|error| odd(error.to_string()))?;
    Ok((version, signature))
}

/// An answer that is no signature of this key.
pub(crate) fn odd(why: String) -> Error {
    Error::new(
        ErrorKind::Backend,
        "Vault's answer is not a signature of this key",
    )
    .with_source(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pss_names_its_salt_and_pkcs1_none() {
        let pss = body(Algorithm::Ps384, b"x", 3);
        assert_eq!(
            (&pss["signature_algorithm"], &pss["salt_length"]),
            (&json!("pss"), &json!("hash"))
        );
        assert_eq!(
            (&pss["hash_algorithm"], &pss["key_version"]),
            (&json!("sha2-384"), &json!(3))
        );
        let pkcs1 = body(Algorithm::Rs256, b"x", 3);
        assert_eq!(pkcs1["signature_algorithm"], "pkcs1v15");
        assert!(pkcs1.get("salt_length").is_none());
    }

    #[test]
    fn ed25519_gets_the_message() {
        let body = body(Algorithm::Ed25519, b"x", 1);
        assert_eq!(body["input"], STANDARD.encode("x"));
        assert!(body.get("prehashed").is_none() && body.get("hash_algorithm").is_none());
    }

    #[test]
    fn an_answer_has_its_prefix_and_its_length() {
        let good = format!("vault:v12:{}", URL_SAFE_NO_PAD.encode([7; 64]));
        let (version, signature_of) =
            signature(Algorithm::Es256, &json!({ "signature": good })).unwrap();
        assert_eq!((version, signature_of.as_bytes().len()), (12, 64));
        let short = format!("vault:v1:{}", URL_SAFE_NO_PAD.encode([7; 63]));
        for wrong in [
            &short,
            "",
            "vault:v:AA",
            "vault:v1",
            "bao:v1:AA",
            "vault:v1:A=",
            "vault:v-1:AA",
        ] {
            let error = signature(Algorithm::Es256, &json!({ "signature": wrong })).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Backend, "{wrong}");
        }
        assert!(signature(Algorithm::Es256, &json!({ "signature": 7 })).is_err());
        // Of a P-521 key.
        let other = format!("vault:v1:{}", URL_SAFE_NO_PAD.encode([7; 132]));
        assert!(signature(Algorithm::Rs256, &json!({ "signature": other })).is_err());
    }
}
