//! X.509 certificates, as far as matching them to keys needs it.

use std::fmt;

use der::{Decode, Header, Reader, SliceReader, Tag, Tagged, asn1::AnyRef};

use crate::{Error, ErrorKind, PublicKey, Result, public_key::pem_config};

/// An X.509 certificate (RFC 5280) in DER. Nothing of it is verified here.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Certificate(Vec<u8>);

/// Real chains have a few; a hostile store could make one of thousands, each looked for among thousands.
const LONGEST_CHAIN: usize = 32;

impl Certificate {
    /// Takes one certificate in DER.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] where its outline is not a certificate's.
    pub fn from_der(der: impl Into<Vec<u8>>) -> Result<Self> {
        let certificate = Self(der.into());
        certificate.fields()?;
        Ok(certificate)
    }

    /// Reads a file: all certificates of a PEM text, in its order, or one in DER.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] where there is none.
    pub fn from_file(bytes: &[u8]) -> Result<Vec<Self>> {
        let text = String::from_utf8_lossy(bytes);
        if !text.contains("-----BEGIN") {
            return Ok(vec![Self::from_der(bytes)?]);
        }
        let blocks =
            pem::parse_many(text.as_bytes()).map_err(|error| malformed(error.to_string()))?;
        let is_certificate =
            |block: &&pem::Pem| matches!(block.tag(), "CERTIFICATE" | "X509 CERTIFICATE");
        let found: Result<Vec<_>> = blocks
            .iter()
            .filter(is_certificate)
            .map(|block| Self::from_der(block.contents()))
            .collect();
        found.and_then(|found| {
            if found.is_empty() {
                Err(malformed("no CERTIFICATE block is in it"))
            } else {
                Ok(found)
            }
        })
    }

    /// The certificates of a pool that belong to a key, leaf first, each followed by its issuer as far as the pool has
    /// it, 32 at most; empty where no certificate is the key's.
    pub fn chain_for(key: &PublicKey, pool: &[Self]) -> Vec<Self> {
        let leaf = pool
            .iter()
            .find(|candidate| candidate.public_key().is_ok_and(|public| public == *key));
        let mut chain: Vec<Self> = leaf.cloned().into_iter().collect();
        while chain.len() < LONGEST_CHAIN
            && let Some(issuer) = chain.last().and_then(|last| last.issuer_der().ok())
        {
            let is_next = |candidate: &&Self| {
                candidate
                    .subject_der()
                    .is_ok_and(|subject| subject == issuer)
                    && !chain.contains(candidate)
            };
            match pool.iter().find(is_next) {
                Some(next) => chain.push(next.clone()),
                None => break,
            }
        }
        chain
    }

    /// The certificate in DER.
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }

    /// The certificate in PEM.
    pub fn to_pem(&self) -> String {
        pem::encode_config(
            &pem::Pem::new("CERTIFICATE", self.0.as_slice()),
            pem_config(),
        )
    }

    /// The public key that it is for.
    ///
    /// # Errors
    /// As [`PublicKey::from_spki_der`].
    pub fn public_key(&self) -> Result<PublicKey> {
        PublicKey::from_spki_der(self.fields()?.spki)
    }

    /// The `SubjectPublicKeyInfo` in DER, also of a key that no [`KeyType`](crate::KeyType) names.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] where the certificate is damaged.
    pub fn spki_der(&self) -> Result<&[u8]> {
        Ok(self.fields()?.spki)
    }

    /// The subject's name in DER.
    pub fn subject_der(&self) -> Result<&[u8]> {
        Ok(self.fields()?.subject)
    }

    /// The issuer's name in DER.
    pub fn issuer_der(&self) -> Result<&[u8]> {
        Ok(self.fields()?.issuer)
    }

    fn fields(&self) -> Result<Fields<'_>> {
        Fields::read(&self.0).map_err(malformed)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.0.len())
    }
}

