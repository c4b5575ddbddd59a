//! What a key file is, by its first bytes: never by its name, since keytool writes PKCS#12 into `.jks` files.

use keybearer_core::{Error, ErrorKind};

use crate::{
    ber::{Header, tag},
    text,
};

/// The kinds of files that are handed to us as key files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Nothing.
    Empty,
    /// A Java key store.
    Jks,
    /// Java's JCEKS.
    Jceks,
    /// PEM text.
    Pem,
    /// A JSON Web Key or a set of them (RFC 7517).
    Jwk,
    /// PKCS#12 (RFC 7292), also in BER.
    Pkcs12,
    /// PKCS#8 `PrivateKeyInfo` in DER.
    Pkcs8,
    /// PKCS#8 `EncryptedPrivateKeyInfo` in DER.
    EncryptedPkcs8,
    /// PKCS#1 `RSAPrivateKey` in DER.
    Pkcs1,
    /// SEC1 `ECPrivateKey` in DER.
    Sec1,
    /// An X.509 certificate in DER.
    Certificate,
    /// A PKCS#10 certificate request in DER.
    CertificateRequest,
    /// PKCS#7 or CMS in DER, most often certificates alone.
    Pkcs7,
    /// A public key (`SubjectPublicKeyInfo`) in DER.
    PublicKey,
    /// BouncyCastle's BKS.
    Bks,
    /// BouncyCastle's UBER.
    Uber,
    /// BouncyCastle's FIPS store (BCFKS).
    Bcfks,
    /// A key of PuTTY.
    Putty,
    /// A key ring or a key of PGP in binary (RFC 9580).
    Pgp,
    /// A public key of SSH, in one line.
    SshPublic,
    /// A ZIP archive.
    Zip,
    /// A ZIP archive whose first file is encrypted.
    EncryptedZip,
    /// PEM in base64 once more, as CI systems and Kubernetes keep secrets.
    Base64Pem,
    /// A binary key file in base64, as CI systems and Kubernetes keep secrets.
    Base64,
    /// An HTML or XML page.
    WebPage,
    /// Another SEQUENCE of ASN.1.
    OtherDer,
    /// What is not known here.
    Unknown,
}

