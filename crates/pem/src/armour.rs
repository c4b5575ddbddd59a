//! The blocks of a PEM text (RFC 7468), as they come out of editors, mails and environment variables.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use keybearer_core::{Error, ErrorKind, Result, Secret};
use zeroize::Zeroizing;

use crate::FRIENDLY_NAME;

/// One block, from its begin line to its end line.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    /// The text between it and the block before.
    before: &'a str,
    body: &'a str,
}

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The line breaks that an environment variable or JSON spells out as `\n`, made into some.
pub(crate) fn unescape(text: Zeroizing<String>) -> Zeroizing<String> {
    if !text.contains("\\n") {
        return text;
    }
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        // Escaped twice, where a shell or a YAML file was on the way.
        rest = after.trim_start_matches('\\');
        if let Some(after) = rest.strip_prefix('n') {
            plain.push('\n');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('r') {
            rest = after;
        }
    }
    plain.push_str(rest);
    plain
}

/// The blocks in their order; text between them is passed over. Ends after the first error.
pub(crate) fn blocks(text: &str) -> impl Iterator<Item = Result<Block<'_>>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (before, begun) = rest.split_once(BEGIN)?;
        rest = "";
        let Some((label, begun)) = begun
            .split_once(DASHES)
            .filter(|(label, _)| label.len() <= 64)
        else {
            return Some(Err(unended()));
        };
        let end = format!("-----END {label}-----");
        let Some((body, after)) = begun.split_once(end.as_str()) else {
            return Some(Err(unended()));
        };
        if body.contains(BEGIN) {
            return Some(Err(unended()));
        }
        rest = after;
        Some(Ok(Block {
            label,
            before,
            body,
        }))
    })
}

impl Block<'_> {
    /// The name that openssl writes before a block that it takes out of a PKCS#12 store.
    pub(crate) fn name(&self) -> Option<&str> {
        let mut lines = self.before.lines();
        let name = lines.find_map(|line| line.trim().strip_prefix(FRIENDLY_NAME))?;
        Some(name.trim()).filter(|name| !name.is_empty())
    }

    /// The value of the header `DEK-Info` (RFC 1421 section 4.6.1.3), which an encrypted block of old has.
    pub(crate) fn dek_info(&self) -> Option<&str> {
        let (_, after) = self.body.split_once(DEK_INFO)?;
        after.split_whitespace().next()
    }

    /// The bytes.
    pub(crate) fn decode(&self) -> Result<Secret> {
        let body = self.without_headers();
        let mut letters = Zeroizing::new(Vec::with_capacity(body.len()));
        letters.extend(body.bytes().filter(|letter| !letter.is_ascii_whitespace()));
        let mut bytes = Zeroizing::new(vec![0; letters.len() / 4 * 3 + 3]);
        let decoded = BASE64.decode_slice(letters.as_slice(), &mut bytes);
        // The reason would hold a letter of the key.
        let len = decoded.map_err(|_| {
            Error::new(
                ErrorKind::Malformed,
                format!("the block {} of the file is no base64", self.label),
            )
            .with_hint("copy the whole file anew, from the BEGIN line to the END line")
        })?;
        Ok(Secret::new(bytes.get(..len).unwrap_or_default()))
    }

    /// Headers end at an empty line; where all is on one line, after the last that is known.
    fn without_headers(&self) -> &str {
        if !self.body.contains(':') {
            return self.body;
        }
        let empty = ["\n\n", "\r\n\r\n", "\r\r"];
        let after = |line: &&str| self.body.trim_start().split_once(*line);
        if let Some((_, content)) = empty.iter().find_map(after) {
            return content;
        }
        let value = self.dek_info().unwrap_or_default();
        let content = self.body.split_once(DEK_INFO);
        content
            .and_then(|(_, rest)| rest.trim_start().strip_prefix(value))
            .unwrap_or(self.body)
    }
}

const DEK_INFO: &str = "DEK-Info:";

fn unended() -> Error {
    Error::new(
        ErrorKind::Malformed,
        "a block of the file has no end line: the file is cut off or changed",
    )
    .with_hint("each -----BEGIN ...----- has its -----END ...-----")
}
