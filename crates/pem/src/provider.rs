//! `pem:`.

use std::sync::Arc;

use keybearer_core::{
    Attribute, Certify, Entries, Entry, EntryKind, KeyMaker, KeySpec, KeyUri, OpenContext,
    Provider, Result, Signer, async_trait,
};
use keybearer_soft::{PrivateKey, SoftSigner, attributes, file, offload, work::WorkBudget};

use crate::blocks::Blocks;

/// Opens `pem:` keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pem;

/// Said of a certificate that is another key's.
const STRANGER: &str = "belongs to no key of this file, and is not used";

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(
        "password-source",
        "where the password of an encrypted key is: env:NAME, file:PATH, fd:N, prompt:",
    ),
    Attribute::new(
        "password-value",
        "the password itself (better: password-source)",
    ),
    attributes::SPKI_SHA256,
];

#[async_trait]
impl Provider for Pem {
    fn scheme(&self) -> &'static str {
        "pem"
    }

    fn attributes(&self) -> &[Attribute] {
        ATTRIBUTES
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let bytes = file::read(uri, cx).await?;
        let opened = async {
            let blocks = Blocks::read(bytes.expose())?;
            let password = if blocks.key()?.is_encrypted() {
                uri.secret("password", "password of the key", cx.env.as_ref())
                    .await?
            } else {
                None
            };
            let (uri, work) = (uri.clone(), cx.work);
            // Key derivations take up to seconds.
            let signer = offload(move || {
                let key = blocks.key()?.open(
                    password.as_ref(),
                    &blocks.certificates,
                    &mut WorkBudget::new(work),
                )?;
                SoftSigner::new(&uri, &key, &blocks.certificates)
            });
            Ok::<_, keybearer_core::Error>(Arc::new(signer.await?) as Arc<dyn Signer>)
        };
        opened.await.map_err(|error| error.with_key(uri))
    }

    async fn entries(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Entries> {
        let bytes = file::read(uri, cx).await?;
        let blocks = Blocks::read(bytes.expose()).map_err(|error| error.with_key(uri))?;
        let mut entries = Vec::new();
        for block in &blocks.keys {
            let mut entry = Entry::new(None, EntryKind::Key);
            if block.is_encrypted() {
                entry.note = Some("encrypted".into());
            } else {
                match block.open(None, &blocks.certificates, &mut WorkBudget::new(cx.work)) {
                    Ok(key) => {
                        entry = entry.with_key_type(key.public_key().key_type());
                        entry.certificates = keybearer_core::Certificate::chain_for(
                            key.public_key(),
                            &blocks.certificates,
                        );
                    }
                    Err(error) => {
                        (entry.key_type, entry.bits) = block.described();
                        entry.note = Some(error.to_string());
                    }
                }
            }
            entries.push(entry);
        }
        // Of a key that is encrypted or unusable nobody knows here which certificates are its own.
        let all_told = !entries.is_empty() && entries.iter().all(|entry| entry.note.is_none());
        let used = |certificate| {
            entries
                .iter()
                .any(|entry: &Entry| entry.certificates.contains(certificate))
        };
        let alone: Vec<_> = blocks
            .certificates
            .iter()
            .filter(|certificate| !used(*certificate))
            .cloned()
            .collect();
        for certificate in alone {
            let mut entry = Entry::new(None, EntryKind::Certificate);
            if let Ok(key) = certificate.public_key() {
                entry = entry.with_key_type(key.key_type());
            }
            entry.certificates = vec![certificate];
            if all_told {
                entry.note = Some(STRANGER.into());
            }
            entries.push(entry);
        }
        Ok(Entries::new("PEM", entries))
    }

    fn key_maker(&self) -> Option<&dyn KeyMaker> {
        Some(self)
    }
}

#[async_trait]
impl KeyMaker for Pem {
    /// The key in PKCS#8, encrypted where the URI has a password, and its certificates after it, in one file of mode 0600.
    async fn make(
        &self,
        uri: &KeyUri,
        spec: &KeySpec,
        certify: &dyn Certify,
        cx: &OpenContext,
    ) -> Result<Arc<dyn Signer>> {
        let password = uri
            .secret("password", "password of the new key", cx.env.as_ref())
            .await?;
        let key_type = spec.key_type;
        let key = offload(move || PrivateKey::generate(key_type)).await?;
        let chain = certify
            .certify(Arc::new(SoftSigner::new(uri, &key, &[])?))
            .await?;
        let text = crate::encode(&key, password.as_ref(), &chain)?;
        let (path, overwrite) = (uri.path()?, spec.overwrite);
        offload(move || file::write(&path, text.expose(), overwrite)).await?;
        Ok(Arc::new(SoftSigner::new(uri, &key, &chain)?))
    }
}
