//! `pkcs11:`.

use std::{sync::Arc, thread};

use keybearer_core::{
    Attribute, Entries, Error, ErrorKind, KeyId, KeyUri, OpenContext, Provider, Result, Signer,
    async_trait,
};
use tokio::sync::oneshot;

use crate::{
    exit,
    failure::Failure,
    listing,
    locator::{Kind, Locator},
    module::Module,
    opening::{self, Wanted},
    places,
    pool::{Pool, overdue},
    signer::TokenSigner,
    timer::within,
    token::{Pin, Token},
};

/// Opens `pkcs11:` keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pkcs11;

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new("module-path", "the file of the vendor's PKCS#11 module"),
    Attribute::new(
        "module-name",
        "the module by name (softhsm2 for libsofthsm2.so), looked for in the usual folders",
    ),
    Attribute::new(
        "pin-source",
        "where the user PIN is: env:NAME, file:PATH, fd:N, prompt:",
    ),
    Attribute::new("pin-value", "the user PIN itself (better: pin-source)"),
];

#[async_trait]
impl Provider for Pkcs11 {
    fn scheme(&self) -> &'static str {
        "pkcs11"
    }

    fn attributes(&self) -> &[Attribute] {
        ATTRIBUTES
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let opened = async {
            let locator = Locator::read(uri)?;
            if locator.kind.is_some_and(|kind| kind != Kind::Private) {
                return Err(uri
                    .invalid("the URI names an object that cannot sign")
                    .with_hint("write type=private, or leave type out"));
            }
            let access = Access::gain(uri, &locator, cx).await?;
            let wanted = Wanted::new(&locator, access.pin, access.is_anonymous);
            let look = move |connection: &mut _| opening::open(connection, &wanted);
            let (key, chain) = access.pool.run(cx.timeout, look).await?;
            let name = key.name.clone();
            let pinned = opening::pinned(access.pool.token().identity(), &name);
            let id = uri
                .attribute_names()
                .filter_map(|name| Some((name, uri.attribute(name)?)))
                .fold(KeyUri::new("pkcs11", pinned), |id, (name, value)| {
                    id.with_attribute(name, value)
                });
            let signer = TokenSigner::new(KeyId::new(&id), key, access.pool, chain, cx.timeout);
            Ok(Arc::new(signer) as Arc<dyn Signer>)
        };
        opened.await.map_err(|error: Error| error.with_key(uri))
    }

    async fn entries(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Entries> {
        let listed = async {
            let locator = Locator::read(uri)?;
            let access = Access::gain(uri, &locator, cx).await?;
            let wanted = Wanted::new(&locator, access.pin, access.is_anonymous);
            let look = move |connection: &mut _| listing::entries(connection, &wanted);
            access.pool.run(cx.timeout, look).await
        };
        listed.await.map_err(|error: Error| error.with_key(uri))
    }
}

/// A token, and how to log in to it.
struct Access {
    pool: Arc<Pool>,
    pin: Pin,
    /// Whether the token asks for a login and nobody gave a PIN.
    is_anonymous: bool,
}

impl Access {
    /// The token is found before anybody is asked for a PIN.
    async fn gain(uri: &KeyUri, locator: &Locator, cx: &OpenContext) -> Result<Self> {
        let (for_thread, locator) = (uri.clone(), locator.clone());
        let find = move || {
            let path = places::resolve(&for_thread)?;
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
