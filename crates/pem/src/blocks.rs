//! What a PEM file holds.

use std::mem;

use keybearer_core::{Certificate, Error, ErrorKind, Result, Secret};
use keybearer_soft::{
    PrivateKey, ber::Elements, describe, format::Format, pbe, text, work::WorkBudget,
};

use crate::{
    armour,
    jwk::{self, Jwk},
    others,
};

/// The private keys and the certificates of a file, in its order.
pub(crate) struct Blocks {
    pub(crate) keys: Vec<KeyBlock>,
    pub(crate) certificates: Vec<Certificate>,
}

/// A private key, as it stands in the file.
pub(crate) struct KeyBlock {
    kind: Kind,
    der: Secret,
    /// Of a key that is encrypted in the way before PKCS#8.
    dek_info: Option<String>,
    name: Option<String>,
}

enum Kind {
    Pkcs8,
    Pkcs1,
    /// With the `ECParameters` that stand before it.
    Sec1(Option<Secret>),
    Encrypted,
    Jwk(Box<Jwk>),
}

/// Two thousand certificates take no more. Text takes several times its size while it is read.
const LIMIT: usize = 4 << 20;

impl Blocks {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let format = Format::of(bytes);
        let kind = match format {
            Format::Pkcs8 => Some(Kind::Pkcs8),
            Format::Pkcs1 => Some(Kind::Pkcs1),
            Format::Sec1 => Some(Kind::Sec1(None)),
            Format::EncryptedPkcs8 => Some(Kind::Encrypted),
            Format::Pem | Format::Jwk | Format::Unknown => None,
            other => return Err(other.instead_of("PEM file")),
        };
        if bytes.len() > LIMIT {
            return Err(malformed("the file has more than 4 MiB")
                .with_hint("no PEM file of a key is that large: check the path"));
        }
        if let Some(kind) = kind {
            // DER, whatever the file's name says.
            // What follows is none of the key's: a line break of an editor's, zeros of a disk's.
            let key = Elements::new(bytes).next();
            let key = key.map_or(bytes, |key| key.encoding);
            return Ok(Self {
                keys: vec![KeyBlock::new(kind, Secret::new(key))],
                certificates: Vec::new(),
            });
        }
        let text = text::decode(bytes);
        match format {
            Format::Jwk => {
                let (keys, certificates) = jwk::read(&text)?;
                let keys = keys
                    .into_iter()
                    .map(|key| KeyBlock::new(Kind::Jwk(Box::new(key)), Secret::new(Vec::new())));
                Ok(Self {
                    keys: keys.collect(),
                    certificates,
                })
            }
            Format::Pem => Self::of_text(&armour::unescape(text)),
            other => Err(other.instead_of("PEM file")),
        }
    }

    fn of_text(text: &str) -> Result<Self> {
        let mut found = Self {
            keys: Vec::new(),
            certificates: Vec::new(),
        };
        let mut others: Vec<&str> = Vec::new();
        let mut parameters = None;
        for block in armour::blocks(text) {
            let block = block?;
            let kind = match block.label {
                "PRIVATE KEY" => Kind::Pkcs8,
                "RSA PRIVATE KEY" => Kind::Pkcs1,
                "EC PRIVATE KEY" => Kind::Sec1(parameters.take()),
                "ENCRYPTED PRIVATE KEY" => Kind::Encrypted,
                "EC PARAMETERS" => {
                    parameters = Some(block.decode()?);
                    name(block.label, &mut others);
                    continue;
                }
                "CERTIFICATE" | "X509 CERTIFICATE" => {
                    let der = block.decode()?;
                    found
                        .certificates
                        .push(Certificate::from_der(der.expose())?);
                    continue;
                }
                other => {
                    name(other, &mut others);
                    continue;
                }
            };
            let key = KeyBlock {
                kind,
                der: block.decode()?,
                dek_info: block.dek_info().map(str::to_owned),
                name: block.name().map(str::to_owned),
            };
            // Files that were put together by script may have a key twice, and that is one.
            if !found.keys.iter().any(|known| known.is_same(&key)) {
                found.keys.push(key);
            }
        }
        if found.keys.is_empty() && found.certificates.is_empty() {
            return Err(others::no_key(&others));
        }
        Ok(found)
    }

    /// The one private key of the file.
    pub(crate) fn key(&self) -> Result<&KeyBlock> {
        match self.keys.as_slice() {
            [key] => Ok(key),
            [] => Err(Error::new(
                ErrorKind::NotFound,
                "the file has certificates and no private key",
            )
            .with_hint("name the file of the key, and this one beside it: keybearer key show 'keystore:KEYFILE?certificate=FILE'")),
            keys => Err(Error::new(
                ErrorKind::Ambiguous,
                format!("the file has {} private keys", keys.len()),
            )
            .with_hint("put each key into a file of its own: openssl pkey -in FILE -out NEW.pem (it takes the first)")),
        }
    }
}

