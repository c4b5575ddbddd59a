//! What HTTP 403 means: a permission that is missing, or something before any permission.

use keybearer_core::{Error, ErrorKind};

use crate::{answer::Status, api::Ask, credentials::Credentials};

/// By the reason of `google.rpc.ErrorInfo` (<https://cloud.google.com/apis/docs/errors>); without one it is taken for IAM's.
pub(crate) fn denied(status: &Status, ask: &Ask<'_>, credentials: &Credentials) -> Error {
    let about = ask.about;
    let project = &about.project;
    let refused = |message: String, hint: String| {
        Error::new(ErrorKind::PermissionDenied, message).with_hint(hint)
    };
    match status.reason.as_deref() {
        Some("SERVICE_DISABLED") => refused(
            "the Cloud KMS API is not enabled in the project that pays for the request".into(),
            format!(
                "enable it: gcloud services enable cloudkms.googleapis.com --project {}",
                credentials.quota_project().unwrap_or(project)
            ),
        ),
        Some("BILLING_DISABLED") => refused(
            format!("billing is not enabled in the project of {about}"),
            format!("link a billing account: gcloud billing projects link {project} --billing-account ACCOUNT"),
        ),
        Some("USER_PROJECT_DENIED" | "CONSUMER_INVALID") => refused(
            format!("{credentials} may not use the quota of the project {}", credentials.quota_project().unwrap_or("of its own")),
            "grant it roles/serviceusage.serviceUsageConsumer there, or choose another: gcloud auth application-default set-quota-project PROJECT".into(),
        ),
        Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT") => refused(
            format!("the access token of {credentials} is not for Cloud KMS: it lacks a scope"),
            "give the machine the scope cloud-platform or cloudkms (gcloud compute instances set-service-account --scopes), or take other credentials".into(),
        ),
        Some("SECURITY_POLICY_VIOLATED" | "ORG_RESTRICTION_VIOLATION") => refused(
            format!("a policy of the organization keeps {credentials} from {about}: VPC Service Controls, or an organization restriction"),
            "the perimeter must let this caller and this network in: its administrator finds the refusal in the audit log".into(),
        ),
        _ => {
            // What IAM says is missing: it may be more than what was asked for here.
            let permission = status.permission.as_deref().unwrap_or(ask.permission);
            let key = about.key_name();
            refused(
                format!("{credentials} has no {permission} on {about}"),
                format!(
                    "grant {} on the key: gcloud kms keys add-iam-policy-binding {key} --role {} --member {}; Cloud KMS may answer the same where there is no such key",
                    permission,
                    role(permission),
                    credentials.member()
                ),
            )
        }
    }
}

/// The predefined role with the least in it.
fn role(permission: &str) -> &'static str {
    match permission {
        "cloudkms.cryptoKeyVersions.useToSign" => "roles/cloudkms.signer",
        "cloudkms.cryptoKeyVersions.viewPublicKey" => "roles/cloudkms.publicKeyViewer",
        _ => "roles/cloudkms.viewer",
    }
}