struct Fields<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    spki: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Walks the outline and no deeper: certificates in the wild have serials and dates that a strict reader refuses.
    fn read(der: &'a [u8]) -> der::Result<Self> {
        let whole = AnyRef::from_der(der)?;
        whole.tag().assert_eq(Tag::Sequence)?;
        let mut outer = SliceReader::new(whole.value())?;
        let tbs = AnyRef::decode(&mut outer)?;
        tbs.tag().assert_eq(Tag::Sequence)?;
        let mut fields = SliceReader::new(tbs.value())?;
        if Header::peek(&fields)?.tag().is_context_specific() {
            fields.tlv_bytes()?;
        }
        let _serial = fields.tlv_bytes()?;
        let _signature_algorithm = fields.tlv_bytes()?;
        let issuer = fields.tlv_bytes()?;
        let _validity = fields.tlv_bytes()?;
        let subject = fields.tlv_bytes()?;
        let spki = fields.tlv_bytes()?;
        Ok(Self {
            issuer,
            subject,
            spki,
        })
    }
}

fn malformed(why: impl ToString) -> Error {
    Error::new(ErrorKind::Malformed, "this is not a certificate").with_source(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag, 0x82];
        bytes.extend((value.len() as u16).to_be_bytes());
        if value.len() < 128 {
            bytes = vec![tag, value.len() as u8];
        } else if value.len() < 256 {
            bytes = vec![tag, 0x81, value.len() as u8];
        }
        bytes.extend(value);
        bytes
    }

    fn certificate(subject: &[u8], issuer: &[u8], key: &PublicKey) -> Certificate {
        let fields = [
            tlv(0xa0, &[2, 1, 2]),
            tlv(2, &[1]),
            tlv(0x30, &[]),
            tlv(0x30, issuer),
            tlv(0x30, &[]),
            tlv(0x30, subject),
            key.spki_der().to_vec(),
        ];
        let body = [tlv(0x30, &fields.concat()), tlv(0x30, &[]), tlv(3, &[0, 1])];
        Certificate::from_der(tlv(0x30, &body.concat())).unwrap()
    }

    #[test]
    fn a_chain_is_put_in_order() {
        let [a, b, c] = [1, 2, 3].map(|byte| PublicKey::from_ed25519(&[byte; 32]).unwrap());
        let leaf = certificate(b"leaf", b"ca", &a);
        let ca = certificate(b"ca", b"root", &b);
        let root = certificate(b"root", b"root", &c);
        let pool = [root.clone(), leaf.clone(), ca.clone()];
        assert_eq!(
            Certificate::chain_for(&a, &pool),
            [leaf, ca.clone(), root.clone()]
        );
        assert_eq!(Certificate::chain_for(&b, &pool), [ca, root]);
        assert_eq!(
            Certificate::chain_for(&PublicKey::from_ed25519(&[4; 32]).unwrap(), &pool),
            []
        );
    }

    #[test]
    fn pem_and_der_are_read_back() {
        let key = PublicKey::from_ed25519(&[1; 32]).unwrap();
        let certificate = certificate(b"a", b"b", &key);
        assert_eq!(
            Certificate::from_file(certificate.as_der()).unwrap(),
            std::slice::from_ref(&certificate)
        );
        let text = format!(
            "words before\n{0}{0}",
            certificate.to_pem().replace('\n', "\r\n")
        );
        assert_eq!(Certificate::from_file(text.as_bytes()).unwrap().len(), 2);
        assert_eq!(PublicKey::from_file(text.as_bytes()).unwrap(), key);
    }

    #[test]
    fn garbage_is_malformed() {
        for bytes in [
            &b""[..],
            b"x",
            b"\x30\x00",
            b"\x30\x84\xff\xff\xff\xff",
            b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
        ] {
            assert_eq!(
                Certificate::from_file(bytes).unwrap_err().kind(),
                ErrorKind::Malformed
            );
        }
    }
}
