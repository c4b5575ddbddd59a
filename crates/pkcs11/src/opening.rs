//! Finding a key in a token, and what it can do.

use std::collections::HashSet;

use cryptoki::object::{AttributeType, ObjectHandle};
use keybearer_core::{Algorithm, Certificate, Error, ErrorKind, KeyType, PublicKey};

use crate::{
    failure::Failure,
    locator::Locator,
    module::Module,
    objects::{self, Family, KeyName},
    plan::{self, Plan},
    pool::{Connection, Open},
    signer::Key,
    token::{Identity, Pin},
};

/// What is looked for, and how to log in.
pub(crate) struct Wanted {
    pub(crate) name: KeyName,
    pub(crate) pin: Pin,
}

/// A key list in a hint has no more names.
const MOST_NAMES: usize = 20;

impl Wanted {
    /// Without a PIN, where the token asks for one, only what it shows to everybody is used: another signer of this
    /// process may be logged in, and that is no business of this one.
    pub(crate) fn new(locator: &Locator, pin: Pin, is_anonymous: bool) -> Self {
        Self {
            name: KeyName::of(locator, is_anonymous),
            pin,
        }
    }
}

/// The key, with its certificates.
///
/// # Errors
/// [`ErrorKind::NotFound`] and [`ErrorKind::Ambiguous`] list the keys that are there.
pub(crate) fn open(
    connection: &mut Connection,
    wanted: &Wanted,
) -> Result<(Key, Vec<Certificate>), Failure> {
    let module = connection.token().module().clone();
    let open = connection.session(&wanted.pin)?;
    let found = objects::private_keys(&module, &open.session, &wanted.name)?;
    let handle = match found.as_slice() {
        [only] => *only,
        [] => return Err(not_found(&module, open, &wanted.name)?),
        several => {
            return Err(ambiguous(&module, open, several)?);
        }
    };
    let session = &open.session;
    let everybody = wanted.name.for_everybody;
    let name = objects::name_of(&module, session, handle, everybody)?;
    if objects::flag(&module, session, handle, AttributeType::Sign)? == Some(false) {
        return Err(Error::new(
            ErrorKind::PermissionDenied,
            format!(
                "the key {} may not sign: its CKA_SIGN is false",
                name.to_path()
            ),
        )
        .with_hint("make a key for signing: pkcs11-tool --keypairgen --usage-sign")
        .into());
    }
    let family = objects::family(&module, session, handle)?.ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "the key {} is of a type that cannot sign tokens",
                name.to_path()
            ),
        )
        .with_hint("the key types are RSA, EC (P-256, P-384, P-521) and Ed25519")
    })?;
    let public = objects::public_key(&module, session, handle, family, name.id.as_deref())?;
    let always = objects::flag(&module, session, handle, AttributeType::AlwaysAuthenticate)?;
    let always_authenticate = always == Some(true);
    let mechanisms = plan::mechanisms(&module, open.slot, session, handle)?;
    let plans: Vec<_> = candidates(family, public.as_ref(), &name)?
        .iter()
        .filter_map(|algorithm| Plan::new(*algorithm, &mechanisms))
        .filter(|plan| {
            // The login that such a key wants fits only between the parts of a hashing mechanism.
            !always_authenticate || plan.token_hashes && plan.algorithm.hash().is_some()
        })
        .collect();
    if plans.is_empty() {
        return Err(no_mechanism(&name, always_authenticate));
    }
    let chain = match &public {
        Some(key) => Certificate::chain_for(key, &objects::certificates(&module, session, None)?),
        None => Vec::new(),
    };
    open.keys.insert(name.clone(), handle);
    let key = Key {
        name,
        family,
        public,
        plans,
        pin: wanted.pin.clone(),
        always_authenticate,
    };
    Ok((key, chain))
}

/// The locator that reaches this very key again.
pub(crate) fn pinned(token: &Identity, name: &KeyName) -> Locator {
    let text = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
    let label = name.label.as_deref();
    Locator {
        token: text(&token.label),
        serial: text(&token.serial),
        object: label.and_then(|label| Some(std::str::from_utf8(label).ok()?.to_owned())),
        id: name.id.clone(),
        kind: Some(crate::locator::Kind::Private),
        ..Locator::default()
    }
}

