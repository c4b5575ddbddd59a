//! Certificates of every algorithm, judged by openssl.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    path::Path,
    process::{Command, ExitCode},
    sync::Arc,
};

use keybearer_conformance::{Failed, Trial, program, require, run};
use keybearer_core::{
    Algorithm, Bound, Certificate, KeyId, KeyType, PublicKey, Result, Signature, Signer,
    async_trait,
};
use keybearer_soft::{PrivateKey, SoftSigner};
use keybearer_x509::{CertificateInfo, SelfSigned};

fn main() -> ExitCode {
    let openssl = require("openssl", || program("openssl", &["version"]));
    run(openssl.trials("certificates judged by openssl", |_| {
        let mut all: Vec<_> = Algorithm::ALL.into_iter().map(verifies).collect();
        all.push(Trial::test("over a key that only signs", remote));
        all.push(Trial::test("for a server", server));
        all.push(Trial::test("the subject is what was written", subject));
        all
    }))
}

fn verifies(algorithm: Algorithm) -> Trial {
    Trial::test(format!("signed with {algorithm}"), move || {
        let builder = SelfSigned::new("CN=login, O=Acme")?.days(30);
        let (key, certificate) = issue(algorithm, &builder)?;
        if certificate.public_key()? != key {
            return Err("it is for another key".into());
        }
        let said = judged(&certificate, "")?;
        for part in [
            "X509v3 Basic Constraints: critical\n                CA:FALSE",
            "X509v3 Subject Key Identifier",
            "X509v3 Authority Key Identifier",
            "Version: 3 (0x2)",
            "Subject: O = Acme, CN = login",
            "Issuer: O = Acme, CN = login",
        ] {
            contains(&said, part)?;
        }
        let named = match algorithm {
            Algorithm::Ps256 => {
                "Hash Algorithm: sha256\n        Mask Algorithm: mgf1 with sha256\n         Salt Length: 0x20"
            }
            Algorithm::Ps384 => {
                "Hash Algorithm: sha384\n        Mask Algorithm: mgf1 with sha384\n         Salt Length: 0x30"
            }
            Algorithm::Ps512 => {
                "Hash Algorithm: sha512\n        Mask Algorithm: mgf1 with sha512\n         Salt Length: 0x40"
            }
            Algorithm::Rs256 => "sha256WithRSAEncryption",
            Algorithm::Rs384 => "sha384WithRSAEncryption",
            Algorithm::Rs512 => "sha512WithRSAEncryption",
            Algorithm::Es256 => "ecdsa-with-SHA256",
            Algorithm::Es384 => "ecdsa-with-SHA384",
            Algorithm::Es512 => "ecdsa-with-SHA512",
            _ => "ED25519",
        };
        contains(&said, named)
    })
}

/// The key is nowhere to be seen: a signature, the public half, and nothing else.
fn remote() -> std::result::Result<(), Failed> {
    #[derive(Debug)]
    struct Remote(SoftSigner);

    #[async_trait]
    impl Signer for Remote {
        fn id(&self) -> &KeyId {
            self.0.id()
        }
        fn algorithms(&self) -> &[Algorithm] {
            &[Algorithm::Ps384]
        }
        async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
            tokio::task::yield_now().await;
            self.0.sign(algorithm, message).await
        }
        async fn public_key(&self) -> Result<PublicKey> {
            self.0.public_key().await
        }
    }

    let key = PrivateKey::generate(KeyType::Rsa { bits: 2048 })?;
    let signer = Remote(SoftSigner::new(&"pem:/k".parse()?, &key, &[])?);
    let bound = Bound::new(Arc::new(signer), Algorithm::Ps384)?;
    let certificate = runtime().block_on(SelfSigned::new("CN=hsm")?.issue(&bound))?;
    judged(&certificate, "").map(drop)
}

fn server() -> std::result::Result<(), Failed> {
    let builder = SelfSigned::new("CN=local org")?.subject_alt_names([
        "localhost",
        "*.example.com",
        "127.0.0.1",
        "::1",
    ])?;
    let (_, certificate) = issue(Algorithm::Es256, &builder)?;
    for how in [
        "-purpose sslserver -verify_hostname localhost",
        "-purpose sslserver -verify_hostname a.example.com -x509_strict",
        "-purpose sslserver -verify_ip 127.0.0.1",
        "-purpose sslserver -verify_ip ::1",
    ] {
        judged(&certificate, how)?;
    }
    let other = judged(&certificate, "-verify_hostname example.org");
    if other.is_ok() {
        return Err("it is for every host".into());
    }
    let said = judged(&certificate, "")?;
    contains(
        &said,
        "X509v3 Key Usage: critical\n                Digital Signature\n",
    )?;
    contains(&said, "TLS Web Server Authentication")
}

fn subject() -> std::result::Result<(), Failed> {
    let builder = SelfSigned::new(r#"CN=Müller 鍵 🔑+UID=7, O="Acme, Inc.", ST=CA, C=US"#)?;
    let (_, certificate) = issue(Algorithm::Ed25519, &builder)?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), certificate.to_pem())?;
    let said = openssl(
        "x509 -noout -subject -nameopt RFC2253,-esc_msb,utf8 -in",
        file.path(),
    )?;
    // RFC 4514 lets the values of one part stand in any order; DER sorts them.
    contains(
        &said,
        r"subject=CN=Müller 鍵 🔑+UID=7,O=Acme\, Inc.,ST=CA,C=US",
    )
    .or_else(|_| {
        contains(
            &said,
            r"subject=UID=7+CN=Müller 鍵 🔑,O=Acme\, Inc.,ST=CA,C=US",
        )
    })?;
    let info = CertificateInfo::read(&certificate)?;
    contains(&info.subject, r",O=Acme\, Inc.,ST=CA,C=US")
}

fn issue(
    algorithm: Algorithm,
    builder: &SelfSigned,
) -> std::result::Result<(PublicKey, Certificate), Failed> {
    let key_type = match algorithm.curve() {
        Some(curve) => KeyType::Ec(curve),
        None if algorithm.is_rsa() => KeyType::Rsa { bits: 2048 },
        None => KeyType::Ed25519,
    };
    let key = PrivateKey::generate(key_type)?;
    let signer = SoftSigner::new(&"pem:/k".parse()?, &key, &[])?;
    let bound = Bound::new(Arc::new(signer), algorithm)?;
    let certificate = runtime().block_on(builder.issue(&bound))?;
    Ok((key.public_key().clone(), certificate))
}

/// What openssl prints of a certificate that it has verified, its own signature included.
fn judged(certificate: &Certificate, how: &str) -> std::result::Result<String, Failed> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), certificate.to_pem())?;
    let path = file.path().to_str().unwrap();
    let verify = format!("verify -check_ss_sig {how} -CAfile {path}");
    let verdict = openssl(verify.replace("  ", " ").as_str(), file.path())?;
    contains(&verdict, ": OK")?;
    openssl("x509 -noout -text -in", file.path())
}

fn openssl(arguments: &str, file: &Path) -> std::result::Result<String, Failed> {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .arg(file)
        .output()?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        Err(said.into())
    }
}

fn contains(said: &str, part: &str) -> std::result::Result<(), Failed> {
    if said.contains(part) {
        Ok(())
    } else {
        Err(format!("\"{part}\" is not in:\n{said}").into())
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}
