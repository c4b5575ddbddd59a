//! `pem:`.

use std::sync::Arc;

use keybearer_core::{
    Attribute, Entries, Entry, EntryKind, KeyFile, KeyMaker, KeyUri, OpenContext, Provider, Result,
    Signer, async_trait,
};
use keybearer_soft::{FoundKey, attributes, file, offload, work::WorkBudget};

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
        let opened = unlock(uri, cx).await.and_then(|found| found.signer());
        match opened {
            Ok(signer) => Ok(Arc::new(signer)),
            Err(error) => Err(error.with_key(uri)),
        }
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

    fn key_file(&self) -> Option<&dyn KeyFile> {
        Some(self)
    }
}

/// The key of the file.
pub(crate) async fn unlock(uri: &KeyUri, cx: &OpenContext) -> Result<FoundKey> {
    let bytes = file::read(uri, cx).await?;
    let blocks = Blocks::read(bytes.expose())?;
    let password = if blocks.key()?.is_encrypted() {
        uri.secret("password", "password of the key", cx.env.as_ref())
            .await?
    } else {
        None
    };
    let (uri, work) = (uri.clone(), cx.work);
    // Key derivations take up to seconds.
    offload(move || {
        let mut budget = WorkBudget::new(work);
        let block = blocks.key()?;
        let key = block.open(password.as_ref(), &blocks.certificates, &mut budget)?;
        Ok(FoundKey {
            uri,
            alias: block.name().map(str::to_owned),
            key,
            pool: blocks.certificates,
        })
    })
    .await
}
