//! The attributes of a name: their types, their encodings, their bounds (RFC 5280 appendix A.1, RFC 4519).

use der::{
    Decode, Tag,
    asn1::{Any, ObjectIdentifier},
};
use x509_cert::attr::AttributeTypeAndValue;

use super::scan::{Refusal, Value, Written};

/// An attribute in its encoding.
pub(crate) fn attribute(written: &Written) -> Result<AttributeTypeAndValue, Refusal> {
    let (oid, form, longest) = attribute_type(&written.name)?;
    let value = match &written.value {
        Value::Hex(digits) => from_hex(digits).ok_or_else(|| {
            Refusal::new(
                format!("what follows # in {} is no DER", written.name),
                r"# and hexadecimal digits are a value in DER; a # itself is written \#",
            )
        })?,
        Value::Text(bytes) => {
            let text = checked(&written.name, bytes, form, longest)?;
            Any::new(form.tag(), text.as_bytes())
                .map_err(|error| Refusal::new(error.to_string(), "write a shorter value"))?
        }
    };
    Ok(AttributeTypeAndValue { oid, value })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Utf8,
    Ascii,
    Printable,
    /// Two letters of ISO 3166.
    Country,
}

impl Form {
    fn tag(self) -> Tag {
        match self {
            Self::Utf8 => Tag::Utf8String,
            Self::Ascii => Tag::Ia5String,
            Self::Printable | Self::Country => Tag::PrintableString,
        }
    }
}

struct Known {
    /// The first is what the hint shows.
    names: &'static [&'static str],
    oid: ObjectIdentifier,
    form: Form,
    /// In characters.
    longest: usize,
}

const fn known(
    names: &'static [&'static str],
    oid: &'static str,
    form: Form,
    longest: usize,
) -> Known {
    Known {
        names,
        oid: ObjectIdentifier::new_unwrap(oid),
        form,
        longest,
    }
}

const TYPES: [Known; 14] = [
    known(&["CN", "commonName"], "2.5.4.3", Form::Utf8, 64),
    known(
        &["OU", "organizationalUnitName"],
        "2.5.4.11",
        Form::Utf8,
        64,
    ),
    known(&["O", "organizationName"], "2.5.4.10", Form::Utf8, 64),
    known(&["L", "localityName"], "2.5.4.7", Form::Utf8, 128),
    known(
        &["ST", "S", "stateOrProvinceName"],
        "2.5.4.8",
        Form::Utf8,
        128,
    ),
    known(&["C", "countryName"], "2.5.4.6", Form::Country, 2),
    known(&["STREET", "streetAddress"], "2.5.4.9", Form::Utf8, 128),
    known(
        &["DC", "domainComponent"],
        "0.9.2342.19200300.100.1.25",
        Form::Ascii,
        63,
    ),
    known(
        &["UID", "userId"],
        "0.9.2342.19200300.100.1.1",
        Form::Utf8,
        256,
    ),
    known(
        &["emailAddress", "E", "EMAIL"],
        "1.2.840.113549.1.9.1",
        Form::Ascii,
        255,
    ),
    known(&["serialNumber"], "2.5.4.5", Form::Printable, 64),
    known(&["SN", "surname"], "2.5.4.4", Form::Utf8, 32_768),
    known(&["GN", "givenName"], "2.5.4.42", Form::Utf8, 32_768),
    known(&["T", "title"], "2.5.4.12", Form::Utf8, 64),
];

fn attribute_type(name: &str) -> Result<(ObjectIdentifier, Form, usize), Refusal> {
    let by_name = TYPES.iter().find(|known| {
        let mut names = known.names.iter();
        names.any(|known| known.eq_ignore_ascii_case(name))
    });
    if let Some(known) = by_name {
        return Ok((known.oid, known.form, known.longest));
    }
    let digits = name
        .get(..4)
        .filter(|start| start.eq_ignore_ascii_case("oid."))
        .map_or(name, |_| &name[4..]);
    let oid = digits.parse::<ObjectIdentifier>().map_err(|_| {
        let names: Vec<_> = TYPES.iter().map(|known| known.names[0]).collect();
        Refusal::new(
            format!("\"{}\" is no attribute type", name.escape_debug()),
            format!(
                "the types are {}, and object identifiers as 2.5.4.3",
                names.join(", ")
            ),
        )
    })?;
    let known = TYPES.iter().find(|known| known.oid == oid);
    Ok(known.map_or((oid, Form::Utf8, 32_768), |known| {
        (oid, known.form, known.longest)
    }))
}

fn checked<'a>(
    name: &str,
    bytes: &'a [u8],
    form: Form,
    longest: usize,
) -> Result<&'a str, Refusal> {
    let refused = |why: &str, cure: &str| Err(Refusal::new(format!("{name} {why}"), cure));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return refused(
            "is not UTF-8",
            r"write the letters themselves, or UTF-8 as \C3\BC",
        );
    };
    let is_printable = |byte: u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte);
    if text.is_empty() {
        refused("has no value", "give it a value, or leave it out")
    } else if text.chars().any(char::is_control) {
        refused("has a control character", "leave control characters out")
    } else if form == Form::Country
        && !(text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()))
    {
        refused("is no country", "a country is two letters, as US or DE")
    } else if form == Form::Ascii && !text.is_ascii() {
        refused("has letters beyond ASCII", "it is written in ASCII")
    } else if form == Form::Printable && !text.bytes().all(is_printable) {
        refused(
            "has letters that it may not have",
            "it is written in ASCII letters, digits, spaces and '()+,-./:=?",
        )
    } else if text.chars().count() > longest {
        refused(
            "is too long",
            &format!("it has at most {longest} characters (RFC 5280)"),
        )
    } else {
        Ok(text)
    }
}

fn from_hex(digits: &str) -> Option<Any> {
    let digits: Option<Vec<u8>> = digits
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    Any::from_der(&bytes).ok()
}
