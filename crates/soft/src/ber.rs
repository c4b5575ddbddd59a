//! The outline of BER (X.690 section 8): what PKCS#12 writers produce, where DER would have been enough.
//!
//! BouncyCastle and NSS write lengths that are found only at the end (indefinite form) and octet strings in pieces
//! (constructed form). Nothing is copied unless it lies in pieces, and nothing is believed that is not there.

use std::{borrow::Cow, fmt};

use zeroize::Zeroizing;

/// Elements are nested no deeper. Real stores have 10 levels; each nested `SafeContents` of PKCS#12 adds 4.
pub const MAX_DEPTH: usize = 48;

/// The identifier octets of the types that key files use.
pub mod tag {
    /// `INTEGER`.
    pub const INTEGER: u8 = 0x02;
    /// `BIT STRING`.
    pub const BIT_STRING: u8 = 0x03;
    /// `OCTET STRING` in one piece.
    pub const OCTET_STRING: u8 = 0x04;
    /// `OBJECT IDENTIFIER`.
    pub const OID: u8 = 0x06;
    /// `UTF8String`.
    pub const UTF8_STRING: u8 = 0x0c;
    /// `BMPString`.
    pub const BMP_STRING: u8 = 0x1e;
    /// `SEQUENCE` and `SEQUENCE OF`.
    pub const SEQUENCE: u8 = 0x30;
    /// `SET` and `SET OF`.
    pub const SET: u8 = 0x31;
    /// `[0]`, constructed.
    pub const CONTEXT_0: u8 = 0xa0;
    /// What tells a constructed element from a primitive one.
    pub const CONSTRUCTED: u8 = 0x20;
}

/// What is wrong with an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage(&'static str);

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Damage {}

/// One element.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// What is in it, without the marks of its end.
    pub content: &'a [u8],
    /// All of it.
    pub encoding: &'a [u8],
    depth: usize,
}

/// Elements that follow one another.
#[derive(Clone)]
pub struct Elements<'a> {
    rest: &'a [u8],
    depth: usize,
}

/// The first octets of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The identifier octet.
    pub tag: u8,
    /// How many octets tag and length take.
    pub len: usize,
    /// The length of the content; `None` for the indefinite form.
    pub content: Option<usize>,
}

impl Header {
    /// The header that bytes begin with, whether or not its content is there.
    ///
    /// # Errors
    /// [`Damage`] where there is none; also for tags over 30 and lengths over 4 GiB, which no key file has.
    pub fn peek(bytes: &[u8]) -> Result<Self, Damage> {
        let [tag, first, more @ ..] = bytes else {
            return Err(Damage("it is cut off"));
        };
        if tag & 0x1f == 0x1f {
            return Err(Damage("a tag has several octets"));
        }
        let header = |len, content| Self {
            tag: *tag,
            len,
            content,
        };
        match first {
            0..=0x7f => Ok(header(2, Some(usize::from(*first)))),
            0x80 if tag & tag::CONSTRUCTED == 0 => Err(Damage("a primitive element has no length")),
            0x80 => Ok(header(2, None)),
            0x81..=0x84 => {
                let octets = usize::from(first & 0x7f);
                let length = more.get(..octets).ok_or(Damage("it is cut off"))?;
                let length = length
                    .iter()
                    .fold(0_u64, |length, octet| length << 8 | u64::from(*octet));
                let length =
                    usize::try_from(length).map_err(|_| Damage("a length is too large"))?;
                Ok(header(2 + octets, Some(length)))
            }
            _ => Err(Damage("a length is too large")),
        }
    }
}

