//! The path of a PKCS#11 URI (RFC 7512 section 2.3).

use std::fmt::Write;

use keybearer_core::{KeyUri, Result};

/// Which key, in which token: the path attributes of a PKCS#11 URI (RFC 7512). What is left out matches everything.
///
/// ```
/// use keybearer_pkcs11::Locator;
/// let uri = Locator::new().token("jwt").id([1]).to_uri("/usr/lib/softhsm/libsofthsm2.so");
/// assert_eq!(uri.to_string(), "pkcs11:token=jwt;id=%01?module-path=/usr/lib/softhsm/libsofthsm2.so");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locator {
    pub(crate) token: Option<String>,
    pub(crate) manufacturer: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) library_description: Option<String>,
    pub(crate) library_manufacturer: Option<String>,
    pub(crate) library_version: Option<String>,
    pub(crate) slot_description: Option<String>,
    pub(crate) slot_id: Option<u64>,
    pub(crate) slot_manufacturer: Option<String>,
    pub(crate) object: Option<String>,
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) kind: Option<Kind>,
}

/// What the attribute `type` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Cert,
    Data,
    Private,
    Public,
    SecretKey,
}

const NAMES: [&str; 13] = [
    "token",
    "object",
    "id",
    "serial",
    "manufacturer",
    "model",
    "type",
    "slot-id",
    "slot-description",
    "slot-manufacturer",
    "library-description",
    "library-manufacturer",
    "library-version",
];

const KINDS: [(&str, Kind); 5] = [
    ("cert", Kind::Cert),
    ("data", Kind::Data),
    ("private", Kind::Private),
    ("public", Kind::Public),
    ("secret-key", Kind::SecretKey),
];

impl Locator {
    /// Every key of every token.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of the token with this label.
    #[must_use]
    pub fn token(mut self, label: impl Into<String>) -> Self {
        self.token = Some(label.into());
        self
    }

    /// Of the token with this serial number.
    #[must_use]
    pub fn serial(mut self, serial: impl Into<String>) -> Self {
        self.serial = Some(serial.into());
        self
    }

    /// The key with this label (`CKA_LABEL`).
    #[must_use]
    pub fn object(mut self, label: impl Into<String>) -> Self {
        self.object = Some(label.into());
        self
    }

    /// The key with this identifier (`CKA_ID`), which is bytes.
    #[must_use]
    pub fn id(mut self, id: impl Into<Vec<u8>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The key URI, with the file of the module that speaks to the token.
    pub fn to_uri(&self, module_path: impl Into<String>) -> KeyUri {
        KeyUri::new("pkcs11", self.to_path()).with_attribute("module-path", module_path)
    }

    /// Reads the locator of a `pkcs11:` URI: it is split first and decoded then, so that a value may hold a `;`.
    pub(crate) fn read(uri: &KeyUri) -> Result<Self> {
        let mut locator = Self::default();
        for pair in uri.locator().split(';').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                uri.invalid("a part of the locator has no \"=\"")
                    .with_hint(FORM)
            })?;
            let value = uri.decode(value)?;
            locator.set(uri, name, value)?;
        }
        Ok(locator)
    }

    /// The path of the URI: RFC 7512 section 2.3, every byte of an `id` in hexadecimal.
    pub(crate) fn to_path(&self) -> String {
        let mut path = String::new();
        let mut put = |name: &str, value: Option<String>| {
            let Some(value) = value else { return };
            let separator = if path.is_empty() { "" } else { ";" };
            let _ = write!(path, "{separator}{name}={value}");
        };
        let text = |value: &Option<String>| value.as_deref().map(encode);
        put("token", text(&self.token));
        put("manufacturer", text(&self.manufacturer));
        put("serial", text(&self.serial));
        put("model", text(&self.model));
        put("library-description", text(&self.library_description));
        put("library-manufacturer", text(&self.library_manufacturer));
        put("library-version", text(&self.library_version));
        put("slot-description", text(&self.slot_description));
        put("slot-id", self.slot_id.map(|id| id.to_string()));
        put("slot-manufacturer", text(&self.slot_manufacturer));
        put("object", text(&self.object));
        put("id", self.id.as_deref().map(encode_bytes));
        let kind = KINDS.iter().find(|(_, kind)| Some(*kind) == self.kind);
        put("type", kind.map(|(name, _)| (*name).into()));
        path
    }

    fn set(&mut self, uri: &KeyUri, name: &str, value: Vec<u8>) -> Result<()> {
        let twice = || uri.invalid(format!("the locator has \"{name}\" twice"));
        if name == "id" {
            return self.id.replace(value).map_or(Ok(()), |_| Err(twice()));
        }
        let value = String::from_utf8(value)
            .map_err(|_| uri.invalid(format!("the value of \"{name}\" is not UTF-8")))?;
        let slot = match name {
            "token" => &mut self.token,
            "manufacturer" => &mut self.manufacturer,
            "serial" => &mut self.serial,
            "model" => &mut self.model,
            "library-description" => &mut self.library_description,
            "library-manufacturer" => &mut self.library_manufacturer,
            "library-version" => {
                let version = version(&value).ok_or_else(|| {
                    uri.invalid("library-version is not of the form M.N")
                        .with_hint("both are decimal numbers up to 255; M alone is M.0")
                })?;
                let known = self.library_version.replace(version);
                return known.map_or(Ok(()), |_| Err(twice()));
            }
            "slot-description" => &mut self.slot_description,
            "slot-manufacturer" => &mut self.slot_manufacturer,
            "object" => &mut self.object,
            "slot-id" => {
                let id = value
                    .parse()
                    .map_err(|_| uri.invalid("slot-id is not a decimal number"))?;
                return self.slot_id.replace(id).map_or(Ok(()), |_| Err(twice()));
            }
            "type" => {
                let kind = KINDS.iter().find(|(known, _)| *known == value);
                let (_, kind) = kind.ok_or_else(|| {
                    uri.invalid(format!(
                        "there are no objects of type \"{}\"",
                        value.escape_debug()
                    ))
                    .with_hint("the types are private, public, cert, secret-key and data")
                })?;
                return self.kind.replace(*kind).map_or(Ok(()), |_| Err(twice()));
            }
            unknown => return Err(unknown_name(uri, unknown)),
        };
        slot.replace(value).map_or(Ok(()), |_| Err(twice()))
    }
}

