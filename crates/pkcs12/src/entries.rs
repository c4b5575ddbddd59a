//! What a store holds, as far as it can be told: `key list`.

use keybearer_core::{
    Certificate, Entries, Entry, EntryKind, ErrorKind, Result, Secret, WorkLimit,
};
use keybearer_soft::{PrivateKey, describe, work::WorkBudget};

use crate::{
    pfx::Pfx,
    store::{Other, Store, StoredKey},
};

/// The entries: keys, then certificates that belong to none of them, then what is passed over.
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
    let remark = if !store.is_open() {
        Some("not checked: no password was given")
    } else if !pfx.has_mac() {
        Some("not checked: the store has no MAC")
    } else {
        None
    };
    let mut entries: Vec<_> = store
        .keys
        .iter()
        .map(|key| told(&store, key, &mut budget))
        .collect();
    let alone: Vec<_> = store
        .certificates
        .iter()
        .filter(|stored| {
            !entries
                .iter()
                .any(|entry| entry.certificates.contains(&stored.certificate))
        })
        .map(|stored| certificate(stored.name.clone(), &stored.certificate))
        .collect();
    entries.extend(alone);
    entries.extend(store.others.iter().map(other));
    for entry in &mut entries {
        if entry.note.is_none() {
            entry.note = remark.map(str::to_owned);
        }
    }
    Ok(Entries::new("PKCS#12", entries))
}

fn told(store: &Store, key: &StoredKey, budget: &mut WorkBudget) -> Entry {
    let mut entry = Entry::new(Some(key.alias.clone()), EntryKind::Key);
    if let Some(leaf) = store.tied(key) {
        entry.certificates = Certificate::chain_from(leaf, &store.pool(key));
        // A key that its certificate tells about need not be decrypted.
        if let Ok(public) = leaf.public_key() {
            return entry.with_key_type(public.key_type());
        }
    }
    match store.pkcs8(key, budget) {
        Ok(der) => describe_into(&mut entry, store, key, &der),
        Err(_) if !store.is_open() => {}
        Err(error) => entry.note = Some(error.to_string()),
    }
    entry
}

fn describe_into(entry: &mut Entry, store: &Store, key: &StoredKey, der: &Secret) {
    let described = describe(der.expose());
    entry.key_type = Some(described.key_type).filter(|key_type| !key_type.is_empty());
    entry.bits = described.bits;
    let pool = store.pool(key);
    match PrivateKey::from_pkcs8_der_beside(der.expose(), &pool) {
        Ok(private) => {
            entry.certificates = Certificate::chain_for(private.public_key(), &pool);
        }
        Err(error) => entry.note = Some(error.to_string()),
    }
}

fn certificate(name: Option<String>, certificate: &Certificate) -> Entry {
    let mut entry = Entry::new(name, EntryKind::Certificate);
    if let Ok(key) = certificate.public_key() {
        entry = entry.with_key_type(key.key_type());
    }
    entry.certificates = vec![certificate.clone()];
    entry
}

fn other(other: &Other) -> Entry {
    let mut entry = Entry::new(other.name.clone(), other.kind);
    entry.note.clone_from(&other.note);
    entry
}
