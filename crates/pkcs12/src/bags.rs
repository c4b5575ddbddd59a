//! What a PKCS#12 file holds (RFC 7292 sections 4.1 and 4.2): safes, encrypted or not, and the bags in them.

use std::borrow::Cow;

use keybearer_core::{Certificate, Error, ErrorKind, Result, Secret, WorkLimit};
use keybearer_soft::{
    ber::{Damage, Element, tag},
    pbe,
    work::WorkBudget,
};

use crate::{
    attributes::Attributes,
    pfx::{DATA, ENCRYPTED_DATA, ENVELOPED_DATA, Wiped, damaged, explicit, malformed},
};

/// All bags of a file that could be read, in its order.
pub(crate) struct Bags {
    pub(crate) bags: Vec<Bag>,
    /// How many safes stayed closed, since no password was given.
    pub(crate) locked: usize,
    /// Whether the bags keep their encoding.
    keeping: bool,
}

pub(crate) struct Bag {
    pub(crate) attributes: Attributes,
    pub(crate) content: Content,
    /// Where it was asked for: the bag in DER.
    pub(crate) encoding: Option<Encoding>,
}

/// A bag in DER, to be written again.
pub(crate) struct Encoding {
    pub(crate) der: Secret,
    /// Whether its safe is encrypted.
    pub(crate) is_sealed: bool,
}

pub(crate) enum Content {
    /// A PKCS#8 key in DER.
    Key(Secret),
    Shrouded(Shrouded),
    Certificate(Certificate),
    /// A symmetric key or another secret.
    Secret,
    /// What is passed over, in a word for people.
    Other(&'static str),
}

/// An encrypted PKCS#8 key.
pub(crate) struct Shrouded {
    algorithm: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// Trust stores of operating systems have a few hundred.
const MOST_BAGS: usize = 5_000;

/// In bytes. The largest certificates, with post-quantum signatures, have less than half of it.
const LARGEST_CERTIFICATE: usize = 128 << 10;

/// The common beginning of the bag types: 1.2.840.113549.1.12.10.1.
pub(crate) const BAG_TYPES: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01";
pub(crate) const X509_CERTIFICATE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";

impl Bags {
    /// Reads an `AuthenticatedSafe`. Without a password the encrypted safes stay closed; keys stay encrypted always.
    ///
    /// # Errors
    /// [`ErrorKind::BadSecret`] and the others of [`pbe::decrypt`]; [`ErrorKind::Malformed`] for damage,
    /// [`ErrorKind::Unsupported`] for a safe that a certificate's key opens, and for more bags than any store has.
    pub(crate) fn read(
        authenticated_safe: &[u8],
        password: Option<&Secret>,
        budget: &mut WorkBudget,
    ) -> Result<Self> {
        Self::read_as(authenticated_safe, password, budget, false)
    }

    /// As [`read`](Self::read), each bag with its encoding.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn read_keeping(
        authenticated_safe: &[u8],
        password: &Secret,
        budget: &mut WorkBudget,
    ) -> Result<Self> {
        Self::read_as(authenticated_safe, Some(password), budget, true)
    }

    fn read_as(
        authenticated_safe: &[u8],
        password: Option<&Secret>,
        budget: &mut WorkBudget,
        keeping: bool,
    ) -> Result<Self> {
        let mut found = Self {
            bags: Vec::new(),
            locked: 0,
            keeping,
        };
        let whole = Element::read(authenticated_safe).map_err(damaged)?;
        let mut safes = whole.open(tag::SEQUENCE).map_err(damaged)?;
        while let Some(safe) = safes.next_if_any().map_err(damaged)? {
            let (content_type, content) = content_info(safe).map_err(damaged)?;
            match content_type {
                DATA => {
                    let octets = Wiped(content.octets(tag::OCTET_STRING).map_err(damaged)?);
                    found.safe_contents(&octets, false)?;
                }
                ENCRYPTED_DATA => {
                    let (algorithm, ciphertext) = encrypted(content).map_err(damaged)?;
                    let Some(password) = password else {
                        found.locked += 1;
                        continue;
                    };
                    let plain = pbe::decrypt(&algorithm, &ciphertext, password, budget)?;
                    found.safe_contents(plain.expose(), true)?;
                }
                ENVELOPED_DATA => {
                    return Err(Error::new(
                        ErrorKind::Unsupported,
                        "a part of the PKCS#12 store is encrypted for a certificate and not by a password",
                    )
                    .with_hint("export the key anew with a password"));
                }
                _ => return Err(malformed("a safe is of an unknown type")),
            }
        }
        Ok(found)
    }

    fn safe_contents(&mut self, bytes: &[u8], is_sealed: bool) -> Result<()> {
        let whole = Element::read(bytes).map_err(damaged)?;
        self.bags_of(&whole, is_sealed)
    }

