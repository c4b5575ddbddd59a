//! The outside of a PKCS#12 file (RFC 7292 section 4): what is authenticated, and by what.

use std::{borrow::Cow, ops::Deref};

use keybearer_core::{Error, ErrorKind, Result, Secret};
use keybearer_soft::{
    ber::{Damage, Element, Elements, tag},
    format::Format,
    pbe::Pkcs12Mac,
    work::WorkBudget,
};
use zeroize::Zeroize;

use crate::bags;

/// A file whose outside is whole.
pub(crate) struct Pfx<'a> {
    /// The `AuthenticatedSafe`, in BER.
    pub(crate) content: Wiped<'a>,
    mac: Option<MacData<'a>>,
}

/// Content types (RFC 5652), without their common beginning.
pub(crate) const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
pub(crate) const ENCRYPTED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06";
pub(crate) const ENVELOPED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";

/// In bytes: what lies in pieces or encrypted is copied several times while it is read.
pub(crate) const LARGEST_FILE: usize = 8 << 20;

struct MacData<'a> {
    algorithm: Vec<u8>,
    digest: Cow<'a, [u8]>,
    salt: Cow<'a, [u8]>,
    rounds: u64,
}

impl<'a> Pfx<'a> {
    /// # Errors
    /// [`ErrorKind::Malformed`] for what is no PKCS#12 file, with what it is, and for a damaged one;
    /// [`ErrorKind::Unsupported`] for one that is signed and not authenticated by a password.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self> {
        let format = Format::of(bytes);
        if format != Format::Pkcs12 {
            return Err(format.instead_of("PKCS#12 store"));
        }
        if bytes.len() > LARGEST_FILE {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the PKCS#12 store has more than 8 MiB",
            )
            .with_hint("no key store has as much: export the key into a file of its own"));
        }
        let (content_type, content, mac) = outline(bytes).map_err(damaged)?;
        match content_type {
            DATA => Ok(Self {
                content: Wiped(content.octets(tag::OCTET_STRING).map_err(damaged)?),
                mac,
            }),
            SIGNED_DATA => Err(Error::new(
                ErrorKind::Unsupported,
                "the PKCS#12 store is signed with a certificate instead of protected by a password",
            )
            .with_hint("export the key anew with a password")),
            _ => Err(malformed("its content is of an unknown type")),
        }
    }

    pub(crate) fn has_mac(&self) -> bool {
        self.mac.is_some()
    }

    /// Checks the MAC; without one there is nothing to check.
    ///
    /// # Errors
    /// [`ErrorKind::BadSecret`] where it does not match; [`ErrorKind::Malformed`] where the content that it is over is
    /// visibly damaged, so that the password is not to blame.
    pub(crate) fn verify(&self, password: &Secret, budget: &mut WorkBudget) -> Result<()> {
        let Some(mac) = &self.mac else {
            return Ok(());
        };
        let verified = Pkcs12Mac {
            algorithm_identifier_der: &mac.algorithm,
            digest: &mac.digest,
            salt: &mac.salt,
            rounds: mac.rounds,
        }
        .verify(&self.content, password, budget);
        match verified {
            Err(error) if error.kind() == ErrorKind::BadSecret => {
                bags::check_outline(&self.content)?;
                Err(error)
            }
            other => other,
        }
    }
}

fn outline(bytes: &[u8]) -> Result<(&[u8], Element<'_>, Option<MacData<'_>>), Damage> {
    // What follows the store is none of it, and no program minds.
    let mut pfx = Elements::new(bytes).next()?.open(tag::SEQUENCE)?;
    let _version = pfx.next()?;
    let mut auth_safe = pfx.next()?.open(tag::SEQUENCE)?;
    let content_type = auth_safe.next()?.primitive(tag::OID)?;
    let content = explicit(auth_safe.next()?)?;
    auth_safe.finish()?;
    let mac = match pfx.next_if_any()? {
        Some(mac) => Some(MacData::read(mac)?),
        None => None,
    };
    pfx.finish()?;
    Ok((content_type, content, mac))
}

impl<'a> MacData<'a> {
    fn read(mac: Element<'a>) -> Result<Self, Damage> {
        let mut fields = mac.open(tag::SEQUENCE)?;
        let mut digest_info = fields.next()?.open(tag::SEQUENCE)?;
        let algorithm = digest_info.next()?.to_der()?;
        let digest = digest_info.next()?.octets(tag::OCTET_STRING)?;
        digest_info.finish()?;
        let salt = fields.next()?.octets(tag::OCTET_STRING)?;
        let rounds = match fields.next_if_any()? {
            Some(number) => saturated(number.primitive(tag::INTEGER)?),
            None => 1,
        };
        fields.finish()?;
        Ok(Self {
            algorithm: algorithm.to_vec(),
            digest,
            salt,
            rounds,
        })
    }
}

/// A count: what is too large for 64 bits is the largest that there is, and a negative one is none.
fn saturated(digits: &[u8]) -> u64 {
    if digits.first().is_some_and(|first| first & 0x80 != 0) {
        return 0;
    }
    let significant = digits.iter().position(|digit| *digit != 0);
    let digits = digits.get(significant.unwrap_or(digits.len())..);
    match digits.unwrap_or_default() {
        digits if digits.len() > 8 => u64::MAX,
        digits => digits
            .iter()
            .fold(0, |value, digit| value << 8 | u64::from(*digit)),
    }
}

/// Octets that may hold a key: wiped when dropped, where they are a copy.
pub(crate) struct Wiped<'a>(pub(crate) Cow<'a, [u8]>);

impl Deref for Wiped<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(copy) = &mut self.0 {
            copy.zeroize();
        }
    }
}

/// The one element in `[0] EXPLICIT`.
pub(crate) fn explicit(element: Element<'_>) -> Result<Element<'_>, Damage> {
    let mut inner = element.open(tag::CONTEXT_0)?;
    let element = inner.next()?;
    inner.finish()?;
    Ok(element)
}

pub(crate) fn damaged(damage: Damage) -> Error {
    Error::new(ErrorKind::Malformed, "the PKCS#12 store is damaged")
        .with_source(damage)
        .with_hint("take the file from its source again; a download as text breaks it")
}

pub(crate) fn malformed(why: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, "the PKCS#12 store is damaged").with_source(why)
}
