//! The key, and its certificate.

use std::time::SystemTime;

use keybearer_core::{Bound, Certificate, Error, ErrorKind};
use keybearer_x509::CertificateInfo;

use super::report::{Report, Told};
use crate::{
    certificates::{Validity, validity},
    connection::KeyPlan,
    context::Context,
    failure::{Failure, Status},
    progress,
    text::rfc3339,
};

const KEY: &str = "key";
const CERTIFICATE: &str = "certificate";
const RENEW: &str =
    "make a new certificate (keybearer cert new), upload it to the app, then replace this one";

/// Opens the key and looks at its certificate; `None` where the key cannot be used.
pub(super) async fn check(
    plan: Option<&KeyPlan>,
    report: &mut Report,
    cx: &Context,
) -> Result<Option<Bound>, Failure> {
    let Some(plan) = plan else {
        report.skipped(KEY, "no key is given")?;
        report.skipped(CERTIFICATE, "there is no key")?;
        return Ok(None);
    };
    let opened = {
        let _shown = progress::show(report.out(), "opening the key");
        plan.open(cx).await
    };
    match opened {
        Ok(key) => {
            report.ok(KEY, described(&key).await)?;
            certificate(&key, report).await?;
            Ok(Some(key))
        }
        Err(failure) => {
            report.failed(KEY, &failure)?;
            report.skipped(CERTIFICATE, "the key cannot be used")?;
            Ok(None)
        }
    }
}

async fn described(key: &Bound) -> String {
    let signer = key.signer();
    let size = match signer.public_key().await {
        Ok(public) => public.key_type().to_string(),
        // A role that may sign but not read: the algorithm says enough.
        Err(_) => "a key".into(),
    };
    // The fingerprint would fill a line, and key show has it.
    let uri = signer.id().uri().clone().without_attribute("spki-sha256");
    format!("{size}, signs {}: {uri}", key.algorithm())
}

async fn certificate(key: &Bound, report: &mut Report) -> Told {
    let chain = match key.signer().certificate_chain().await {
        Ok(chain) => chain,
        Err(error) => return report.failed(CERTIFICATE, &error.into()),
    };
    let Some(leaf) = chain.first() else {
        return report.skipped(
            CERTIFICATE,
            "none is beside the key, so its expiry is not known here; certificate=PATH in the key URI names its file",
        );
    };
    match read(leaf, key).await {
        Ok(info) => judged(&info, report),
        Err(error) => report.failed(CERTIFICATE, &error.into()),
    }
}

/// # Errors
/// `key_mismatch` for the certificate of another key, `malformed`.
async fn read(leaf: &Certificate, key: &Bound) -> Result<CertificateInfo, Error> {
    let info = CertificateInfo::read(leaf)?;
    match key.signer().public_key().await {
        Ok(public) if Some(&public) != info.public_key.as_ref() => Err(Error::new(
            ErrorKind::KeyMismatch,
            format!("the certificate of {} is for another key", info.subject),
        )
        .with_hint("export the certificate of this key, or name its file with certificate=PATH")),
        _ => Ok(info),
    }
}

fn judged(info: &CertificateInfo, report: &mut Report) -> Told {
    let subject = &info.subject;
    let failed = |what: String, cure: &str| {
        Failure::new(ErrorKind::Unsupported.as_str(), what, Status::FAILED).with_hint(cure)
    };
    match validity(info, SystemTime::now()) {
        Validity::Expired => {
            let what = format!("{subject} expired on {}", rfc3339(info.not_after));
            report.failed(CERTIFICATE, &failed(what, RENEW))
        }
        Validity::NotYet => {
            let what = format!("{subject} is not valid before {}", rfc3339(info.not_before));
            report.failed(CERTIFICATE, &failed(what, super::clock::CURE))
        }
        Validity::Ending { days } => {
            let detail = format!(
                "{subject} expires on {}, in {days} days",
                rfc3339(info.not_after)
            );
            report.warning(CERTIFICATE, detail, RENEW)
        }
        Validity::Valid { days } => report.ok(
            CERTIFICATE,
            format!("{subject}, until {} ({days} days)", rfc3339(info.not_after)),
        ),
    }
}