impl Format {
    /// Reads the kind from the file's first bytes; the rest may be missing or damaged.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
            return Self::Jks;
        }
        if bytes.starts_with(&[0xce, 0xce, 0xce, 0xce]) {
            return Self::Jceks;
        }
        if let Some(rest) = bytes.strip_prefix(b"PK\x03\x04") {
            // The lowest bit of the flags, after the version (APPNOTE.TXT section 4.3.7).
            let encrypted = rest.get(2).is_some_and(|flags| flags & 1 == 1);
            return if encrypted {
                Self::EncryptedZip
            } else {
                Self::Zip
            };
        }
        if bytes.starts_with(b"PuTTY-User-Key-File-") {
            return Self::Putty;
        }
        if let Some(format) = bouncy_castle(bytes).or_else(|| der(bytes)) {
            return format;
        }
        if text::is_utf16(bytes) {
            return Self::of_text(text::decode(bytes).as_bytes());
        }
        Self::of_text(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
    }

    fn of_text(bytes: &[u8]) -> Self {
        if has(bytes, b"-----BEGIN") {
            return Self::Pem;
        }
        let start = bytes.trim_ascii_start();
        match start {
            [] => Self::Empty,
            [b'<', ..] => Self::WebPage,
            [b'{', ..] if has(bytes, b"\"kty\"") => Self::Jwk,
            // A tag of OpenPGP (RFC 9580 section 4.2): a secret or a public key, in the new form and in the old.
            [0xc5 | 0xc6 | 0x94..=0x9b, ..] => Self::Pgp,
            _ if start.starts_with(b"LS0tLS1CRUdJTi") => Self::Base64Pem,
            _ if is_base64(start) => Self::Base64,
            _ if start.starts_with(b"ssh-") || start.starts_with(b"ecdsa-sha2-") => Self::SshPublic,
            _ if bytes.starts_with(&[tag::SEQUENCE]) => Self::OtherDer,
            _ => Self::Unknown,
        }
    }

    /// The key URI scheme that reads it, where one does.
    pub fn scheme(self) -> Option<&'static str> {
        match self {
            Self::Jks | Self::Jceks => Some("jks"),
            Self::Pem
            | Self::Pkcs8
            | Self::EncryptedPkcs8
            | Self::Pkcs1
            | Self::Sec1
            | Self::Jwk => Some("pem"),
            Self::Pkcs12 => Some("pkcs12"),
            _ => None,
        }
    }

    /// What it is, for people.
    pub fn what(self) -> &'static str {
        match self {
            Self::Empty => "an empty file",
            Self::Jks => "a Java key store (JKS)",
            Self::Jceks => "a JCEKS store",
            Self::Pem => "a PEM file",
            Self::Pkcs12 => "a PKCS#12 store",
            Self::Pkcs8 => "a private key in DER (PKCS#8)",
            Self::EncryptedPkcs8 => "an encrypted private key in DER (PKCS#8)",
            Self::Pkcs1 => "an RSA private key in DER (PKCS#1)",
            Self::Sec1 => "an EC private key in DER (SEC1)",
            Self::Certificate => "a certificate in DER",
            Self::CertificateRequest => "a certificate request in DER",
            Self::Pkcs7 => "a PKCS#7 file of certificates",
            Self::PublicKey => "a public key in DER",
            Self::Bks => "a BKS store of BouncyCastle",
            Self::Uber => "a UBER store of BouncyCastle",
            Self::Bcfks => "a BCFKS store of BouncyCastle",
            Self::Putty => "a key of PuTTY",
            Self::Jwk => "a JSON Web Key",
            Self::Pgp => "a key of PGP",
            Self::SshPublic => "a public key of SSH",
            Self::Zip => "a ZIP archive",
            Self::EncryptedZip => "an encrypted ZIP archive",
            Self::Base64Pem => "a PEM file in base64 once more",
            Self::Base64 => "a key file in base64",
            Self::WebPage => "a web page",
            Self::OtherDer => "a DER file of an unknown kind",
            Self::Unknown => "a file of an unknown kind",
        }
    }

    /// What to do with it: the scheme to write, or the command that turns it into a file that is read.
    pub fn cure(self) -> &'static str {
        match self {
            Self::Empty => {
                "take the file from its source again: ls -l there tells whether it is whole"
            }
            Self::Jks | Self::Jceks => "write jks:PATH, or keystore:PATH for any kind",
            Self::Pem
            | Self::Pkcs8
            | Self::EncryptedPkcs8
            | Self::Pkcs1
            | Self::Sec1
            | Self::Jwk => "write pem:PATH, or keystore:PATH for any kind",
            Self::Pkcs12 => "write pkcs12:PATH, or keystore:PATH for any kind",
            Self::Certificate => {
                "it has no private key: name the file of the key, and this one beside it: keybearer key show 'keystore:KEYFILE?certificate=FILE'"
            }
            Self::CertificateRequest => {
                "it has no private key: name the file of the key that it was made with; where that is lost, make a new one: keybearer key new pem:NEW.pem --subject CN=NAME"
            }
            Self::Pkcs7 => {
                "it has no private key: name the file of the key, and as certificate= what this writes: openssl pkcs7 -inform DER -in FILE -print_certs -out NEW.pem"
            }
            Self::PublicKey | Self::SshPublic => {
                "this is the public half: name the file of the private key; where that is lost, make a new one: keybearer key new pem:NEW.pem --subject CN=NAME"
            }
            Self::Bks => {
                "convert it: keytool -importkeystore -providerpath bcprov.jar -provider org.bouncycastle.jce.provider.BouncyCastleProvider -srcstoretype BKS -srckeystore FILE -deststoretype PKCS12 -destkeystore NEW.p12"
            }
            Self::Uber => {
                "convert it: keytool -importkeystore -providerpath bcprov.jar -provider org.bouncycastle.jce.provider.BouncyCastleProvider -srcstoretype UBER -srckeystore FILE -deststoretype PKCS12 -destkeystore NEW.p12"
            }
            Self::Bcfks => {
                "convert it: keytool -importkeystore -providerpath bcprov.jar -provider org.bouncycastle.jce.provider.BouncyCastleProvider -srcstoretype BCFKS -srckeystore FILE -deststoretype PKCS12 -destkeystore NEW.p12"
            }
            Self::Putty => {
                "convert it: puttygen FILE -O private-openssh -o NEW.pem (RSA and ECDSA; for Ed25519 make a new key: keybearer key new pem:NEW.pem --subject CN=NAME)"
            }
            Self::Pgp => {
                "make a key for signing tokens instead: keybearer key new pem:NEW.pem --subject CN=NAME"
            }
            Self::Zip => "take the key file out of it: unzip FILE",
            Self::EncryptedZip => {
                "take the key file out of it: 7z x FILE (it asks for the archive's password)"
            }
            Self::Base64Pem => "decode it: base64 -d FILE > NEW.pem",
            Self::Base64 => "decode it: base64 -d FILE > NEW",
            Self::WebPage => {
                "the download was not of a key, most often a page to log in on: take it from its source again, with the login: curl -fL -u USER -o NEW URL"
            }
            Self::OtherDer | Self::Unknown => {
                "key files are PEM, PKCS#12 or JKS: file FILE and openssl asn1parse -inform DER -in FILE tell what it may be"
            }
        }
    }

    /// The error of a reader of all formats that was given this, which is none of them.
    pub fn unread(self) -> Error {
        let message = match self {
            Self::Empty => "the file is empty".to_owned(),
            Self::Unknown => "this is no key file that is known here".to_owned(),
            known => format!(
                "this is {}; key files are PEM, PKCS#12 or JKS",
                known.what()
            ),
        };
        Error::new(ErrorKind::Malformed, message).with_hint(self.cure())
    }

    /// The error of a reader of `wanted` ("JKS store") that was given this.
    pub fn instead_of(self, wanted: &str) -> Error {
        let message = match self {
            Self::Empty => "the file is empty".to_owned(),
            Self::Unknown => format!("this is not a {wanted}"),
            known => format!("this is {}, not a {wanted}", known.what()),
        };
        Error::new(ErrorKind::Malformed, message).with_hint(self.cure())
    }
}

