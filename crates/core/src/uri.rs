//! Key URIs: `scheme:locator[?name=value&...]`.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::{Attribute, Env, Error, ErrorKind, Result, Secret, SecretSource};

/// The name of a key: `jks:/etc/keys/00D28.jks?alias=jobcert&password-source=env:STORE_PASSWORD`.
///
/// - The scheme ignores case; nothing else changes case.
/// - The locator is the name that the service or the file system itself shows, with `%` and `?` written as `%25` and
///   `%3F`. It is kept as written, and each provider decodes it (RFC 7512 splits before it decodes).
/// - `+` is `+`. In a value, `&` is written `%26` and `%` is written `%25`.
/// - A bare path is taken literally, without attributes, as a `keystore:`; so is `D:\keys\00D28.jks`.
/// - Values of attributes that end in `-value` are secrets: they print as `***`. So does what is no source in an
///   attribute that ends in `-source`.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyUri {
    scheme: String,
    locator: String,
    attributes: Vec<(String, Value)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Plain(String),
    Secret(Secret),
}

/// The scheme of files whose kind is read from their first bytes; what a bare path is taken for.
const KEYSTORE: &str = "keystore";

impl KeyUri {
    /// A URI of these parts, for typed constructors. The locator is taken as it is to be written.
    pub fn new(scheme: impl Into<String>, locator: impl Into<String>) -> Self {
        Self {
            scheme: scheme.into().to_ascii_lowercase(),
            locator: locator.into(),
            attributes: Vec::new(),
        }
    }

    /// A URI whose locator is this path or name, taken literally.
    pub fn literal(scheme: impl Into<String>, locator: &str) -> Self {
        let mut written = locator.replace('%', "%25").replace('?', "%3F");
        // After a scheme it would be refused, and what is told of a key must be readable again.
        if written.starts_with("//") {
            written.replace_range(..1, "%2F");
        }
        Self::new(scheme, written)
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The locator as written.
    pub fn locator(&self) -> &str {
        &self.locator
    }

    /// The locator with its percent escapes decoded, as a name.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUri`] for a bad escape and for what is not UTF-8.
    pub fn decoded_locator(&self) -> Result<String> {
        decode_text(&self.locator).map_err(|why| self.invalid(format!("the locator {why}")))
    }

    /// The locator with its percent escapes decoded, as a path: on Unix any bytes, elsewhere UTF-8.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUri`] for a bad escape, and for what is no path on this system.
    pub fn path(&self) -> Result<PathBuf> {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt;
            Ok(std::ffi::OsString::from_vec(self.decode(&self.locator)?).into())
        }
        #[cfg(not(unix))]
        self.decoded_locator().map(PathBuf::from)
    }

    /// Decodes the percent escapes in a part of this URI's locator, for schemes that split it first (RFC 7512).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUri`] for a bad escape.
    pub fn decode(&self, part: &str) -> Result<Vec<u8>> {
        decode(part).map_err(|why| self.invalid(format!("the locator {why}")))
    }

    /// The names of the attributes, in the order in which they were written.
    pub fn attribute_names(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(name, _)| name.as_str())
    }

    /// The value of an attribute that is no secret, decoded.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Plain(value) => Some(value),
            Value::Secret(_) => None,
        }
    }

    /// The secret that `{stem}-value` holds or `{stem}-source` points to; `None` where neither is there.
    ///
    /// `what` names it to people: "store password". Each call reads the source once.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUri`] where both are there or the source is not one, [`ErrorKind::BadSecret`] where the
    /// source cannot be read.
    pub async fn secret(&self, stem: &str, what: &str, env: &dyn Env) -> Result<Option<Secret>> {
        let value = self.value(&format!("{stem}-value"));
        let source = self.attribute(&format!("{stem}-source"));
        match (value, source) {
            (None, None) => Ok(None),
            (Some(Value::Secret(secret)), None) => Ok(Some(secret.clone())),
            (None, Some(source)) => {
                let read = async { source.parse::<SecretSource>()?.read(what, env).await };
                read.await.map(Some).map_err(|error| error.with_key(self))
            }
            _ => Err(self
                .invalid(format!("{stem}-value and {stem}-source exclude each other"))
                .with_hint("keep one of them")),
        }
    }

    /// This URI with one attribute set, in place of any value that it had.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.attributes.retain(|(known, _)| *known != name);
        self.attributes.push(attribute(name, value.into()));
        self
    }

    /// This URI without one attribute.
    #[must_use]
    pub fn without_attribute(mut self, name: &str) -> Self {
        self.attributes.retain(|(known, _)| known != name);
        self
    }

    /// This URI under another scheme: `keystore:` once the kind of the file is known.
    #[must_use]
    pub fn with_scheme(mut self, scheme: impl Into<String>) -> Self {
        self.scheme = scheme.into().to_ascii_lowercase();
        self
    }

    /// The same attributes at another place, taken literally: the key or version that a name stood for.
    #[must_use]
    pub fn with_literal(self, locator: &str) -> Self {
        Self {
            attributes: self.attributes,
            ..Self::literal(self.scheme, locator)
        }
    }

    /// Refuses attributes that are not among those accepted.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUri`], whose hint names what is accepted.
    pub fn check_attributes<'a>(
        &self,
        accepted: impl IntoIterator<Item = &'a Attribute> + Clone,
    ) -> Result<()> {
        let unknown = self.attribute_names().find(|name| {
            !accepted
                .clone()
                .into_iter()
                .any(|known| known.name == *name)
        });
        let Some(unknown) = unknown else {
            return Ok(());
        };
        let names: Vec<_> = accepted
            .into_iter()
            .map(|attribute| attribute.name)
            .collect();
        Err(self
            .invalid(format!("{}: has no attribute \"{unknown}\"", self.scheme))
            .with_hint(format!(
                "the attributes of {}: are {}",
                self.scheme,
                names.join(", ")
            )))
    }

    /// An [`ErrorKind::InvalidUri`] about this URI.
    pub fn invalid(&self, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidUri, message).with_key(self)
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

