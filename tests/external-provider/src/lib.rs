//! Keys in an Acme HSM as keybearer signers.
//!
//! `acme:device.example:7000/slot/1?pin-source=env:PIN` is the key in slot 1. A program adds the scheme to its registry:
//!
//! ```
//! use acme_hsm::AcmeHsm;
//! let registry = keybearer::default_registry().with(AcmeHsm);
//! assert!(registry.schemes().any(|known| known.scheme == "acme"));
//! ```

mod device;
mod signer;
mod wire;

use std::sync::Arc;

use keybearer_core::{
    Attribute, Entries, Entry, EntryKind, Error, ErrorKind, KeyId, KeyUri, OpenContext, Provider,
    PublicKey, Result, Signer, async_trait,
};

pub use device::Device;

use crate::{
    signer::AcmeSigner,
    wire::{Connections, Slot},
};

/// Opens `acme:` keys.
#[derive(Clone, Copy, Debug)]
pub struct AcmeHsm;

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(
        "pin-source",
        "where the PIN is: env:NAME, file:PATH, fd:N, prompt:",
    ),
    Attribute::new("pin-value", "the PIN itself (better: pin-source)"),
];

#[async_trait]
impl Provider for AcmeHsm {
    fn scheme(&self) -> &'static str {
        "acme"
    }

    fn attributes(&self) -> &[Attribute] {
        ATTRIBUTES
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let (address, asked) = parts(uri)?;
        let connections = connect(uri, &address, cx).await?;
        let slots = connections.slots().await?;
        let slot = choose(&slots, asked.as_deref())?;
        let public = PublicKey::from_spki_der(&slot.spki)?;
        let pinned = KeyUri::literal("acme", &format!("{address}/slot/{}", slot.name));
        Ok(Arc::new(AcmeSigner::new(
            KeyId::new(&pinned),
            slot.name.clone(),
            public,
            connections,
        )))
    }

    async fn entries(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Entries> {
        let (address, _) = parts(uri)?;
        let slots = connect(uri, &address, cx).await?.slots().await?;
        let told = slots.into_iter().map(|slot| {
            let entry = Entry::new(Some(slot.name), EntryKind::Key);
            match PublicKey::from_spki_der(&slot.spki) {
                Ok(public) => entry.with_key_type(public.key_type()),
                Err(_) => entry,
            }
        });
        Ok(Entries::new("Acme HSM", told.collect()))
    }
}

async fn connect(uri: &KeyUri, address: &str, cx: &OpenContext) -> Result<Connections> {
    let pin = uri.secret("pin", "PIN of the HSM", cx.env.as_ref()).await?;
    let pin = pin.ok_or_else(|| {
        Error::new(ErrorKind::BadSecret, "no PIN is given")
            .with_hint("give pin-source=env:NAME, file:PATH, fd:N or prompt:")
    })?;
    Ok(Connections::new(address.to_owned(), pin, cx.timeout))
}

/// `HOST:PORT`, and the name of the slot where the URI has one.
fn parts(uri: &KeyUri) -> Result<(String, Option<String>)> {
    let locator = uri.decoded_locator()?;
    match locator.split_once('/') {
        None => Ok((locator, None)),
        Some((address, rest)) => {
            let slot = rest.strip_prefix("slot/").ok_or_else(|| {
                uri.invalid("the locator is not one of an Acme HSM")
                    .with_hint("acme:HOST:PORT/slot/NAME")
            })?;
            Ok((address.to_owned(), Some(slot.to_owned())))
        }
    }
}

fn choose<'a>(slots: &'a [Slot], asked: Option<&str>) -> Result<&'a Slot> {
    let names: Vec<_> = slots.iter().map(|slot| slot.name.as_str()).collect();
    let names = names.join(", ");
    match (asked, slots) {
        (None, [only]) => Ok(only),
        (None, several) => Err(Error::new(
            ErrorKind::Ambiguous,
            format!("the HSM has {} keys", several.len()),
        )
        .with_hint(format!("name a slot: {names}"))),
        (Some(asked), _) => slots.iter().find(|slot| slot.name == asked).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("the HSM has no slot {asked}"))
                .with_hint(format!("the slots are {names}"))
        }),
    }
}