/// BKS and UBER begin with a version and the length of a salt, 20 bytes; the salt and a count of rounds follow. After
/// that BKS has its first entry, or the mark of its end, and UBER is encrypted.
fn bouncy_castle(bytes: &[u8]) -> Option<Format> {
    let version = bytes.strip_prefix(&[0, 0, 0])?;
    let after = version.get(1..)?.strip_prefix(&[0, 0, 0, 20])?;
    match (version.first()?, after.get(24..26)) {
        (2, _) | (1, Some([0..=4, 0])) => Some(Format::Bks),
        (1, _) => Some(Format::Uber),
        _ => None,
    }
}

/// The ASN.1 type, from the headers at the beginning. Lengths are not believed, so that a file that is cut off is known
/// for what it was.
fn der(bytes: &[u8]) -> Option<Format> {
    let inner = enter(bytes, tag::SEQUENCE)?;
    let first = Header::peek(inner).ok()?;
    match first.tag {
        tag::INTEGER => {
            let version = element(inner)?;
            let after = skip(inner)?;
            let second = Header::peek(after).ok()?;
            match (version, second.tag) {
                ([3], tag::SEQUENCE) if is_cms(enter(after, tag::SEQUENCE)?) => {
                    Some(Format::Pkcs12)
                }
                ([0 | 1], tag::SEQUENCE) if has_tag(enter(after, tag::SEQUENCE)?, tag::OID) => {
                    Some(Format::Pkcs8)
                }
                ([0 | 1], tag::INTEGER) => Some(Format::Pkcs1),
                ([1], tag::OCTET_STRING) => Some(Format::Sec1),
                _ => None,
            }
        }
        tag::OID if is_cms(inner) => Some(Format::Pkcs7),
        tag::SEQUENCE => in_sequence(inner),
        _ => None,
    }
}

/// What begins with two SEQUENCEs.
fn in_sequence(outer: &[u8]) -> Option<Format> {
    let inner = enter(outer, tag::SEQUENCE)?;
    match Header::peek(inner).ok()?.tag {
        // An AlgorithmIdentifier; after it the public key or the ciphertext.
        tag::OID => match Header::peek(skip(outer)?).ok()?.tag {
            tag::BIT_STRING => Some(Format::PublicKey),
            tag::OCTET_STRING => Some(Format::EncryptedPkcs8),
            _ => None,
        },
        // TBSCertificate of versions 2 and 3.
        tag::CONTEXT_0 => Some(Format::Certificate),
        // What is encrypted or open, and after it the integrity check.
        tag::SEQUENCE => is_bcfks(inner).then_some(Format::Bcfks),
        // A version 1 certificate goes on with an algorithm, a request with a name.
        tag::INTEGER => {
            let second = enter(skip(inner)?, tag::SEQUENCE)?;
            if has_tag(second, tag::OID) {
                Some(Format::Certificate)
            } else {
                Some(Format::CertificateRequest)
            }
        }
        _ => None,
    }
}

/// An encrypted store of BouncyCastle: an algorithm (PBES2) one level deeper than in an encrypted key.
fn is_bcfks(bytes: &[u8]) -> bool {
    const PBES2: [u8; 11] = [
        tag::OID,
        9,
        0x2a,
        0x86,
        0x48,
        0x86,
        0xf7,
        0x0d,
        0x01,
        0x05,
        0x0d,
    ];
    enter(bytes, tag::SEQUENCE).is_some_and(|algorithm| algorithm.starts_with(&PBES2))
}

/// What lies in an element of this tag at the beginning.
fn enter(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let header = Header::peek(bytes).ok()?;
    if header.tag != tag {
        return None;
    }
    bytes.get(header.len..)
}

/// The content of the element at the beginning.
fn element(bytes: &[u8]) -> Option<&[u8]> {
    let header = Header::peek(bytes).ok()?;
    bytes.get(header.len..)?.get(..header.content?)
}

/// What follows the element at the beginning.
fn skip(bytes: &[u8]) -> Option<&[u8]> {
    let header = Header::peek(bytes).ok()?;
    bytes.get(header.len..)?.get(header.content?..)
}

/// Base64 of a SEQUENCE of more than 255 bytes, or of a Java key store.
fn is_base64(bytes: &[u8]) -> bool {
    let begins = [&b"MII"[..], b"/u3+7Q", b"zs7Ozg"];
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(byte);
    begins.iter().any(|begin| bytes.starts_with(begin)) && bytes.iter().take(64).all(is_digit)
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn has_tag(bytes: &[u8], tag: u8) -> bool {
    Header::peek(bytes).is_ok_and(|header| header.tag == tag)
}

/// Whether a content type of PKCS#7 (1.2.840.113549.1.7) comes first.
fn is_cms(bytes: &[u8]) -> bool {
    const PKCS7: [u8; 10] = [tag::OID, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
    bytes.starts_with(&PKCS7)
}

#[cfg(test)]
mod tests;
