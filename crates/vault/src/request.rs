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

/// The same with the encoding in which no two kinds of key answer alike: DER for ECDSA, 64 bytes for Ed25519, the modulus's
/// length for RSA. The server signs with each of them whatever `signature_algorithm` is asked for.
pub(crate) fn probe(algorithm: Algorithm, message: &[u8], version: u64) -> Value {
    let mut body = body(algorithm, message, version);
    body["marshaling_algorithm"] = "asn1".into();
    body
}

/// The answer to [`probe`]: the version that signed.
pub(crate) fn probed(algorithm: Algorithm, data: &Value) -> Result<u64> {
    let (version, encoded) = parts(data)?;
    let der = STANDARD.decode(encoded).ok();
    let fits = der.is_some_and(|der| {
        is_long_enough(algorithm, &der) && Signature::from_der(algorithm, &der).is_ok()
    });
    if fits {
        return Ok(version);
    }
    Err(Error::new(
        ErrorKind::UnsupportedAlgorithm,
        format!("the key is not of a kind that does {algorithm}"),
    )
    .with_hint("name in alg= what the key does: vault read MOUNT/keys/NAME tells its type to who may read it"))
}

/// `vault:vN:SIGNATURE`: the version that signed, and the signature. OpenBao's prefix is `vault:` too.
pub(crate) fn signature(algorithm: Algorithm, data: &Value) -> Result<(u64, Signature)> {
    let (version, encoded) = parts(data)?;
    // Ed25519 has one encoding, for which some servers keep the padded alphabet.
    let bytes = match algorithm {
        Algorithm::Ed25519 => URL_SAFE_NO_PAD
            .decode(encoded)
            .or_else(|_| STANDARD.decode(encoded)),
        _ => URL_SAFE_NO_PAD.decode(encoded),
    };
    let bytes = bytes.map_err(|error| odd(error.to_string()))?;
    if !is_long_enough(algorithm, &bytes) {
        let length = bytes.len();
        return Err(odd(format!(
            "a signature of {length} bytes is not one of {algorithm}"
        )));
    }
    let signature =
        Signature::from_jws(algorithm, bytes).map_err(|error| odd(error.to_string()))?;
    Ok((version, signature))
}

fn parts(data: &Value) -> Result<(u64, &str)> {
    let text = data["signature"].as_str().unwrap_or_default();
    let parts = text
        .strip_prefix("vault:v")
        .and_then(|rest| rest.split_once(':'))
        .and_then(|(version, encoded)| Some((version.parse().ok()?, encoded)));
    parts.ok_or_else(|| odd("it does not begin with vault:vN:".into()))
}

/// Transit has no RSA key under 2048 bits: what is shorter is of a key of another kind.
fn is_long_enough(algorithm: Algorithm, signature: &[u8]) -> bool {
    let is_rsa = algorithm.curve().is_none() && algorithm != Algorithm::Ed25519;
    !is_rsa || signature.len() >= 256
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