impl KeyBlock {
    fn new(kind: Kind, der: Secret) -> Self {
        Self {
            kind,
            der,
            dek_info: None,
            name: None,
        }
    }

    /// The same bytes under the same label.
    fn is_same(&self, other: &Self) -> bool {
        mem::discriminant(&self.kind) == mem::discriminant(&other.kind)
            && self.der == other.der
            && self.dek_info == other.dek_info
    }

    /// What stands before the key as its name.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.kind, Kind::Encrypted) || self.dek_info.is_some()
    }

    /// The type of the key and its size in bits, as far as they can be told of a key that cannot be used.
    pub(crate) fn described(&self) -> (Option<String>, Option<usize>) {
        match &self.kind {
            Kind::Pkcs8 => {
                let told = describe(self.der.expose());
                (
                    Some(told.key_type).filter(|name| !name.is_empty()),
                    told.bits,
                )
            }
            Kind::Pkcs1 => (Some("RSA".into()), None),
            Kind::Sec1(_) => (Some("EC".into()), None),
            Kind::Encrypted => (None, None),
            Kind::Jwk(jwk) => (Some(jwk.key_type().into()), None),
        }
    }

    /// The key; `password` is asked for only where it is encrypted.
    pub(crate) fn open(
        &self,
        password: Option<&Secret>,
        pool: &[Certificate],
        budget: &mut WorkBudget,
    ) -> Result<PrivateKey> {
        let decrypted = match &self.dek_info {
            Some(header) => {
                let password = given(password)?;
                Some(pbe::decrypt_dek(header, self.der.expose(), password)?)
            }
            None => None,
        };
        let der = decrypted.as_ref().unwrap_or(&self.der).expose();
        match &self.kind {
            Kind::Pkcs8 => PrivateKey::from_pkcs8_der_beside(der, pool),
            Kind::Pkcs1 => PrivateKey::from_pkcs1_der(der),
            Kind::Sec1(Some(parameters)) => {
                PrivateKey::from_sec1_der_beside(der, parameters.expose())
            }
            Kind::Sec1(None) => PrivateKey::from_sec1_der(der, None),
            Kind::Encrypted => {
                let der = pbe::decrypt_pkcs8(der, given(password)?, budget)?;
                PrivateKey::from_pkcs8_der_beside(der.expose(), pool)
            }
            Kind::Jwk(jwk) => jwk.open(),
        }
    }
}

/// Remembers a label for an error, as far as people read.
fn name<'a>(label: &'a str, others: &mut Vec<&'a str>) {
    if !others.contains(&label) && others.len() < 8 {
        others.push(label);
    }
}

fn given(password: Option<&Secret>) -> Result<&Secret> {
    password.ok_or_else(|| {
        Error::new(
            ErrorKind::BadSecret,
            "the key is encrypted and no password is given",
        )
        .with_hint("give password-source=env:NAME, file:PATH, fd:N or prompt:")
    })
}

fn malformed(message: &str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}
