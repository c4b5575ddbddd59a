//! What a module answers, in keybearer's words.

use std::{path::Path, time::Duration};

use cryptoki::{
    context::Function,
    error::{Error as Cryptoki, RvError},
};
use keybearer_core::{Error, ErrorKind};

/// An error of `kind` that names the call, its `CKR_` code and the module.
pub(crate) fn error(module: &Path, what: &str, fault: &Cryptoki) -> Error {
    let Cryptoki::Pkcs11(code, call) = fault else {
        return Error::new(ErrorKind::Backend, format!("{what} failed"))
            .with_source(format!("{}: {fault}", module.display()));
    };
    let (kind, hint) = meaning(*code);
    let error =
        Error::new(kind, format!("{what} failed with {}", name(*code))).with_source(format!(
            "{} of {} answered {}",
            call_name(*call),
            module.display(),
            name(*code)
        ));
    let error = match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    };
    if kind == ErrorKind::Throttled {
        error.with_retry_after(Duration::from_millis(200))
    } else {
        error
    }
}

/// The code, where the module gave one.
pub(crate) fn code(fault: &Cryptoki) -> Option<RvError> {
    match fault {
        Cryptoki::Pkcs11(code, _) => Some(*code),
        _ => None,
    }
}

/// Whether the session, the login or the handles are gone, so that a new session may do what this one could not.
pub(crate) fn is_stale(fault: &Cryptoki) -> bool {
    use RvError as R;
    matches!(
        code(fault),
        Some(
            R::SessionHandleInvalid
                | R::SessionClosed
                | R::KeyHandleInvalid
                | R::ObjectHandleInvalid
                | R::UserNotLoggedIn
                | R::DeviceRemoved
                | R::DeviceError
                | R::TokenNotPresent
                | R::SlotIdInvalid
                | R::OperationActive
        )
    )
}

/// The name in the standard: `CKR_PIN_INCORRECT`.
pub(crate) fn name(code: RvError) -> String {
    match code {
        RvError::VendorDefined(code) => format!("CKR_VENDOR_DEFINED 0x{code:08X}"),
        RvError::UnknownErrorCode(code) => format!("the unknown code 0x{code:08X}"),
        // cryptoki's names are the standard's in another case.
        known => {
            let words = format!("{known:?}");
            words.chars().fold("CKR".to_owned(), |mut name, letter| {
                if letter.is_ascii_uppercase() {
                    name.push('_');
                }
                name.push(letter.to_ascii_uppercase());
                name
            })
        }
    }
}

fn call_name(call: Function) -> String {
    format!("C_{call:?}")
}

fn meaning(code: RvError) -> (ErrorKind, Option<&'static str>) {
    use ErrorKind as E;
    use RvError as R;
    match code {
        R::PinIncorrect => (
            E::BadSecret,
            Some("check the PIN: it was tried once and is not tried again"),
        ),
        R::PinInvalid | R::PinLenRange => (
            E::BadSecret,
            Some("the token cannot have such a PIN: check it"),
        ),
        R::PinLocked => (
            E::PermissionDenied,
            Some("too many wrong PINs: the security officer of the token has to set a new one"),
        ),
        R::PinExpired | R::UserPinNotInitialized => (
            E::PermissionDenied,
            Some(
                "the token's user PIN has to be set first: pkcs11-tool --init-pin, or --change-pin",
            ),
        ),
        R::UserNotLoggedIn => (
            E::Unauthenticated,
            Some("give a PIN: pin-source=env:NAME, file:PATH, fd:N or prompt:"),
        ),
        R::UserAnotherAlreadyLoggedIn | R::UserTooManyTypes | R::SessionReadWriteSoExists => (
            E::PermissionDenied,
            Some("something else in this process is logged in to the token as another user"),
        ),
        R::KeyFunctionNotPermitted | R::ActionProhibited | R::FunctionRejected => (
            E::PermissionDenied,
            Some("the key may not do this: see its CKA_SIGN and CKA_ALLOWED_MECHANISMS"),
        ),
        R::TokenNotPresent
        | R::TokenNotRecognized
        | R::DeviceRemoved
        | R::DeviceError
        | R::SessionHandleInvalid
        | R::SessionClosed
        | R::SlotIdInvalid
        | R::CryptokiNotInitialized => (
            E::Unavailable,
            Some("see whether the token is there: pkcs11-tool --module FILE --list-slots"),
        ),
        R::SessionCount => (
            E::Throttled,
            Some("the token has no session left: close other programs that use it"),
        ),
        R::DeviceMemory | R::HostMemory => (E::Unavailable, None),
        R::MechanismInvalid
        | R::MechanismParamInvalid
        | R::KeyTypeInconsistent
        | R::KeySizeRange => (
            E::UnsupportedAlgorithm,
            Some("the token does not do this with this key: see pkcs11-tool --list-mechanisms"),
        ),
        R::FunctionNotSupported | R::CurveNotSupported | R::DataLenRange => (E::Unsupported, None),
        _ => (E::Backend, None),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn names_are_the_standards() {
        for (code, expected) in [
            (RvError::PinIncorrect, "CKR_PIN_INCORRECT"),
            (
                RvError::SessionReadWriteSoExists,
                "CKR_SESSION_READ_WRITE_SO_EXISTS",
            ),
            (RvError::RandomNoRng, "CKR_RANDOM_NO_RNG"),
            (
                RvError::CryptokiAlreadyInitialized,
                "CKR_CRYPTOKI_ALREADY_INITIALIZED",
            ),
            (
                RvError::VendorDefined(0x8000_0001),
                "CKR_VENDOR_DEFINED 0x80000001",
            ),
        ] {
            assert_eq!(name(code), expected);
        }
    }

    #[test]
    fn an_error_names_code_call_and_module() {
        let fault = Cryptoki::Pkcs11(RvError::SessionCount, Function::OpenSession);
        let error = error(Path::new("/usr/lib/m.so"), "opening a session", &fault);
        assert_eq!(error.kind(), ErrorKind::Throttled);
        assert!(error.is_transient() && error.retry_after().is_some());
        assert_eq!(
            error.to_string(),
            "opening a session failed with CKR_SESSION_COUNT"
        );
        assert_eq!(
            error.source().unwrap().to_string(),
            "C_OpenSession of /usr/lib/m.so answered CKR_SESSION_COUNT"
        );
    }

    #[test]
    fn kinds_are_what_a_caller_can_act_on() {
        for (code, kind) in [
            (RvError::PinIncorrect, ErrorKind::BadSecret),
            (RvError::PinLocked, ErrorKind::PermissionDenied),
            (RvError::DeviceRemoved, ErrorKind::Unavailable),
            (
                RvError::KeyFunctionNotPermitted,
                ErrorKind::PermissionDenied,
            ),
            (RvError::MechanismInvalid, ErrorKind::UnsupportedAlgorithm),
            (RvError::GeneralError, ErrorKind::Backend),
        ] {
            assert_eq!(meaning(code).0, kind);
        }
    }
}
