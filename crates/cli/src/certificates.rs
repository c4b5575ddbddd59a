//! Certificates as commands tell of them.

use std::time::{Duration, SystemTime};

use keybearer_core::Certificate;
use keybearer_x509::CertificateInfo;
use serde::Serialize;

use crate::{output::Output, text::rfc3339};

/// What is told of one certificate.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) serial: String,
    pub(crate) not_before: String,
    pub(crate) not_after: String,
    pub(crate) sha256: String,
}

/// A month's notice: a new certificate has to be made, uploaded and rolled out.
const NOTICE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Told {
    /// # Errors
    /// `malformed` where the certificate's fields cannot be read.
    pub(crate) fn of(certificate: &Certificate) -> keybearer_core::Result<Self> {
        let info = CertificateInfo::read(certificate)?;
        Ok(Self {
            sha256: keybearer_x509::sha256(certificate),
            not_before: rfc3339(info.not_before),
            not_after: rfc3339(info.not_after),
            subject: info.subject,
            issuer: info.issuer,
            serial: info.serial,
        })
    }
}

/// Warns where a certificate is not valid now, or not for long. `owner` says whose it is.
pub(crate) fn warn_of_expiry(out: Output, owner: &str, certificate: &Certificate) {
    match CertificateInfo::read(certificate) {
        Ok(info) => {
            if let Some(warning) = expiry(info.not_before, info.not_after, SystemTime::now()) {
                out.warning(&format!("the certificate of {owner} {warning}"));
            }
        }
        Err(error) => out.warning(&format!(
            "the certificate of {owner} cannot be read: {error}"
        )),
    }
}

fn expiry(not_before: SystemTime, not_after: SystemTime, now: SystemTime) -> Option<String> {
    if now > not_after {
        return Some(format!(
            "expired on {}: no server has to accept it",
            rfc3339(not_after)
        ));
    }
    if now < not_before {
        return Some(format!("is not valid before {}", rfc3339(not_before)));
    }
    let left = not_after.duration_since(now).unwrap_or_default();
    (left < NOTICE).then(|| {
        format!(
            "expires on {}, in {} days",
            rfc3339(not_after),
            left.as_secs() / (24 * 60 * 60)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn notice_is_given_in_time() {
        let day = |number: u64| UNIX_EPOCH + Duration::from_secs(24 * 60 * 60 * number);
        let (from, to) = (day(100), day(200));
        assert_eq!(expiry(from, to, day(150)), None);
        assert!(
            expiry(from, to, day(201))
                .unwrap()
                .starts_with("expired on 1970-07-20")
        );
        assert!(
            expiry(from, to, day(99))
                .unwrap()
                .contains("not valid before")
        );
        assert!(expiry(from, to, day(190)).unwrap().ends_with("in 10 days"));
    }
}
