//! What a certificate says.

use std::time::SystemTime;

use der::{Decode, Header, Reader, SliceReader, Tagged, asn1::AnyRef};
use keybearer_core::{Certificate, Error, ErrorKind, PublicKey, Result};
use x509_cert::{name::Name, time::Validity};

/// What a certificate says. Read leniently: certificates in the wild have serials longer than RFC 5280 allows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CertificateInfo {
    /// The subject, in the notation of RFC 4514.
    pub subject: String,
    /// The issuer, in the notation of RFC 4514.
    pub issuer: String,
    /// The serial number, in lower-case hexadecimal.
    pub serial: String,
    /// From when it is valid.
    pub not_before: SystemTime,
    /// Until when it is valid.
    pub not_after: SystemTime,
    /// The public key that it is for; `None` where that is of a type that cannot sign tokens (DSA, X25519, other curves).
    pub public_key: Option<PublicKey>,
}

impl CertificateInfo {
    /// Reads a certificate.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] where a field cannot be read.
    pub fn read(certificate: &Certificate) -> Result<Self> {
        let (serial, validity) = fields(certificate.as_der()).map_err(malformed)?;
        let name = |der: &[u8]| {
            Name::from_der(der)
                .map(|name| name.to_string())
                .map_err(malformed)
        };
        let public_key = match certificate.public_key() {
            Ok(key) => Some(key),
            Err(error) if error.kind() == ErrorKind::Unsupported => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            subject: name(certificate.subject_der()?)?,
            issuer: name(certificate.issuer_der()?)?,
            serial,
            not_before: validity.not_before.to_system_time(),
            not_after: validity.not_after.to_system_time(),
            public_key,
        })
    }
}

fn fields(der: &[u8]) -> der::Result<(String, Validity)> {
    let whole = AnyRef::from_der(der)?;
    let tbs = AnyRef::decode(&mut SliceReader::new(whole.value())?)?;
    let mut fields = SliceReader::new(tbs.value())?;
    if Header::peek(&fields)?.tag().is_context_specific() {
        fields.tlv_bytes()?;
    }
    let serial = AnyRef::decode(&mut fields)?;
    serial.tag().assert_eq(der::Tag::Integer)?;
    let digits = serial
        .value()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    fields.tlv_bytes()?;
    fields.tlv_bytes()?;
    let validity = Validity::from_der(fields.tlv_bytes()?)?;
    Ok((digits, validity))
}

fn malformed(why: impl ToString) -> Error {
    Error::new(ErrorKind::Malformed, "the certificate cannot be read").with_source(why.to_string())
}
