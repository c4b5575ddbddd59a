//! What a PEM file holds.

use keybearer_core::{Certificate, Error, ErrorKind, Result, Secret};
use keybearer_soft::{PrivateKey, describe, format::Format, pbe, work::WorkBudget};
use zeroize::Zeroizing;

/// The private keys and the certificates of a file, in its order.
pub(crate) struct Blocks {
    pub(crate) keys: Vec<KeyBlock>,
    pub(crate) certificates: Vec<Certificate>,
}

/// A private key, as it stands in the file.
pub(crate) struct KeyBlock {
    kind: Kind,
    der: Secret,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pkcs8,
    Pkcs1,
    Sec1,
    Encrypted,
}

/// Two thousand certificates take no more. Text takes several times its size while it is read.
const LIMIT: usize = 4 << 20;

impl Blocks {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let format = Format::of(bytes);
        if !matches!(format, Format::Pem | Format::Unknown) {
            return Err(format.instead_of("PEM file"));
        }
        if bytes.len() > LIMIT {
            return Err(malformed("the file has more than 4 MiB")
                .with_hint("no PEM file of a key is that large: check the path"));
        }
        let text = Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
        // An environment variable often holds the two characters `\n` where the line breaks were.
        let text = if text.contains("\\n") {
            Zeroizing::new(text.replace("\\r", "").replace("\\n", "\n"))
        } else {
            text
        };
        if !text.contains("-----BEGIN") {
            return Err(Format::Unknown.instead_of("PEM file"));
        }
        let blocks = pem::parse_many(text.as_bytes()).map_err(|error| {
            malformed("the file is no whole PEM").with_source(error.to_string())
        })?;
        // What has no end is passed over there, as text between blocks is.
        if blocks.len() < text.matches("-----BEGIN ").count() {
            return Err(malformed(
                "a block of the file has no end line: the file is cut off or changed",
            )
            .with_hint("each -----BEGIN ...----- has its -----END ...-----"));
        }
        let mut found = Self {
            keys: Vec::new(),
            certificates: Vec::new(),
        };
        let mut others = Vec::new();
        for block in blocks {
            let kind = match block.tag() {
                "PRIVATE KEY" => Kind::Pkcs8,
                "RSA PRIVATE KEY" => Kind::Pkcs1,
                "EC PRIVATE KEY" => Kind::Sec1,
                "ENCRYPTED PRIVATE KEY" => Kind::Encrypted,
                "CERTIFICATE" | "X509 CERTIFICATE" => {
                    found
                        .certificates
                        .push(Certificate::from_der(block.contents())?);
                    continue;
                }
                other => {
                    others.push(other.to_owned());
                    continue;
                }
            };
            if block.headers().iter().next().is_some() {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the key is encrypted in the old way of OpenSSL (Proc-Type)",
                )
                .with_hint("convert it: openssl pkcs8 -topk8 -in OLD.pem -out NEW.pem"));
            }
            found.keys.push(KeyBlock {
                kind,
                der: Secret::new(block.into_contents()),
            });
        }
        if found.keys.is_empty() && found.certificates.is_empty() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("the file has no private key, only {}", list(&others)),
            )
            .with_hint(convert(&others)));
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
            .with_hint("name the file of the private key, and this one by certificate=")),
            keys => Err(Error::new(
                ErrorKind::Ambiguous,
                format!("the file has {} private keys", keys.len()),
            )
            .with_hint("put each key into a file of its own")),
        }
    }
}

impl KeyBlock {
    pub(crate) fn is_encrypted(&self) -> bool {
        self.kind == Kind::Encrypted
    }

    /// The type of the key and its size in bits, as far as they can be told of a key that cannot be used.
    pub(crate) fn described(&self) -> (Option<String>, Option<usize>) {
        match self.kind {
            Kind::Pkcs8 => {
                let told = describe(self.der.expose());
                (
                    Some(told.key_type).filter(|name| !name.is_empty()),
                    told.bits,
                )
            }
            Kind::Pkcs1 => (Some("RSA".into()), None),
            Kind::Sec1 => (Some("EC".into()), None),
            Kind::Encrypted => (None, None),
        }
    }

    /// The key; `password` is asked for only where it is encrypted.
    pub(crate) fn open(
        &self,
        password: Option<&Secret>,
        pool: &[Certificate],
        budget: &mut WorkBudget,
    ) -> Result<PrivateKey> {
        match self.kind {
            Kind::Pkcs8 => PrivateKey::from_pkcs8_der_beside(self.der.expose(), pool),
            Kind::Pkcs1 => PrivateKey::from_pkcs1_der(self.der.expose()),
            Kind::Sec1 => PrivateKey::from_sec1_der(self.der.expose(), None),
            Kind::Encrypted => {
                let password = password.ok_or_else(|| {
                    Error::new(
                        ErrorKind::BadSecret,
                        "the key is encrypted and no password is given",
                    )
                    .with_hint("give password-source=env:NAME, file:PATH, fd:N or prompt:")
                })?;
                let der = pbe::decrypt_pkcs8(self.der.expose(), password, budget)?;
                PrivateKey::from_pkcs8_der_beside(der.expose(), pool)
            }
        }
    }
}

fn list(tags: &[String]) -> String {
    let mut tags = tags.to_vec();
    tags.dedup();
    if tags.is_empty() {
        "text".into()
    } else {
        tags.join(", ").to_lowercase()
    }
}

fn convert(tags: &[String]) -> &'static str {
    let has = |tag: &str| tags.iter().any(|known| known == tag);
    if has("OPENSSH PRIVATE KEY") {
        "convert a copy of it: ssh-keygen -p -m PKCS8 -f COPY"
    } else if has("PUBLIC KEY") || has("RSA PUBLIC KEY") {
        "this is the public half; name the file of the private key"
    } else {
        "name the file that has a PRIVATE KEY block"
    }
}

fn malformed(message: &str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}
