//! How a new store is protected.

use keybearer_core::{Attribute, KeyUri, Result};
use keybearer_soft::pbe::{Encryption, MacHash};

pub(crate) const ATTRIBUTE: Attribute = Attribute::new(
    "protection",
    "how a key is written: \"modern\" (AES-256, the default) or \"legacy\" (triple DES, for programs that know no other)",
);

/// How the parts that are written are protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protection {
    /// Keys and certificates by PBES2 (AES-256, PBKDF2 with HMAC-SHA-256), the MAC with SHA-256; 100,000 rounds each.
    /// OpenSSL, NSS, GnuTLS, Java since 8u301 and Windows since Server 2019 open it.
    #[default]
    Modern,
    /// The old way: keys and certificates by triple DES and SHA-1, the MAC with SHA-1; 50,000 rounds each, as keytool
    /// wrote it. Whatever reads PKCS#12 opens it, OpenSSL 3 without its legacy provider too. It is weak: for programs
    /// that take nothing else.
    Legacy,
}

impl Protection {
    /// The URI without what is only about writing, and says nothing of where a key is found.
    pub(crate) fn unsaid(uri: &KeyUri) -> KeyUri {
        uri.clone().without_attribute(ATTRIBUTE.name)
    }

    /// What `protection=` of a URI says.
    ///
    /// # Errors
    /// [`InvalidUri`](keybearer_core::ErrorKind::InvalidUri) for another word.
    pub(crate) fn of(uri: &KeyUri) -> Result<Self> {
        match uri.attribute(ATTRIBUTE.name) {
            None | Some("modern") => Ok(Self::Modern),
            Some("legacy") => Ok(Self::Legacy),
            Some(other) => Err(uri
                .invalid(format!("protection is \"{}\"", other.escape_debug()))
                .with_hint("it is modern (AES-256) or legacy (triple DES)")),
        }
    }

    /// The rounds of each key derivation.
    ///
    /// keytool writes 10,000 and OpenSSL 2,048. More than 300,000 for one derivation, and more than a million for all of
    /// a file, are refused by .NET 9's `X509CertificateLoader`: this leaves room for eight keys.
    pub(crate) fn rounds(self) -> u32 {
        match self {
            Self::Modern => 100_000,
            Self::Legacy => 50_000,
        }
    }

    pub(crate) fn encryption(self) -> Encryption {
        let rounds = self.rounds();
        match self {
            Self::Modern => Encryption::Aes256 { rounds },
            Self::Legacy => Encryption::TripleDesSha1 { rounds },
        }
    }

    pub(crate) fn mac_hash(self) -> MacHash {
        match self {
            Self::Modern => MacHash::Sha256,
            Self::Legacy => MacHash::Sha1,
        }
    }
}
