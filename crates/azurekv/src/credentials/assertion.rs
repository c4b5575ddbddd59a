//! A client assertion (RFC 7523 section 2.2), as Microsoft Entra documents it for certificates.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keybearer_core::{Algorithm, Certificate, Error, ErrorKind, KeySource, Result, Secret};
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Seconds; Entra takes ten minutes.
const LIFETIME: u64 = 300;

/// An assertion for one token request to `audience`. With its chain, an application is known by the certificate's subject
/// and issuer too.
pub(super) async fn sign(
    key: &dyn KeySource,
    client_id: &str,
    audience: &str,
    sends_chain: bool,
) -> Result<Secret> {
    let key = key.current().await?;
    let chain = key.signer().certificate_chain().await?;
    let certificate = chain.first().ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            "the client key has no certificate, by which Microsoft Entra knows it",
        )
        .with_key(key.signer().id())
        .with_hint("put the certificate into the file, or name it by certificate=PATH")
    })?;
    let (name, thumbprint) = thumbprint(key.algorithm(), certificate)?;
    let mut header = json!({"alg": key.algorithm().jws_name(), "typ": "JWT"});
    header[name] = thumbprint.into();
    if sends_chain {
        // RFC 7515 section 4.1.6: base64, and not base64url.
        let chain = chain.iter().map(|it| STANDARD.encode(it.as_der()));
        header["x5c"] = chain.collect::<Vec<_>>().into();
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let claims = json!({
        "aud": audience,
        "iss": client_id,
        "sub": client_id,
        "jti": random_id()?,
        "nbf": now,
        "iat": now,
        "exp": now + LIFETIME,
    });
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = [header, claims]
        .map(|part| encode(part.to_string().as_bytes()))
        .join(".");
    let signature = key.sign(signed.as_bytes()).await?;
    Ok(Secret::new(format!(
        "{signed}.{}",
        encode(signature.as_bytes())
    )))
}

/// The header that names the certificate: `x5t` (SHA-1) is what Entra takes with RS256, `x5t#S256` with PS256.
fn thumbprint(algorithm: Algorithm, certificate: &Certificate) -> Result<(&'static str, String)> {
    let der = certificate.as_der();
    match algorithm {
        Algorithm::Rs256 => Ok(("x5t", URL_SAFE_NO_PAD.encode(Sha1::digest(der)))),
        Algorithm::Ps256 => Ok(("x5t#S256", URL_SAFE_NO_PAD.encode(Sha256::digest(der)))),
        _ => Err(Error::new(
            ErrorKind::UnsupportedAlgorithm,
            format!("Microsoft Entra takes no client assertion with {algorithm}"),
        )
        .with_hint("use an RSA key: RS256 or PS256")),
    }
}

fn random_id() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(
            ErrorKind::Backend,
            "the system has no random numbers for the jti",
        )
        .with_source(error.to_string())
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use keybearer_core::{Bound, KeyType, KeyUri};
    use keybearer_soft::{PrivateKey, SoftSigner};
    use keybearer_x509::SelfSigned;

    use super::*;

    fn soft() -> SoftSigner {
        let key = PrivateKey::generate(KeyType::Rsa { bits: 2048 }).unwrap();
        SoftSigner::new(&KeyUri::literal("pem", "x"), &key, &[]).unwrap()
    }

    #[tokio::test]
    async fn thumbprints_are_those_of_openssl() {
        let bound = Bound::new(std::sync::Arc::new(soft()), Algorithm::Rs256).unwrap();
        let certificate = SelfSigned::new("CN=app")
            .unwrap()
            .issue(&bound)
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app.pem");
        std::fs::write(&file, certificate.to_pem()).unwrap();
        let probe = || keybearer_conformance::program("openssl", &["version"]);
        let Some(_) = keybearer_conformance::require("openssl", probe).met() else {
            return;
        };
        for (algorithm, digest, expected) in [
            (Algorithm::Rs256, "-sha1", "x5t"),
            (Algorithm::Ps256, "-sha256", "x5t#S256"),
        ] {
            let told = Command::new("openssl")
                .args(["x509", "-noout", "-fingerprint", digest, "-in"])
                .arg(&file)
                .output()
                .unwrap();
            let told = String::from_utf8(told.stdout).unwrap();
            let hex = told
                .trim()
                .rsplit_once('=')
                .unwrap()
                .1
                .replace(':', "")
                .to_lowercase();
            let (name, ours) = thumbprint(algorithm, &certificate).unwrap();
            let ours: String = URL_SAFE_NO_PAD
                .decode(ours)
                .unwrap()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!((name, ours), (expected, hex));
        }
    }

    #[tokio::test]
    async fn a_key_without_a_certificate_is_told() {
        let bound = Bound::new(std::sync::Arc::new(soft()), Algorithm::Rs256).unwrap();
        let error = sign(&bound, "client", "https://login.example/t", false)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
