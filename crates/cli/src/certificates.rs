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
    if let Some(warning) = expiry(owner, certificate) {
        out.warning(&warning);
    }
}

/// A warning where a certificate is not valid now, or not for long. `owner` says whose it is.
pub(crate) fn expiry(owner: &str, certificate: &Certificate) -> Option<String> {
    let info = match CertificateInfo::read(certificate) {
        Ok(info) => info,
        Err(error) => {
            return Some(format!(
                "the certificate of {owner} cannot be read: {error}"
            ));
        }
    };
    let (from, to) = (rfc3339(info.not_before), rfc3339(info.not_after));
    let warning = match validity(&info, SystemTime::now()) {
        Validity::Valid { .. } => return None,
        Validity::Expired => format!("expired on {to}: no server has to accept it"),
        Validity::NotYet => format!("is not valid before {from}"),
        Validity::Ending { days } => format!("expires on {to}, in {days} days"),
    };
    Some(format!("the certificate of {owner} {warning}"))
}

/// Whether a certificate is valid, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    /// No server has to accept it any more.
    Expired,
    /// Its time has not begun.
    NotYet,
    /// It has less than a month left.
    Ending {
        /// Whole days.
        days: u64,
    },
    /// All is well.
    Valid {
        /// Whole days.
        days: u64,
    },
}

/// Whether a certificate is valid at a time.
pub(crate) fn validity(info: &CertificateInfo, now: SystemTime) -> Validity {
    between(info.not_before, info.not_after, now)
}

fn between(not_before: SystemTime, not_after: SystemTime, now: SystemTime) -> Validity {
    let Ok(left) = not_after.duration_since(now) else {
        return Validity::Expired;
    };
    let days = left.as_secs() / (24 * 60 * 60);
    if now < not_before {
        Validity::NotYet
    } else if left < NOTICE {
        Validity::Ending { days }
    } else {
        Validity::Valid { days }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn notice_is_given_in_time() {
        let day = |number: u64| UNIX_EPOCH + Duration::from_secs(24 * 60 * 60 * number);
        let (from, to) = (day(100), day(200));
        for (now, validity) in [
            (150, Validity::Valid { days: 50 }),
            (201, Validity::Expired),
            (99, Validity::NotYet),
            (190, Validity::Ending { days: 10 }),
        ] {
            assert_eq!(between(from, to, day(now)), validity, "{now}");
        }
    }
}