    fn bags_of(&mut self, safe_contents: &Element<'_>, is_sealed: bool) -> Result<()> {
        let mut bags = safe_contents.open(tag::SEQUENCE).map_err(damaged)?;
        while let Some(bag) = bags.next_if_any().map_err(damaged)? {
            let (kind, value, attributes) = safe_bag(bag).map_err(damaged)?;
            let content = match kind {
                Some(1) => Content::Key(Secret::new(value.to_der().map_err(damaged)?.as_slice())),
                Some(2) => Content::Shrouded(shrouded(value).map_err(damaged)?),
                Some(3) => certificate(value).map_err(damaged)?,
                Some(4) => Content::Other("a certificate revocation list"),
                Some(5) => Content::Secret,
                Some(6) => {
                    self.bags_of(&value, is_sealed)?;
                    continue;
                }
                _ => Content::Other("an entry of an unknown type"),
            };
            if self.bags.len() == MOST_BAGS {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("the PKCS#12 store has more than {MOST_BAGS} entries"),
                )
                .with_hint("no key store has as many: export the key into a file of its own"));
            }
            let encoding = match self.keeping {
                true => Some(Encoding {
                    der: Secret::new(bag.to_der().map_err(damaged)?.as_slice()),
                    is_sealed,
                }),
                false => None,
            };
            self.bags.push(Bag {
                attributes,
                content,
                encoding,
            });
        }
        Ok(())
    }
}

/// Whether the parts of an `AuthenticatedSafe` that need no password are whole.
///
/// # Errors
/// As [`Bags::read`].
pub(crate) fn check_outline(authenticated_safe: &[u8]) -> Result<()> {
    let mut none = WorkBudget::new(WorkLimit::new(0, 0));
    Bags::read(authenticated_safe, None, &mut none).map(|_| ())
}

impl Shrouded {
    /// The PKCS#8 key in DER.
    ///
    /// # Errors
    /// As [`pbe::decrypt`].
    pub(crate) fn open(&self, password: &Secret, budget: &mut WorkBudget) -> Result<Secret> {
        let plain = pbe::decrypt(&self.algorithm, &self.ciphertext, password, budget)?;
        let key = Element::read(plain.expose()).and_then(|key| key.to_der());
        Ok(Secret::new(key.map_err(damaged)?.as_slice()))
    }
}

fn content_info(safe: Element<'_>) -> Result<(&[u8], Element<'_>), Damage> {
    let mut fields = safe.open(tag::SEQUENCE)?;
    let content_type = fields.next()?.primitive(tag::OID)?;
    let content = explicit(fields.next()?)?;
    fields.finish()?;
    Ok((content_type, content))
}

/// The algorithm (in DER) and the ciphertext of an `EncryptedData` (RFC 5652 section 8).
fn encrypted(content: Element<'_>) -> Result<(Vec<u8>, Cow<'_, [u8]>), Damage> {
    /// `[0] IMPLICIT OCTET STRING`.
    const ENCRYPTED_CONTENT: u8 = 0x80;
    let mut fields = content.open(tag::SEQUENCE)?;
    let _version = fields.next()?.primitive(tag::INTEGER)?;
    let mut info = fields.next()?.open(tag::SEQUENCE)?;
    let _content_type = info.next()?.primitive(tag::OID)?;
    let algorithm = info.next()?.to_der()?.to_vec();
    let ciphertext = info.next()?.octets(ENCRYPTED_CONTENT)?;
    info.finish()?;
    Ok((algorithm, ciphertext))
}

/// The number of the bag's type, its value, and what is said of it.
fn safe_bag(bag: Element<'_>) -> Result<(Option<u8>, Element<'_>, Attributes), Damage> {
    let mut fields = bag.open(tag::SEQUENCE)?;
    let kind = match fields.next()?.primitive(tag::OID)?.strip_prefix(BAG_TYPES) {
        Some([number]) => Some(*number),
        _ => None,
    };
    let value = explicit(fields.next()?)?;
    let attributes = Attributes::read(fields.next_if_any()?)?;
    fields.finish()?;
    Ok((kind, value, attributes))
}

fn shrouded(value: Element<'_>) -> Result<Shrouded, Damage> {
    let mut fields = value.open(tag::SEQUENCE)?;
    let algorithm = fields.next()?.to_der()?.to_vec();
    let ciphertext = fields.next()?.octets(tag::OCTET_STRING)?.into_owned();
    fields.finish()?;
    Ok(Shrouded {
        algorithm,
        ciphertext,
    })
}

/// A certificate that cannot be read is passed over: the key beside it may do without.
fn certificate(value: Element<'_>) -> Result<Content, Damage> {
    let mut fields = value.open(tag::SEQUENCE)?;
    let kind = fields.next()?.primitive(tag::OID)?;
    let octets = explicit(fields.next()?)?.octets(tag::OCTET_STRING)?;
    fields.finish()?;
    let length = octets.len();
    Ok(match Certificate::from_der(octets) {
        _ if kind != X509_CERTIFICATE => Content::Other("a certificate that is not X.509"),
        _ if length > LARGEST_CERTIFICATE => Content::Other("a certificate of more than 128 KiB"),
        Ok(certificate) => Content::Certificate(certificate),
        Err(_) => Content::Other("a certificate that is damaged"),
    })
}
