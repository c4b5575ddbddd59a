//! KMS's errors in our kinds, by their codes and never by their texts.

use std::{error::Error as StdError, io, iter, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use keybearer_core::{Error, ErrorKind};

/// What was asked of KMS: the permission that it takes, the key, and where credentials were looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) permission: &'a str,
    pub(crate) key: &'a str,
    pub(crate) sources: &'a str,
}

impl Call<'_> {
    pub(crate) fn failed<E>(self, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let permission = self.permission;
        match error {
            // KMS has a code for everything.
            SdkError::ServiceError(context) if context.err().code().is_none() => {
                self.not_kms(context.raw(), error)
            }
            SdkError::ResponseError(context) => self.not_kms(context.raw(), error),
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                let refused = self.refused(context.err(), status);
                let refused = refused.with_source(told(error, context.err()));
                let wait = retry_after(context.raw()).filter(|_| refused.is_transient());
                refused.with_retry_after(wait)
            }
            SdkError::TimeoutError(_) => {
                let what = format!("AWS KMS did not answer {permission} in time");
                Error::new(ErrorKind::Unavailable, what)
                    .with_hint("see the network, the proxy and the region, or allow more time by --timeout")
                    .with_source(chain(error))
            }
            _ => self.unsent(error),
        }
    }

    fn not_kms(self, answer: &HttpResponse, error: &(dyn StdError + 'static)) -> Error {
        let (permission, status) = (self.permission, answer.status().as_u16());
        let what = format!("what answered {permission} (status {status}) is not AWS KMS");
        Error::new(ErrorKind::Unavailable, what)
            .with_hint("a proxy may stand between: see HTTPS_PROXY, --proxy and endpoint=")
            .with_source(chain(error))
    }

    /// What kept the request from being sent at all.
    fn unsent(self, error: &(dyn StdError + 'static)) -> Error {
        let credentials = causes(error).find(|cause| cause.is::<CredentialsError>());
        let none_found = |cause: &(dyn StdError + 'static)| {
            matches!(
                cause.downcast_ref(),
                Some(CredentialsError::CredentialsNotLoaded(_))
            )
        };
        let new = match credentials {
            Some(cause) if none_found(cause) => {
                Error::new(ErrorKind::Unauthenticated, "no AWS credentials were found")
                    .with_hint(format!("looked for in: {}", self.sources))
            }
            Some(_) => Error::new(ErrorKind::Unauthenticated, "the AWS credentials could not be had")
                .with_hint(format!("asked until one failed: {}", self.sources)),
            None if causes(error).any(|cause| cause.is::<rustls::Error>()) => {
                Error::new(ErrorKind::Backend, "no TLS connection to AWS KMS could be made")
                    .with_hint("name the CA by --ca-certificate, if it is your company's or that of a proxy that opens TLS")
            }
            None => Error::new(ErrorKind::Unavailable, "AWS KMS cannot be reached")
                .with_hint("see the network, the proxy, the region and endpoint="),
        };
        new.with_source(chain(credentials.unwrap_or(error)))
    }

    fn refused(self, error: &dyn ProvideErrorMetadata, status: u16) -> Error {
        let Self {
            permission, key, ..
        } = self;
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
            "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestExpired" | "RequestTimeTooSkewed" => {
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
            | "TooManyRequestsException" | "RequestThrottled" | "SlowDown" => {
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
    let code = service.code().unwrap_or_default();
    let message = service.message().map(|it| format!(": {it}"));
    let id = error.request_id().map(|id| format!(" (request {id})"));
    format!(
        "{code}{}{}",
        message.unwrap_or_default(),
        id.unwrap_or_default()
    )
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3), and AWS's own header in milliseconds.
fn retry_after(answer: &HttpResponse) -> Option<Duration> {
    let number = |name: &str| answer.headers().get(name)?.trim().parse().ok();
    let milliseconds = number("x-amz-retry-after").map(Duration::from_millis);
    milliseconds.or_else(|| number("retry-after").map(Duration::from_secs))
}

/// All causes as one line: the SDK's own `Debug` may hold headers and bodies, and some of its errors are lists.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut all: Vec<String> = Vec::new();
    for cause in causes(error) {
        let cause = cause.to_string();
        let cause = cause.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        // Some repeat the next one.
        if all.last() != Some(&cause) {
            all.push(cause);
        }
    }
    all.join(": ")
}

/// An error and its causes. An `io::Error` tells its inner error's cause as its own, and so would skip the inner error.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |cause| {
        let cause: &'a (dyn StdError + 'static) = *cause;
        match cause.downcast_ref::<io::Error>().map(io::Error::get_ref) {
            Some(Some(inner)) => Some(inner as _),
            _ => cause.source(),
        }
    })
}
