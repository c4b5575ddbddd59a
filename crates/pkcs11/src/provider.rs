//! `pkcs11:`.

use std::sync::Arc;

use keybearer_core::{
    Attribute, Entries, Error, KeyId, KeyMaker, KeyUri, OpenContext, Provider, Result, Signer,
    async_trait,
};

use crate::{
    access::Access,
    listing,
    locator::{Kind, Locator},
    opening::{self, Wanted},
    signer::TokenSigner,
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
            let (key, chain) = access.pool.run_patiently(cx.timeout, look).await?;
            let pinned = opening::pinned(access.pool.token().identity(), &key.name);
            let id = KeyId::new(&relocated(uri, &pinned));
            let signer = TokenSigner::new(id, key, access.pool, chain, cx.timeout);
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
            access.pool.run_patiently(cx.timeout, look).await
        };
        listed.await.map_err(|error: Error| error.with_key(uri))
    }

    fn key_maker(&self) -> Option<&dyn KeyMaker> {
        Some(self)
    }
}

/// The URI with another locator.
pub(crate) fn relocated(uri: &KeyUri, locator: &Locator) -> KeyUri {
    let known = uri
        .attribute_names()
        .filter_map(|name| Some((name, uri.attribute(name)?)));
    known.fold(
        KeyUri::new("pkcs11", locator.to_path()),
        |uri, (name, value)| uri.with_attribute(name, value),
    )
}
