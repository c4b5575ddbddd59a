//! The attributes of a bag (RFC 7292 section 4.2): its name and what ties a certificate to its key.

use keybearer_soft::ber::{Damage, Element, encode, tag};

/// What is said of a bag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// The friendly name; writers call it alias.
    pub(crate) name: Option<String>,
    /// The same in a key's bag and in that of its certificate.
    pub(crate) local_key_id: Option<Vec<u8>>,
    /// Whether Java has this certificate as an entry of its own, beside the chains that it is in.
    pub(crate) trusted: bool,
}

/// PKCS#9 (RFC 2985).
const FRIENDLY_NAME: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14";
const LOCAL_KEY_ID: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x15";
/// Oracle's `trustedKeyUsage`, 2.16.840.1.113894.746875.1.1.
const TRUSTED_KEY_USAGE: &[u8] = b"\x60\x86\x48\x01\x86\xf9\x66\xad\xca\x7b\x01\x01";

impl Attributes {
    /// Reads a `SET OF PKCS12Attribute`. Other attributes are passed over, and so is an empty name.
    pub(crate) fn read(set: Option<Element<'_>>) -> Result<Self, Damage> {
        let mut found = Self::default();
        let Some(set) = set else {
            return Ok(found);
        };
        let mut attributes = set.open(tag::SET)?;
        while let Some(attribute) = attributes.next_if_any()? {
            let mut fields = attribute.open(tag::SEQUENCE)?;
            let kind = fields.next()?.primitive(tag::OID)?;
            let Some(value) = fields.next()?.open(tag::SET)?.next_if_any()? else {
                continue;
            };
            match kind {
                FRIENDLY_NAME => found.name = name(&value),
                LOCAL_KEY_ID => {
                    found.local_key_id = Some(value.octets(tag::OCTET_STRING)?.into_owned());
                }
                TRUSTED_KEY_USAGE => found.trusted = true,
                _ => {}
            }
        }
        Ok(found)
    }

    /// As a `SET OF PKCS12Attribute` in DER; nothing where nothing is said.
    pub(crate) fn to_der(&self) -> Vec<u8> {
        let name = self.name.as_ref().map(|name| {
            let units = name.encode_utf16().flat_map(u16::to_be_bytes);
            attribute(
                FRIENDLY_NAME,
                &encode(tag::BMP_STRING, &units.collect::<Vec<_>>()),
            )
        });
        let id = self
            .local_key_id
            .as_ref()
            .map(|id| attribute(LOCAL_KEY_ID, &encode(tag::OCTET_STRING, id)));
        let mut attributes: Vec<_> = name.into_iter().chain(id).collect();
        if attributes.is_empty() {
            return Vec::new();
        }
        // X.690 section 11.6.
        attributes.sort();
        encode(tag::SET, &attributes.concat()).to_vec()
    }
}

fn attribute(kind: &[u8], value: &[u8]) -> Vec<u8> {
    let (kind, values) = (encode(tag::OID, kind), encode(tag::SET, value));
    encode(tag::SEQUENCE, &[&kind[..], &values[..]].concat()).to_vec()
}

/// A BMPString is UTF-16 in fact: Java and OpenSSL write surrogates for what lies beyond the BMP.
fn name(value: &Element<'_>) -> Option<String> {
    let name = match value.tag {
        tag::BMP_STRING => {
            let units: Vec<_> = value
                .content
                .chunks_exact(2)
                .map(|pair| {
                    pair.iter()
                        .fold(0, |unit, byte| unit << 8 | u16::from(*byte))
                })
                .collect();
            String::from_utf16_lossy(&units)
        }
        tag::UTF8_STRING => String::from_utf8_lossy(value.content).into_owned(),
        _ => return None,
    };
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: &[u8], value: &[u8]) -> Vec<u8> {
        let tlv = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
        let value = tlv(tag::SET, value);
        tlv(
            tag::SET,
            &tlv(tag::SEQUENCE, &[tlv(tag::OID, kind), value].concat()),
        )
    }

    fn read(bytes: &[u8]) -> Attributes {
        Attributes::read(Some(Element::read(bytes).unwrap())).unwrap()
    }

    #[test]
    fn names_are_utf_16() {
        let name = |value: &[u8]| read(&attribute(FRIENDLY_NAME, value)).name;
        let key = name(b"\x1e\x06\x00\xe4\xd8\x3d\xdd\x11");
        assert_eq!(key.as_deref(), Some("\u{e4}\u{1f511}"));
        assert_eq!(name(b"\x1e\x02\xd8\x3d").as_deref(), Some("\u{fffd}"));
        assert_eq!(name(b"\x1e\0"), None);
        assert_eq!(name(b"\x0c\x01a").as_deref(), Some("a"));
        assert_eq!(name(b"\x02\x01\x01"), None);
    }

    #[test]
    fn ids_may_lie_in_pieces() {
        let id = |value: &[u8]| read(&attribute(LOCAL_KEY_ID, value)).local_key_id;
        assert_eq!(id(b"\x04\x01\x07"), Some(vec![7]));
        assert_eq!(
            id(b"\x24\x80\x04\x01\x07\x04\x01\x08\0\0"),
            Some(vec![7, 8])
        );
    }

    #[test]
    fn what_is_written_is_read() {
        let written = Attributes {
            name: Some("Job \u{e4}\u{1f511}".into()),
            local_key_id: Some(vec![7; 20]),
            trusted: false,
        };
        assert_eq!(read(&written.to_der()), written);
        assert_eq!(Attributes::default().to_der(), b"");
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        assert_eq!(
            read(&attribute(b"\x2a\x03", b"\x05\0")),
            Attributes::default()
        );
        assert_eq!(read(&attribute(FRIENDLY_NAME, b"")), Attributes::default());
        assert_eq!(Attributes::read(None), Ok(Attributes::default()));
    }
}
