//! The parts of a new PKCS#12 file (RFC 7292 section 4) in DER.

use keybearer_core::{Certificate, Result, Secret};
use keybearer_soft::{
    ber::{encode, tag},
    pbe::{self, Encrypted, NewPkcs12Mac},
};
use zeroize::Zeroizing;

use crate::{
    attributes::Attributes,
    bags::{BAG_TYPES, X509_CERTIFICATE},
    pfx::{DATA, ENCRYPTED_DATA},
    protection::Protection,
};

/// A `PKCS8ShroudedKeyBag`: the key is encrypted here.
pub(crate) fn shrouded_key_bag(
    pkcs8_der: &Secret,
    password: &Secret,
    protection: Protection,
    attributes: &Attributes,
) -> Result<Secret> {
    let key = pbe::encrypt_pkcs8_with(pkcs8_der, password, protection.encryption())?;
    Ok(bag(2, &key, attributes))
}

/// A `CertBag` with an X.509 certificate.
pub(crate) fn certificate_bag(certificate: &Certificate, attributes: &Attributes) -> Secret {
    let octets = encode(tag::OCTET_STRING, certificate.as_der());
    let kind = encode(tag::OID, X509_CERTIFICATE);
    let value = sequence(&[&kind, &explicit(&octets)]);
    bag(3, &value, attributes)
}

/// A safe whose bags lie open, as a `ContentInfo`.
pub(crate) fn data_safe<'a>(bags: impl Iterator<Item = &'a Secret>) -> Zeroizing<Vec<u8>> {
    let contents = safe_contents(bags);
    content_info(DATA, &encode(tag::OCTET_STRING, contents.expose()))
}

/// A safe whose bags are encrypted together, as a `ContentInfo`.
pub(crate) fn encrypted_safe<'a>(
    bags: impl Iterator<Item = &'a Secret>,
    password: &Secret,
    protection: Protection,
) -> Result<Zeroizing<Vec<u8>>> {
    /// `[0] IMPLICIT OCTET STRING`.
    const ENCRYPTED_CONTENT: u8 = 0x80;
    let Encrypted {
        algorithm_identifier_der,
        ciphertext,
    } = pbe::encrypt(&safe_contents(bags), password, protection.encryption())?;
    let info = sequence(&[
        &encode(tag::OID, DATA),
        &algorithm_identifier_der,
        &encode(ENCRYPTED_CONTENT, &ciphertext),
    ]);
    let encrypted_data = sequence(&[&integer(0), &info]);
    Ok(content_info(ENCRYPTED_DATA, &encrypted_data))
}

/// The whole file, with a MAC over its safes.
pub(crate) fn pfx(
    safes: &[Zeroizing<Vec<u8>>],
    password: &Secret,
    protection: Protection,
) -> Result<Vec<u8>> {
    let safes: Vec<_> = safes.iter().map(|safe| safe.as_slice()).collect();
    let authenticated_safe = sequence(&safes);
    let rounds = protection.rounds();
    let mac = NewPkcs12Mac::new(&authenticated_safe, password, protection.mac_hash(), rounds)?;
    let digest_info = sequence(&[
        &mac.algorithm_identifier_der,
        &encode(tag::OCTET_STRING, &mac.digest),
    ]);
    let mac_data = sequence(&[
        &digest_info,
        &encode(tag::OCTET_STRING, &mac.salt),
        &integer(rounds),
    ]);
    let content = content_info(DATA, &encode(tag::OCTET_STRING, &authenticated_safe));
    Ok(sequence(&[&integer(3), &content, &mac_data]).to_vec())
}

fn safe_contents<'a>(bags: impl Iterator<Item = &'a Secret>) -> Secret {
    let bags: Vec<_> = bags.map(Secret::expose).collect();
    Secret::new(sequence(&bags).as_slice())
}

fn bag(kind: u8, value: &[u8], attributes: &Attributes) -> Secret {
    let kind = encode(tag::OID, &[BAG_TYPES, &[kind]].concat());
    let bag = sequence(&[&kind, &explicit(value), &attributes.to_der()]);
    Secret::new(bag.as_slice())
}

fn content_info(kind: &[u8], content: &[u8]) -> Zeroizing<Vec<u8>> {
    sequence(&[&encode(tag::OID, kind), &explicit(content)])
}

fn explicit(value: &[u8]) -> Zeroizing<Vec<u8>> {
    encode(tag::CONTEXT_0, value)
}

fn sequence(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    encode(tag::SEQUENCE, &Zeroizing::new(parts.concat()))
}

fn integer(value: u32) -> Zeroizing<Vec<u8>> {
    // A first bit that is set would be a sign.
    let octets = u64::from(value).to_be_bytes();
    let is_padding = |at: &usize| {
        let next = octets.get(at + 1);
        octets.get(*at) == Some(&0) && next.is_some_and(|next| next & 0x80 == 0)
    };
    let first = (0..octets.len()).find(|at| !is_padding(at)).unwrap_or(0);
    encode(tag::INTEGER, octets.get(first..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_as_short_as_can_be_and_never_negative() {
        for (value, der) in [
            (0, b"\x02\x01\x00".as_slice()),
            (3, b"\x02\x01\x03"),
            (0x7f, b"\x02\x01\x7f"),
            (0x80, b"\x02\x02\x00\x80"),
            (100_000, b"\x02\x03\x01\x86\xa0"),
            (u32::MAX, b"\x02\x05\x00\xff\xff\xff\xff"),
        ] {
            assert_eq!(integer(value).as_slice(), der, "{value}");
        }
    }
}