/// What such a key could do on a token that does everything.
fn candidates(
    family: Family,
    public: Option<&PublicKey>,
    name: &KeyName,
) -> Result<&'static [Algorithm], Failure> {
    let key_type = match (public.map(PublicKey::key_type), family) {
        (Some(KeyType::Rsa { bits }), _) if bits < 2048 => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the key {} has {bits} bits, and RSA keys under 2048 bits are not used",
                    name.to_path()
                ),
            )
            .with_hint("make a new one: pkcs11-tool --keypairgen --key-type rsa:2048 --usage-sign")
            .into());
        }
        (Some(told), _) => told,
        (None, Family::Rsa) => KeyType::Rsa { bits: 2048 },
        (None, Family::Ec(Some(curve))) => KeyType::Ec(curve),
        (None, Family::Ed25519) => KeyType::Ed25519,
        (None, Family::Ec(None)) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the token does not tell the curve of the key {}",
                    name.to_path()
                ),
            )
            .with_hint("put the public key or a certificate with the same CKA_ID beside it")
            .into());
        }
    };
    Ok(Algorithm::of(key_type))
}

fn no_mechanism(name: &KeyName, always_authenticate: bool) -> Failure {
    let (why, hint) = if always_authenticate {
        (
            "wants the PIN at each signature (CKA_ALWAYS_AUTHENTICATE), and the token lists no mechanism that hashes too",
            "use a key without CKA_ALWAYS_AUTHENTICATE, or a token with CKM_SHA256_RSA_PKCS or CKM_ECDSA_SHA256",
        )
    } else {
        (
            "has no mechanism that signs tokens",
            "see what the token lists (pkcs11-tool --list-mechanisms) and the key's CKA_ALLOWED_MECHANISMS",
        )
    };
    let error = Error::new(
        ErrorKind::Unsupported,
        format!("the key {} {why}", name.to_path()),
    );
    error.with_hint(hint).into()
}

fn not_found(module: &Module, open: &Open, name: &KeyName) -> Result<Failure, Failure> {
    let everything = KeyName {
        id: None,
        label: None,
        ..name.clone()
    };
    let there = objects::private_keys(module, &open.session, &everything)?;
    if name.for_everybody {
        let missing = Error::new(
            ErrorKind::BadSecret,
            "no PIN is given, and the token shows no such key without one",
        );
        return Ok(missing
            .with_hint("give pin-source=env:NAME, file:PATH, fd:N or prompt:")
            .into());
    }
    let names = names(module, open, &there)?;
    let hint = if there.is_empty() {
        "the token has no private key".into()
    } else {
        format!("the private keys are {names}")
    };
    let what = if *name == everything {
        "the token has no private key".into()
    } else {
        format!("the token has no private key {}", name.to_path())
    };
    Ok(Error::new(ErrorKind::NotFound, what).with_hint(hint).into())
}

fn ambiguous(module: &Module, open: &Open, keys: &[ObjectHandle]) -> Result<Failure, Failure> {
    let what = format!("{} private keys of the token match", keys.len());
    let mut distinct = HashSet::new();
    for key in keys.iter().take(MOST_NAMES) {
        distinct.insert(objects::name_of(module, &open.session, *key, false)?);
    }
    let names = names(module, open, keys)?;
    let hint = if distinct.len() > 1 {
        format!("name one by object= or id=: {names}")
    } else {
        format!(
            "all are {names}, and no URI tells them apart: give one another CKA_ID or label, or delete it"
        )
    };
    Ok(Error::new(ErrorKind::Ambiguous, what)
        .with_hint(hint)
        .into())
}

fn names(module: &Module, open: &Open, keys: &[ObjectHandle]) -> Result<String, Failure> {
    let mut names = Vec::new();
    for key in keys.iter().take(MOST_NAMES) {
        names.push(objects::name_of(module, &open.session, *key, false)?.to_path());
    }
    if keys.len() > MOST_NAMES {
        names.push(format!("and {} more", keys.len() - MOST_NAMES));
    }
    Ok(names.join(", "))
}