impl FromStr for KeyUri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = |message: String| {
            Error::new(ErrorKind::InvalidUri, message)
                .with_hint("a key URI is scheme:locator[?name=value&...], or a path")
        };
        if text.is_empty() {
            return Err(invalid("the key URI is empty".into()));
        }
        if let Some(at) = text.find('\0') {
            return Err(invalid(format!(
                "the key URI has a NUL character at byte {at}"
            )));
        }
        let Some((scheme, rest)) = split_scheme(text) else {
            return Ok(Self::literal(KEYSTORE, text));
        };
        let (locator, query) = rest
            .split_once('?')
            .map_or((rest, None), |(locator, query)| (locator, Some(query)));
        let mut uri = Self::new(scheme, locator);
        if locator.is_empty() {
            return Err(invalid(format!("nothing stands after \"{scheme}:\"")).with_key(&uri));
        }
        if locator.starts_with("//") {
            return Err(
                invalid(format!("a key URI has no \"//\" after \"{scheme}:\""))
                    .with_key(&uri)
                    .with_hint(format!(
                        "write {scheme}:/path for a path from the root, or {scheme}:name"
                    )),
            );
        }
        decode(locator).map_err(|why| invalid(format!("the locator {why}")).with_key(&uri))?;
        for pair in query
            .into_iter()
            .filter(|query| !query.is_empty())
            .flat_map(|query| query.split('&'))
        {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| invalid("an attribute has no \"=\"".into()).with_key(&uri))?;
            if name.is_empty()
                || !name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            {
                return Err(invalid(
                    "the name of an attribute is letters, digits and hyphens".into(),
                )
                .with_key(&uri));
            }
            if uri.value(name).is_some() {
                return Err(
                    invalid(format!("the attribute \"{name}\" stands twice")).with_key(&uri)
                );
            }
            let value = decode_text(value)
                .map_err(|why| invalid(format!("the value of \"{name}\" {why}")).with_key(&uri))?;
            uri.attributes.push(attribute(name.into(), value));
        }
        Ok(uri)
    }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, Printable(&self.locator))?;
        for (index, (name, value)) in self.attributes.iter().enumerate() {
            let separator = if index == 0 { '?' } else { '&' };
            match value {
                // A password where its source belongs is a slip that must not be spread.
                Value::Plain(value)
                    if name.ends_with("-source") && value.parse::<SecretSource>().is_err() =>
                {
                    write!(f, "{separator}{name}=***")?
                }
                Value::Plain(value) => {
                    write!(f, "{separator}{name}={}", Printable(&encode(value)))?
                }
                Value::Secret(_) => write!(f, "{separator}{name}=***")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUri({self})")
    }
}

/// Text whose control characters are escaped: a file's name must not drive the terminal that shows an error.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.split(char::is_control).enumerate() {
            if index > 0 {
                // Every control character is one or two bytes long in UTF-8, so the one before `part` is found here.
                let end = part.as_ptr() as usize - self.0.as_ptr() as usize;
                let control = self.0[..end].chars().next_back().unwrap_or_default();
                for byte in control.encode_utf8(&mut [0; 4]).bytes() {
                    write!(f, "%{byte:02X}")?;
                }
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

fn attribute(name: String, value: String) -> (String, Value) {
    let value = if name.ends_with("-value") {
        Value::Secret(value.into())
    } else {
        Value::Plain(value)
    };
    (name, value)
}

/// Scheme and rest, where there is a scheme (RFC 3986 section 3.1) and the text is no path.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let is_scheme = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let is_drive = scheme.len() == 1 && rest.starts_with(['/', '\\']);
    (is_scheme && !is_drive).then_some((scheme, rest))
}

fn encode(value: &str) -> String {
    value.replace('%', "%25").replace('&', "%26")
}

fn decode_text(text: &str) -> Result<String, &'static str> {
    String::from_utf8(decode(text)?).map_err(|_| "is not UTF-8")
}

fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = tail
            .first_chunk::<2>()
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .ok_or("has a \"%\" without two hexadecimal digits; \"%\" itself is written %25")?;
        bytes.push(byte);
        rest = &tail[2..];
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
