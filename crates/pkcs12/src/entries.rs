//! What a store holds, as far as it can be told: `key list`.

use std::collections::HashSet;

use keybearer_core::{
    Certificate, Entries, Entry, EntryKind, ErrorKind, Result, Secret, WorkLimit,
};
use keybearer_soft::{
    KeyDescription, PrivateKey, describe, describe_certificate, work::WorkBudget,
};

use crate::{
    pfx::Pfx,
    store::{Other, Store, StoredKey},
};

/// In bytes: thousands of keys may share a chain of megabytes, which is told no more often than fits in here.
const MOST_BYTES: usize = 16 << 20;

/// The entries: keys, then certificates that belong to none of them or are entries of their own, then what is passed over.
///
/// Without a password, and where the empty one does not fit, that is what lies open in the file.
pub(crate) fn list(bytes: &[u8], password: Option<&Secret>, work: WorkLimit) -> Result<Entries> {
    let pfx = Pfx::read(bytes)?;
    let mut budget = WorkBudget::new(work);
    let store = match (Store::open(&pfx, password, &mut budget), password) {
        (Err(error), None) if error.kind() == ErrorKind::BadSecret => {
            let store = Store::glance(&pfx, &mut budget)?;
            if store.keys.is_empty() && store.locked {
                return Err(error);
            }
            store
        }
        (read, _) => read?,
    };
    let remark = if !pfx.has_mac() {
        Some("not checked: the store has no MAC")
    } else if !store.is_open() {
        Some("not checked: no password was given")
    } else {
        None
    };
    let (mut used, mut bytes) = (HashSet::new(), 0);
    let mut entries: Vec<_> = store
        .keys
        .iter()
        .map(|key| {
            let mut entry = told(&store, key, &mut used, &mut budget);
            bytes += size(&entry);
            if bytes > MOST_BYTES {
                entry.certificates.clear();
                entry.note = Some("its certificates are not listed: they are too many".into());
            }
            entry
        })
        .collect();
    let certificates = store.certificates.all().iter().zip(&store.remarks);
    for (place, (found, remark)) in certificates.enumerate() {
        if remark.trusted || !used.contains(&store.certificates.first(place)) {
            entries.push(certificate(remark.name.clone(), found));
        }
    }
    entries.extend(store.others.iter().map(other));
    for entry in &mut entries {
        entry.note = match (entry.note.take(), remark) {
            (Some(note), Some(remark)) => Some(format!("{note}; {remark}")),
            (note, remark) => note.or_else(|| remark.map(str::to_owned)),
        };
    }
    Ok(Entries::new("PKCS#12", entries))
}

/// An entry of a key; the places of its certificates go to `used`.
fn told(
    store: &Store,
    key: &StoredKey,
    used: &mut HashSet<usize>,
    budget: &mut WorkBudget,
) -> Entry {
    let mut entry = Entry::new(Some(key.alias.clone()), EntryKind::Key);
    let mut chain = Vec::new();
    let mut is_told = false;
    if let Some(leaf) = store.tied(key) {
        chain = store.certificates.chain(leaf);
        // A key that its certificate tells about need not be decrypted.
        if let Some(leaf) = store.certificates.get(leaf) {
            let described = describe_certificate(leaf);
            is_told = !described.key_type.is_empty();
            entry = with_description(entry, described);
        }
    }
    if !is_told {
        match store.pkcs8(key, budget) {
            Ok(der) => {
                entry = with_description(entry, describe(der.expose()));
                match PrivateKey::from_pkcs8_der_beside(der.expose(), store.certificates.all()) {
                    Ok(private) => chain = store.chain(key, private.public_key()),
                    Err(error) => entry.note = Some(error.to_string()),
                }
            }
            Err(_) if !store.is_open() => {}
            Err(error) => entry.note = Some(error.to_string()),
        }
    }
    entry.certificates = store.certificates.take(&chain);
    used.extend(chain);
    entry
}

fn with_description(mut entry: Entry, described: KeyDescription) -> Entry {
    entry.key_type = Some(described.key_type).filter(|name| !name.is_empty());
    entry.bits = described.bits;
    entry.note = described.unusable;
    entry
}

fn size(entry: &Entry) -> usize {
    let sizes = entry
        .certificates
        .iter()
        .map(|certificate| certificate.as_der().len());
    sizes.sum()
}

fn certificate(name: Option<String>, certificate: &Certificate) -> Entry {
    let mut entry = Entry::new(name, EntryKind::Certificate);
    let described = describe_certificate(certificate);
    entry.key_type = Some(described.key_type).filter(|name| !name.is_empty());
    entry.bits = described.bits;
    entry.certificates = vec![certificate.clone()];
    entry
}

fn other(other: &Other) -> Entry {
    let mut entry = Entry::new(other.name.clone(), other.kind);
    entry.note.clone_from(&other.note);
    entry
}
