//! What a file has beside a key: whether anything vouches for it, and certificates that are not the key's.

use keybearer_core::{
    Certificate, Entries, Entry, EntryKind, KeyUri, OpenContext, Registry, Signer,
};
use keybearer_x509::CertificateInfo;

use crate::failure::Failure;

/// The schemes of files, which can be read again at no more cost than time.
const FILES: [&str; 3] = ["pem", "pkcs12", "jks"];

/// Warnings about what stands beside a key that is open; none where its source is no file.
pub(crate) async fn warnings(
    uri: &KeyUri,
    signer: &dyn Signer,
    registry: &Registry,
    open: &OpenContext,
) -> Result<Vec<String>, Failure> {
    let id = signer.id().uri();
    if !FILES.contains(&id.scheme()) {
        return Ok(Vec::new());
    }
    let store = match registry.entries(uri, open).await {
        Ok(store) => store,
        Err(error) => {
            return Ok(vec![format!(
                "what stands beside this key cannot be listed: {error}"
            )]);
        }
    };
    let chain = signer.certificate_chain().await?;
    let entry = key_of(&store, id.attribute("alias"));
    let strangers = strangers(&store, entry, &chain, id.scheme());
    let mut warnings: Vec<_> = strangers.iter().map(told).collect();
    // A PEM key's note says that it is encrypted; another key's certificate made the note where it stands for this one.
    if id.scheme() != "pem" && strangers.is_empty() {
        warnings.extend(entry.and_then(|entry| entry.note.clone()));
    }
    Ok(warnings)
}

/// The key of this alias (an exact match first, then without case, as Java's), or the only one.
pub(crate) fn key_of<'a>(store: &'a Entries, alias: Option<&str>) -> Option<&'a Entry> {
    let keys = || {
        let entries = store.entries.iter();
        entries.filter(|entry| entry.kind == EntryKind::Key)
    };
    let has =
        |fits: &dyn Fn(&str) -> bool| keys().find(|entry| entry.alias.as_deref().is_some_and(fits));
    let only = || keys().next().filter(|_| keys().count() == 1);
    match alias {
        Some(alias) => has(&|known| known == alias)
            .or_else(|| has(&|known| known.to_lowercase() == alias.to_lowercase())),
        None => only(),
    }
}

/// Certificates that stand where the key's own should.
fn strangers(
    store: &Entries,
    entry: Option<&Entry>,
    chain: &[Certificate],
    scheme: &str,
) -> Vec<Certificate> {
    let own = entry.and_then(|entry| entry.certificates.first()).cloned();
    let mut found: Vec<_> = own.into_iter().collect();
    let is_key = |entry: &&Entry| entry.kind == EntryKind::Key;
    // A store may trust certificates of others; a file of one key has no reason to.
    if scheme == "pem" || (chain.is_empty() && store.entries.iter().filter(is_key).count() == 1) {
        let alone = store
            .entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::Certificate);
        found.extend(
            alone
                .flat_map(|entry| &entry.certificates)
                .cloned()
                .collect::<Vec<_>>(),
        );
    }
    found.retain(|certificate| !chain.contains(certificate));
    found
}

fn told(stranger: &Certificate) -> String {
    let subject = CertificateInfo::read(stranger).map_or_else(
        |_| "a certificate that cannot be read".into(),
        |info| format!("the certificate \"{}\"", info.subject),
    );
    format!("{subject} does not match this key, and is not in its chain")
}
