//! KMS's errors in our kinds, by their codes and never by their texts.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use keybearer_core::{Error, ErrorKind};

/// Where the SDK's default chain looks, in its order.
const SOURCES: &str = "the environment (AWS_ACCESS_KEY_ID), the shared config and credentials files (AWS_PROFILE), web identity \
    (AWS_WEB_IDENTITY_TOKEN_FILE), the ECS or EKS container's address, the EC2 instance's metadata";

/// What was asked of KMS: the permission that it takes, and the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) permission: &'a str,
    pub(crate) key: &'a str,
}

impl Call<'_> {
    pub(crate) fn failed<E>(self, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        match error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                self.refused(context.err(), status)
                    .with_source(told(error, context.err()))
            }
            SdkError::TimeoutError(_) => {
                let what = format!("AWS KMS did not answer {} in time", self.permission);
                Error::new(ErrorKind::Unavailable, what).with_source(chain(error))
            }
            SdkError::ResponseError(context) => {
                let status = context.raw().status().as_u16();
                let what = format!(
                    "what answered {} (status {status}) is not AWS KMS",
                    self.permission
                );
                Error::new(ErrorKind::Unavailable, what)
                    .with_hint("a proxy may stand between: see HTTPS_PROXY, --proxy and endpoint=")
                    .with_source(chain(error))
            }
            _ if has_no_credentials(error) => {
                let what = "no AWS credentials were found, or they could not be had";
                Error::new(ErrorKind::Unauthenticated, what)
                    .with_hint(format!("tried: {SOURCES}"))
                    .with_source(chain(error))
            }
            _ => Error::new(ErrorKind::Unavailable, "AWS KMS cannot be reached")
                .with_hint("see the network, the proxy, the region and endpoint=")
                .with_source(chain(error)),
        }
    }

    fn refused(self, error: &dyn ProvideErrorMetadata, status: u16) -> Error {
        let Self { permission, key } = self;
        let new = |kind, what: String| Error::new(kind, what);
        let code = error.code().unwrap_or_default();
        match code {
            "NotFoundException" => new(ErrorKind::NotFound, format!("AWS KMS has no key {key} here")).with_hint(
                "see the account and the region; an alias is written alias/NAME, and its case counts",
            ),
            "DisabledException" => new(ErrorKind::Unsupported, format!("the key {key} is disabled"))
                .with_hint("enable it: aws kms enable-key --key-id KEY"),
            "KMSInvalidStateException" => {
                new(ErrorKind::Unsupported, format!("the key {key} is in a state in which it does not sign"))
                    .with_hint("see KeyState of aws kms describe-key: a deletion may be pending (aws kms cancel-key-deletion)")
            }
            "AccessDeniedException" | "AccessDenied" => {
                new(ErrorKind::PermissionDenied, format!("{permission} is not allowed on the key {key}")).with_hint(format!(
                    "allow {permission} in the key's policy, or in a policy of the role that calls (aws sts get-caller-identity)"
                ))
            }
            "InvalidKeyUsageException" | "UnsupportedOperationException" => {
                new(ErrorKind::UnsupportedAlgorithm, format!("the key {key} is not made for this"))
                    .with_hint("see KeyUsage (SIGN_VERIFY) and KeySpec of aws kms describe-key")
            }
            "InvalidArnException" | "InvalidAliasNameException" => {
                new(ErrorKind::InvalidUri, format!("AWS KMS takes {key} for no name of a key"))
            }
            "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestExpired" => {
                new(ErrorKind::Unauthenticated, "AWS does not accept the signature of the request".into())
                    .with_hint("see the secret access key, and the clock of this machine")
            }
            "UnrecognizedClientException" | "InvalidClientTokenId" | "MissingAuthenticationTokenException"
            | "IncompleteSignature" | "NotAuthorized" | "OptInRequired" => {
                new(ErrorKind::Unauthenticated, "AWS does not know the caller".into())
                    .with_hint("see the access key, and the session token where there is one: aws sts get-caller-identity")
            }
            "ExpiredTokenException" | "ExpiredToken" => {
                new(ErrorKind::Unauthenticated, "the AWS session has expired".into()).with_hint("log in again")
            }
            "ThrottlingException" | "Throttling" | "RequestLimitExceeded" | "LimitExceededException"
            | "TooManyRequestsException" => {
                new(ErrorKind::Throttled, format!("AWS KMS asks for slower requests ({permission})"))
                    .with_hint("the quota is the account's, of all its callers: keep tokens, or ask AWS for more")
            }
            "KeyUnavailableException" | "DependencyTimeoutException" | "KMSInternalException"
            | "ServiceUnavailableException" | "InternalFailure" | "ServiceUnavailable" => {
                new(ErrorKind::Unavailable, format!("AWS KMS cannot answer {permission} now"))
            }
            _ if status >= 500 => new(ErrorKind::Unavailable, format!("AWS KMS failed with status {status}")),
            _ => new(ErrorKind::Backend, format!("AWS KMS refused {permission} with status {status}")),
        }
    }
}

/// The code, KMS's own words and the request's id, which AWS's support asks for.
fn told<E>(error: &SdkError<E>, service: &dyn ProvideErrorMetadata) -> String {
    let code = service.code().unwrap_or("no code");
    let message = service.message().map(|it| format!(": {it}"));
    let id = error.request_id().map(|id| format!(" (request {id})"));
    format!(
        "{code}{}{}",
        message.unwrap_or_default(),
        id.unwrap_or_default()
    )
}

/// All causes as text: the SDK's own `Debug` may hold headers and bodies.
fn chain(error: &(dyn StdError + 'static)) -> String {
    causes(error)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn has_no_credentials(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.is::<CredentialsError>())
}

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