impl<'a> Element<'a> {
    /// The one element that bytes are, to their end.
    ///
    /// # Errors
    /// [`Damage`] where they are not.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Damage> {
        let mut elements = Elements::new(bytes);
        let element = elements.next()?;
        elements.finish()?;
        Ok(element)
    }

    /// The elements in this one, which must have the given tag.
    ///
    /// # Errors
    /// [`Damage`] where it has another, and where it lies too deep.
    pub fn open(&self, tag: u8) -> Result<Elements<'a>, Damage> {
        if self.tag != tag {
            return Err(Damage("an element has an unexpected type"));
        }
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(TOO_DEEP);
        }
        Ok(Elements {
            rest: self.content,
            depth,
        })
    }

    /// The content of a primitive element, which must have the given tag.
    ///
    /// # Errors
    /// [`Damage`] where it has another.
    pub fn primitive(&self, tag: u8) -> Result<&'a [u8], Damage> {
        if self.tag == tag {
            Ok(self.content)
        } else {
            Err(Damage("an element has an unexpected type"))
        }
    }

    /// The octets of an octet string, put together where they lie in pieces. `tag` is that of its primitive form:
    /// [`tag::OCTET_STRING`], or an implicit one.
    ///
    /// # Errors
    /// [`Damage`] where it has another tag, or pieces of another type.
    pub fn octets(&self, tag: u8) -> Result<Cow<'a, [u8]>, Damage> {
        if self.tag == tag {
            return Ok(Cow::Borrowed(self.content));
        }
        let mut pieces = self.open(tag | tag::CONSTRUCTED)?;
        let first = pieces.next_if_any()?;
        match first {
            None => return Ok(Cow::Borrowed(&[])),
            Some(only) if pieces.is_empty() => return only.octets(tag::OCTET_STRING),
            Some(_) => {}
        }
        let mut whole = Vec::with_capacity(self.content.len());
        self.collect(&mut whole)?;
        Ok(Cow::Owned(whole))
    }

    fn collect(&self, whole: &mut Vec<u8>) -> Result<(), Damage> {
        let mut pieces = self.open(self.tag)?;
        while let Some(piece) = pieces.next_if_any()? {
            match piece.tag {
                tag::OCTET_STRING => whole.extend_from_slice(piece.content),
                CONSTRUCTED_OCTETS => piece.collect(whole)?,
                _ => return Err(Damage("a piece of an octet string is none")),
            }
        }
        Ok(())
    }

    /// The element in DER as far as lengths and octet strings go: what a strict reader needs of it. Implicit tags stay
    /// as they are.
    ///
    /// # Errors
    /// [`Damage`] in what lies in it.
    pub fn to_der(&self) -> Result<Zeroizing<Vec<u8>>, Damage> {
        if self.tag & tag::CONSTRUCTED == 0 {
            return Ok(encode(self.tag, self.content));
        }
        if self.tag == CONSTRUCTED_OCTETS {
            return Ok(encode(tag::OCTET_STRING, &self.octets(tag::OCTET_STRING)?));
        }
        // DER is never longer, so this is not moved while it grows: it may be a key.
        let mut content = Zeroizing::new(Vec::with_capacity(self.content.len()));
        let mut inner = self.open(self.tag)?;
        while let Some(element) = inner.next_if_any()? {
            content.extend_from_slice(&element.to_der()?);
        }
        Ok(encode(self.tag, &content))
    }
}

/// Without the bytes: they may be a key's.
impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Element({:#04x}, {} bytes)",
            self.tag,
            self.content.len()
        )
    }
}

impl fmt::Debug for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elements({} bytes)", self.rest.len())
    }
}

impl<'a> Elements<'a> {
    /// The elements that bytes are.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            depth: 0,
        }
    }

    /// The next element, which must be there.
    ///
    /// # Errors
    /// [`Damage`] where it is not whole.
    #[allow(
        clippy::should_implement_trait,
        reason = "an iterator could not say that an element is missing"
    )]
    pub fn next(&mut self) -> Result<Element<'a>, Damage> {
        let (element, rest) = split(self.rest, self.depth)?;
        self.rest = rest;
        Ok(element)
    }

    /// The next element, where there is one.
    ///
    /// # Errors
    /// [`Damage`] where it is not whole.
    pub fn next_if_any(&mut self) -> Result<Option<Element<'a>>, Damage> {
        if self.is_empty() {
            return Ok(None);
        }
        self.next().map(Some)
    }

    /// Whether no element is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Checks that no element is left.
    ///
    /// # Errors
    /// [`Damage`] where one is.
    pub fn finish(&self) -> Result<(), Damage> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Damage("bytes follow where nothing should"))
        }
    }
}

const TOO_DEEP: Damage = Damage("its parts are nested too deep");
const CONSTRUCTED_OCTETS: u8 = tag::OCTET_STRING | tag::CONSTRUCTED;
const END_OF_CONTENTS: [u8; 2] = [0, 0];

/// The element that bytes begin with, and what follows it.
fn split(bytes: &[u8], depth: usize) -> Result<(Element<'_>, &[u8]), Damage> {
    let header = Header::peek(bytes)?;
    let after = bytes.get(header.len..).unwrap_or_default();
    let (content, mark) = match header.content {
        Some(length) => (length, 0),
        None => (length_to_end(after, depth)?, END_OF_CONTENTS.len()),
    };
    let cut = Damage("it is cut off, or a length in it is wrong");
    let content = after.get(..content).ok_or(cut)?;
    let (encoding, rest) = bytes
        .split_at_checked(header.len + content.len() + mark)
        .ok_or(cut)?;
    let element = Element {
        tag: header.tag,
        content,
        encoding,
        depth,
    };
    Ok((element, rest))
}

/// How many octets lie before the mark that ends an indefinite form.
fn length_to_end(content: &[u8], depth: usize) -> Result<usize, Damage> {
    if depth >= MAX_DEPTH {
        return Err(TOO_DEEP);
    }
    let mut rest = content;
    while !rest.starts_with(&END_OF_CONTENTS) {
        rest = split(rest, depth + 1)?.1;
    }
    Ok(content.len() - rest.len())
}

/// The element of this identifier octet and content, in DER. It is wiped when dropped: it may hold a key.
pub fn encode(tag: u8, content: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = content.len().to_be_bytes();
    let short = length.iter().position(|octet| *octet != 0);
    let digits = length.get(short.unwrap_or(length.len())..).unwrap_or(&[]);
    let mut encoding = Zeroizing::new(Vec::with_capacity(content.len() + 10));
    encoding.push(tag);
    if content.len() < 0x80 {
        encoding.push(content.len() as u8);
    } else {
        encoding.push(0x80 | digits.len() as u8);
        encoding.extend_from_slice(digits);
    }
    encoding.extend_from_slice(content);
    encoding
}

#[cfg(test)]
mod tests;