/// RFC 7512 section 2.3: two numbers of a byte each, and `M` is `M.0`.
fn version(text: &str) -> Option<String> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let number = |text: &str| {
        let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u8>().ok().filter(|_| is_decimal)
    };
    Some(format!("{}.{}", number(major)?, number(minor)?))
}

const FORM: &str =
    "a PKCS#11 URI is pkcs11:token=LABEL;object=LABEL;id=%01?module-path=FILE&pin-source=env:PIN";

fn unknown_name(uri: &KeyUri, name: &str) -> keybearer_core::Error {
    let error = uri.invalid(format!("PKCS#11 URIs have no \"{}\"", name.escape_debug()));
    if ["module-path", "module-name", "pin-source", "pin-value"].contains(&name) {
        return error.with_hint(format!("{name} stands after the \"?\""));
    }
    let nearest = NAMES
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)))
        .filter(|nearest| strsim::jaro_winkler(nearest, name) > 0.8);
    let list = format!("the parts of the locator are {}", NAMES.join(", "));
    error.with_hint(match nearest {
        Some(nearest) => format!("did you mean \"{nearest}\"? {list}"),
        None => list,
    })
}

/// What RFC 7512 lets stand for itself in a path (`pk11-pchar`) stays, every other byte becomes `%XX`.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:[]@!$'()*+,=&".contains(&byte) {
            path.push(byte.into());
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}

pub(crate) fn encode_bytes(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    })
}

#[cfg(test)]
mod tests {
    use keybearer_core::ErrorKind;

    use super::*;

    fn read(text: &str) -> Result<Locator> {
        Locator::read(&text.parse()?)
    }

    #[test]
    fn is_split_before_it_is_decoded() {
        let locator = read(
            "pkcs11:token=The%20Software%3bToken;manufacturer=Snake%20Oil,%20Inc.;serial=;slot-id=327;\
             object=caf%C3%A9+;id=%69%00%ff;type=private?module-path=/m.so",
        )
        .unwrap();
        assert_eq!(locator.token.as_deref(), Some("The Software;Token"));
        assert_eq!(locator.manufacturer.as_deref(), Some("Snake Oil, Inc."));
        assert_eq!(locator.serial.as_deref(), Some(""));
        assert_eq!(locator.slot_id, Some(327));
        assert_eq!(locator.object.as_deref(), Some("café+"));
        assert_eq!(locator.id.as_deref(), Some(&[0x69, 0, 0xff][..]));
        assert_eq!(locator.kind, Some(Kind::Private));
        let uri: KeyUri = format!("pkcs11:{}", locator.to_path()).parse().unwrap();
        assert_eq!(Locator::read(&uri).unwrap(), locator);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let odd = Locator::new()
            .token("a;b?c/d%e&f=g #ü")
            .serial("0")
            .object("o|p")
            .id([0, 0x3b, 0xff]);
        let uri: KeyUri = odd.to_uri("/m&n.so").to_string().parse().unwrap();
        assert_eq!(Locator::read(&uri).unwrap(), odd);
        assert_eq!(uri.attribute("module-path"), Some("/m&n.so"));
    }

    #[test]
    fn a_version_without_a_minor_number_is_its_first() {
        for (text, version) in [
            ("3", "3.0"),
            ("3.0", "3.0"),
            ("2.40", "2.40"),
            ("02.6", "2.6"),
        ] {
            let locator = read(&format!("pkcs11:library-version={text}")).unwrap();
            assert_eq!(locator.library_version.as_deref(), Some(version));
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, hint) in [
            ("pkcs11:tokn=a", Some("did you mean \"token\"?")),
            ("pkcs11:lable=a", None),
            ("pkcs11:module-path=/m.so", Some("after the \"?\"")),
            ("pkcs11:token", Some("pkcs11:token=LABEL")),
            ("pkcs11:token=a;token=b", None),
            ("pkcs11:id=%01;id=%01", None),
            ("pkcs11:type=key", Some("private, public")),
            ("pkcs11:slot-id=first", None),
            ("pkcs11:library-version=2.6.1", Some("M alone")),
            ("pkcs11:library-version=256.0", None),
            ("pkcs11:library-version=2.6;library-version=2.6", None),
            ("pkcs11:object=%ff", None),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUri, "{text}");
            assert!(error.key().is_some());
            if let Some(hint) = hint {
                assert!(error.hint().unwrap().contains(hint), "{text}: {error:?}");
            }
        }
    }
}
