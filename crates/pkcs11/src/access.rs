//! The way to a token: its module, its sessions, its PIN.

use std::{sync::Arc, thread};

use keybearer_core::{Error, ErrorKind, KeyUri, OpenContext, Result};
use tokio::sync::oneshot;

use crate::{
    exit,
    failure::Failure,
    locator::Locator,
    module::Module,
    p11_kit::P11Kit,
    places,
    pool::{Pool, overdue},
    timer::within,
    token::{Pin, Token},
};

/// A token, and how to log in to it.
pub(crate) struct Access {
    pub(crate) pool: Arc<Pool>,
    pub(crate) pin: Pin,
    /// Whether the token asks for a login and nobody gave a PIN.
    pub(crate) is_anonymous: bool,
}

impl Access {
    /// The token is found before anybody is asked for a PIN.
    pub(crate) async fn gain(uri: &KeyUri, locator: &Locator, cx: &OpenContext) -> Result<Self> {
        let (for_thread, locator) = (uri.clone(), locator.clone());
        let p11_kit = P11Kit::of(cx.env.as_ref());
        let find = move || {
            let path = places::resolve(&for_thread, &p11_kit)?;
            let token = Token::find(&Module::load(&path)?, &locator)?;
            let pool = token.pool()?;
            let slot = token.slot().map_err(Failure::into_error)?;
            let info = token.info(slot).map_err(Failure::into_error)?;
            Ok((
                pool,
                info.login_required(),
                info.protected_authentication_path(),
            ))
        };
        let (pool, login_required, has_keypad) = elsewhere(cx, uri, find).await?;
        let what = format!("PIN of the token {}", pool.token().identity());
        let given = uri.secret("pin", &what, cx.env.as_ref()).await?;
        let pin = match given {
            Some(pin) if pin.is_empty() => {
                return Err(
                    Error::new(ErrorKind::BadSecret, format!("the {what} is empty"))
                        .with_hint("see what pin-source points to"),
                );
            }
            Some(pin) => Pin::Given(pin),
            None if login_required && has_keypad => Pin::OnTheDevice,
            None => Pin::None,
        };
        Ok(Self {
            pool,
            is_anonymous: login_required && pin == Pin::None,
            pin,
        })
    }
}

/// Runs what may block on a thread of its own, since loading a module may go over the network and never come back.
async fn elsewhere<T: Send + 'static>(
    cx: &OpenContext,
    uri: &KeyUri,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (reply, answer) = oneshot::channel();
    let thread = thread::Builder::new().name("pkcs11-open".into());
    let started = thread.spawn(move || {
        let _pass = exit::enter();
        // Whoever asked may have given up meanwhile.
        let _ = reply.send(work());
    });
    started.map_err(|error| {
        Error::new(
            ErrorKind::Backend,
            "no thread can be started for the module",
        )
        .with_source(error.to_string())
    })?;
    match within(cx.timeout, answer).await {
        Some(Ok(result)) => result,
        Some(Err(_)) => Err(Error::new(
            ErrorKind::Backend,
            "the thread that loads the module has ended",
        )),
        None => Err(overdue(uri, cx.timeout)),
    }
}
