//! Self-signed certificates (RFC 5280).

use std::time::{Duration, SystemTime};

use der::{
    Decode, Encode, Sequence,
    asn1::{Any, BitString, UintRef},
};
use keybearer_core::{Bound, Certificate, Error, ErrorKind, PublicKey, Result};
use x509_cert::{
    ext::pkix::name::GeneralName,
    name::Name,
    time::{Time, Validity},
};

use crate::{
    extensions::{Extension, extensions, server_name},
    failed,
    identifier::Identifier,
    name,
};

/// A self-signed certificate to be issued: for the upload to an app, for a Java key store, which holds no key without
/// one, or for a TLS server.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    subject: Name,
    days: u32,
    servers: Vec<GeneralName>,
}

/// A clock that is a little behind takes the certificate at once.
const BACKDATED: Duration = Duration::from_secs(300);

impl SelfSigned {
    /// For a subject in the notation of RFC 4514 (`CN=login,O=Acme`) or of `openssl req -subj` (`/O=Acme/CN=login`). It is
    /// valid for a year unless told.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the subject is no name; the hint tells how it would be one.
    pub fn new(subject: &str) -> Result<Self> {
        Ok(Self {
            subject: name::subject(subject)?,
            days: 365,
            servers: Vec::new(),
        })
    }

    /// How many days from now it is valid; it begins five minutes ago, for clocks that are behind.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// Makes it a server's certificate for TLS: with these names as `subjectAltName`, each a DNS name (`localhost`,
    /// `*.example.com`) or an IP address, and `digitalSignature` and `serverAuth` as its uses.
    ///
    /// ```
    /// # fn main() -> keybearer_core::Result<()> {
    /// let server = keybearer_x509::SelfSigned::new("CN=local org")?
    ///     .subject_alt_names(["localhost", "127.0.0.1", "::1"])?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for what is neither a DNS name nor an address.
    pub fn subject_alt_names<T: AsRef<str>>(
        mut self,
        names: impl IntoIterator<Item = T>,
    ) -> Result<Self> {
        self.servers = names
            .into_iter()
            .map(|name| server_name(name.as_ref()))
            .collect::<Result<_>>()?;
        Ok(self)
    }

    /// Has the key sign it, with the algorithm that it is bound to. Salesforce takes certificates that are signed with
    /// RS256.
    ///
    /// # Errors
    /// What the key says; [`ErrorKind::Unsupported`] for no days at all and for dates after the year 9999.
    pub async fn issue(&self, key: &Bound) -> Result<Certificate> {
        let algorithm = Identifier::new(key.algorithm())?;
        let tbs = self.outline(&algorithm, &key.signer().public_key().await?)?;
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

    fn outline(&self, algorithm: &Identifier, key: &PublicKey) -> Result<Tbs> {
        Ok(Tbs {
            version: 2,
            serial: serial()?,
            algorithm: algorithm.clone(),
            issuer: self.subject.clone(),
            validity: self.validity(SystemTime::now())?,
            subject: self.subject.clone(),
            spki: Any::from_der(key.spki_der()).map_err(failed)?,
            extensions: extensions(key, &self.servers)?,
        })
    }

    fn validity(&self, now: SystemTime) -> Result<Validity> {
        let refused = |hint: &str| {
            let message = format!("a certificate cannot be valid for {} days", self.days);
            Error::new(ErrorKind::Unsupported, message).with_hint(hint)
        };
        if self.days == 0 {
            return Err(refused("give it a day at least"));
        }
        let until = now.checked_add(Duration::from_secs(u64::from(self.days) * 86_400));
        let until = until.and_then(|until| Time::try_from(until).ok());
        let until = until.ok_or_else(|| refused("it must end before the year 10000"))?;
        Ok(Validity::new(
            Time::try_from(now - BACKDATED).map_err(failed)?,
            until,
        ))
    }
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

/// 16 random bytes, positive (RFC 5280 section 4.1.2.2).
fn serial() -> Result<Any> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(failed)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    let serial = UintRef::new(&bytes).map_err(failed)?;
    Any::encode_from(&serial).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_bounded() {
        let now = SystemTime::now();
        let lasting = |days| SelfSigned::new("CN=a").unwrap().days(days).validity(now);
        let year = lasting(365).unwrap();
        let length = year.not_after.to_unix_duration() - year.not_before.to_unix_duration();
        assert_eq!(length.as_secs(), 365 * 86_400 + 300);
        assert!(matches!(year.not_after, Time::UtcTime(_)));
        // RFC 5280 section 4.1.2.5: from the year 2050 on the other form.
        let century = lasting(36_500).unwrap();
        assert!(matches!(century.not_after, Time::GeneralTime(_)));
        for days in [0, 3_650_000, u32::MAX] {
            assert_eq!(
                lasting(days).unwrap_err().kind(),
                ErrorKind::Unsupported,
                "{days}"
            );
        }
    }

    #[test]
    fn serials_are_positive_and_16_bytes_long() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..100 {
            let serial = serial().unwrap();
            assert_eq!(serial.value().len(), 16);
            assert!(serial.value()[0] & 0x80 == 0 && serial.value()[0] != 0);
            assert!(seen.insert(serial.value().to_vec()));
        }
    }
}
