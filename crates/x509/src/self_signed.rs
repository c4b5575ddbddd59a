//! Self-signed certificates (RFC 5280).

use std::{
    str::FromStr,
    time::{Duration, SystemTime},
};

use der::{
    Decode, Encode, Sequence,
    asn1::{Any, BitString, ObjectIdentifier, OctetString, UintRef},
};
use keybearer_core::{Algorithm, Bound, Certificate, Error, ErrorKind, Result};
use x509_cert::{
    name::Name,
    time::{Time, Validity},
};

/// A self-signed certificate to be issued: for the upload to an app, or for a Java key store, which holds no key without
/// one.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    subject: Name,
    days: u32,
}

/// `basicConstraints` (RFC 5280 section 4.2.1.9), critical, of an end entity.
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
/// A clock that is a little behind takes the certificate at once.
const BACKDATED: Duration = Duration::from_secs(300);

impl SelfSigned {
    /// For a subject in the notation of RFC 4514: `CN=login,O=Acme`. It is valid for a year unless told.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the subject is no name.
    pub fn new(subject: &str) -> Result<Self> {
        let name = Name::from_str(subject).map_err(|error| error.to_string());
        let name = name.and_then(|name| {
            if name.is_empty() {
                Err("it is empty".into())
            } else {
                Ok(name)
            }
        });
        let subject = name.map_err(|why| {
            Error::new(
                ErrorKind::Unsupported,
                format!("the subject \"{}\" is not a name", subject.escape_debug()),
            )
            .with_source(why)
            .with_hint("a subject is written CN=name,O=organization,C=US")
        })?;
        Ok(Self { subject, days: 365 })
    }

    /// How many days it is valid.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// Has the key sign it.
    ///
    /// # Errors
    /// What the key says; [`ErrorKind::Unsupported`] for RSASSA-PSS, which Salesforce does not take, and for dates after
    /// the year 9999.
    pub async fn issue(&self, key: &Bound) -> Result<Certificate> {
        let algorithm = identifier(key.algorithm())?;
        let public_key = key.signer().public_key().await?;
        let spki = Any::from_der(public_key.spki_der()).map_err(failed)?;
        let tbs = self.outline(&algorithm, spki)?;
        let signature = key.sign(&tbs.to_der().map_err(failed)?).await?.to_der()?;
        let signature = BitString::from_bytes(&signature).map_err(failed)?;
        let whole = Outer {
            tbs,
            algorithm,
            signature,
        }
        .to_der()
        .map_err(failed)?;
        Certificate::from_der(whole)
    }

    fn outline(&self, algorithm: &Identifier, spki: Any) -> Result<Tbs> {
        let from = SystemTime::now() - BACKDATED;
        let until = from + Duration::from_secs(u64::from(self.days) * 86_400);
        let time = |at: SystemTime| Time::try_from(at).map_err(failed);
        let constraints = Extension {
            id: BASIC_CONSTRAINTS,
            critical: true,
            // An empty sequence: cA is FALSE by default.
            value: OctetString::new([0x30, 0x00]).map_err(failed)?,
        };
        Ok(Tbs {
            version: 2,
            serial: serial()?,
            algorithm: algorithm.clone(),
            issuer: self.subject.clone(),
            validity: Validity::new(time(from)?, time(until)?),
            subject: self.subject.clone(),
            spki,
            extensions: vec![constraints],
        })
    }
}

#[derive(Clone, Sequence)]
struct Identifier {
    oid: ObjectIdentifier,
    parameters: Option<Any>,
}

#[derive(Sequence)]
struct Extension {
    id: ObjectIdentifier,
    critical: bool,
    value: OctetString,
}

#[derive(Sequence)]
struct Tbs {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial: Any,
    algorithm: Identifier,
    issuer: Name,
    validity: Validity,
    subject: Name,
    spki: Any,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct Outer {
    tbs: Tbs,
    algorithm: Identifier,
    signature: BitString,
}

/// RFC 4055 section 5, RFC 5758 section 3.2, RFC 8410 section 3.
fn identifier(algorithm: Algorithm) -> Result<Identifier> {
    let (oid, null) = match algorithm {
        Algorithm::Rs256 => ("1.2.840.113549.1.1.11", true),
        Algorithm::Rs384 => ("1.2.840.113549.1.1.12", true),
        Algorithm::Rs512 => ("1.2.840.113549.1.1.13", true),
        Algorithm::Es256 => ("1.2.840.10045.4.3.2", false),
        Algorithm::Es384 => ("1.2.840.10045.4.3.3", false),
        Algorithm::Es512 => ("1.2.840.10045.4.3.4", false),
        Algorithm::Ed25519 => ("1.3.101.112", false),
        other => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("certificates are not signed with {other} here"),
            )
            .with_hint("name another algorithm of the key: RS256, ES256, Ed25519"));
        }
    };
    let oid = ObjectIdentifier::new(oid).map_err(failed)?;
    Ok(Identifier {
        oid,
        parameters: null.then(Any::null),
    })
}

/// 16 random bytes, positive (RFC 5280 section 4.1.2.2).
fn serial() -> Result<Any> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(failed)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    let serial = UintRef::new(&bytes).map_err(failed)?;
    Any::encode_from(&serial).map_err(failed)
}

fn failed(why: impl ToString) -> Error {
    Error::new(ErrorKind::Backend, "the certificate cannot be made").with_source(why.to_string())
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
        sync::Arc,
    };

    use keybearer_core::KeyType;
    use keybearer_soft::{PrivateKey, SoftSigner};

    use super::*;

    /// openssl is the judge; it is among what the tests need.
    fn openssl(arguments: &[&str], input: &str) -> String {
        let mut child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    }

    #[tokio::test]
    async fn openssl_reads_and_verifies_it() {
        for (key_type, algorithm) in [
            (KeyType::Ec(keybearer_core::EcCurve::P256), Algorithm::Es256),
            (KeyType::Ed25519, Algorithm::Ed25519),
        ] {
            let key = PrivateKey::generate(key_type).unwrap();
            let signer = SoftSigner::new(&"pem:/k.pem".parse().unwrap(), &key, &[]).unwrap();
            let bound = Bound::new(Arc::new(signer), algorithm).unwrap();
            let certificate = SelfSigned::new("CN=login,O=Acme")
                .unwrap()
                .days(30)
                .issue(&bound)
                .await
                .unwrap();
            assert_eq!(certificate.public_key().unwrap(), *key.public_key());
            let said = openssl(
                &["x509", "-noout", "-subject", "-fingerprint", "-sha256"],
                &certificate.to_pem(),
            );
            let print = said.to_lowercase().replace(':', "");
            assert!(
                print.contains("cn = login") && print.contains(&crate::sha256(&certificate)),
                "{said}"
            );
            let file = std::env::temp_dir().join(format!(
                "keybearer-x509-{}-{algorithm}.pem",
                std::process::id()
            ));
            std::fs::write(&file, certificate.to_pem()).unwrap();
            let path = file.to_str().unwrap();
            let verdict = openssl(&["verify", "-check_ss_sig", "-CAfile", path, path], "");
            std::fs::remove_file(&file).unwrap();
            assert!(verdict.contains("OK"), "{verdict}");
        }
    }

    #[test]
    fn a_subject_that_is_no_name_is_refused() {
        for subject in ["", "login", "CN", "XX=a"] {
            assert_eq!(
                SelfSigned::new(subject).unwrap_err().kind(),
                ErrorKind::Unsupported,
                "{subject}"
            );
        }
    }
}
