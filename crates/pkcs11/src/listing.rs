//! What a token holds.

use cryptoki::object::{Attribute, AttributeType, KeyType as CkKeyType, ObjectClass};
use keybearer_core::{Certificate, Entries, Entry, EntryKind, Error, ErrorKind, PublicKey};

use crate::{
    failure::Failure,
    module::Module,
    objects::{self, KeyName},
    opening::Wanted,
    pool::{Connection, Open},
};

/// Private keys with their certificates, then certificates without a key, then symmetric keys.
pub(crate) fn entries(connection: &mut Connection, wanted: &Wanted) -> Result<Entries, Failure> {
    let module = connection.token().module().clone();
    let open = connection.session(&wanted.pin)?;
    let pool = objects::certificates(&module, &open.session, None)?;
    let mut entries = Vec::new();
    let mut used: Vec<Certificate> = Vec::new();
    for key in objects::private_keys(&module, &open.session, &wanted.name)? {
        let name = objects::name_of(&module, &open.session, key, false)?;
        let family = objects::family(&module, &open.session, key)?;
        let mut entry = Entry::new(Some(name.to_path()), EntryKind::Key);
        match family {
            Some(family) => {
                let id = name.id.as_deref();
                let public = objects::public_key(&module, &open.session, key, family, id)?;
                if let Some(public) = &public {
                    entry = described(entry, public, &pool);
                    used.extend(entry.certificates.iter().cloned());
                }
            }
            None => entry.note = Some("keys of this type cannot sign tokens".into()),
        }
        if objects::flag(&module, &open.session, key, AttributeType::Sign)? == Some(false) {
            entry.note = Some("it may not sign: its CKA_SIGN is false".into());
        }
        entries.push(entry);
    }
    entries.extend(certificates_alone(&module, open, &wanted.name, &used)?);
    entries.extend(secret_keys(&module, open, &wanted.name)?);
    if wanted.name.for_everybody {
        if entries.is_empty() {
            let nothing = Error::new(
                ErrorKind::BadSecret,
                "no PIN is given, and the token shows nothing without one",
            );
            return Err(nothing
                .with_hint("give pin-source=env:NAME, file:PATH, fd:N or prompt:")
                .into());
        }
        for entry in &mut entries {
            entry
                .note
                .get_or_insert_with(|| "seen without a login".into());
        }
    }
    Ok(Entries::new("PKCS#11", entries))
}

fn described(entry: Entry, public: &PublicKey, pool: &[Certificate]) -> Entry {
    let mut entry = entry.with_key_type(public.key_type());
    entry.certificates = Certificate::chain_for(public, pool);
    if public.key_type().name() == "RSA" && public.key_type().bits() < 2048 {
        entry.note = Some("RSA keys under 2048 bits are not used".into());
    }
    entry
}

fn certificates_alone(
    module: &Module,
    open: &Open,
    name: &KeyName,
    used: &[Certificate],
) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for object in objects::find(
        module,
        &open.session,
        &name.template(ObjectClass::CERTIFICATE),
    )? {
        let value = objects::bytes(module, &open.session, object, AttributeType::Value)?;
        let Some(certificate) = value.and_then(|value| Certificate::from_der(value).ok()) else {
            continue;
        };
        if used.contains(&certificate) {
            continue;
        }
        let alias = objects::name_of(module, &open.session, object, false)?.to_path();
        let mut entry = Entry::new(Some(alias), EntryKind::Certificate);
        if let Ok(public) = certificate.public_key() {
            entry = entry.with_key_type(public.key_type());
        }
        entry.certificates = vec![certificate];
        entries.push(entry);
    }
    Ok(entries)
}

fn secret_keys(module: &Module, open: &Open, name: &KeyName) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for object in objects::find(
        module,
        &open.session,
        &name.template(ObjectClass::SECRET_KEY),
    )? {
        let alias = objects::name_of(module, &open.session, object, false)?.to_path();
        let mut entry = Entry::new(Some(alias), EntryKind::Secret);
        let kind = objects::attribute(module, &open.session, object, AttributeType::KeyType)?;
        if let Some(Attribute::KeyType(CkKeyType::AES)) = kind {
            entry.key_type = Some("AES".into());
        }
        entries.push(entry);
    }
    Ok(entries)
}
