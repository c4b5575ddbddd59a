//! How signatures are written.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};
use clap::ValueEnum;
use keybearer_core::{Algorithm, Result, Signature};

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    /// As in a JWT: base64url without padding
    #[default]
    Base64url,
    /// Base64 with padding
    Base64,
    /// Hexadecimal
    Hex,
    /// The bytes themselves, as a JWT encodes them (ECDSA: r and s, one after the other)
    Raw,
    /// The bytes as openssl takes them (ECDSA: DER)
    Der,
}

/// Padding is what people lose when they copy.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

impl Encoding {
    /// The signature, with a line break after what is text.
    pub(crate) fn write(self, signature: &Signature) -> Result<Vec<u8>> {
        let bytes = signature.as_bytes();
        let text = match self {
            Self::Base64url => base64url(bytes),
            Self::Base64 => general_purpose::STANDARD.encode(bytes),
            Self::Hex => hex(bytes),
            Self::Raw => return Ok(bytes.to_vec()),
            Self::Der => return signature.to_der(),
        };
        Ok(format!("{text}\n").into_bytes())
    }

    /// The bytes of a written signature, in the encoding of JWS for all but [`Der`](Self::Der); `None` where it is
    /// written otherwise.
    pub(crate) fn read(self, written: &[u8]) -> Option<Vec<u8>> {
        let text = || std::str::from_utf8(written).ok().map(str::trim);
        match self {
            Self::Base64url => URL.decode(text()?).ok(),
            Self::Base64 => STANDARD.decode(text()?).ok(),
            Self::Hex => unhex(text()?),
            Self::Raw | Self::Der => Some(written.to_vec()),
        }
    }

    /// The signature of these bytes, as [`read`](Self::read) gives them.
    pub(crate) fn signature(self, algorithm: Algorithm, bytes: &[u8]) -> Result<Signature> {
        match self {
            Self::Der => Signature::from_der(algorithm, bytes),
            _ => Signature::from_jws(algorithm, bytes),
        }
    }
}

/// Base64url without padding, as JWS has it.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let signature = Signature::from_jws(Algorithm::Es256, vec![0xfb; 64]).unwrap();
        for encoding in Encoding::value_variants() {
            let written = encoding.write(&signature).unwrap();
            let bytes = encoding.read(&written).unwrap();
            let read = encoding.signature(Algorithm::Es256, &bytes).unwrap();
            assert_eq!(read, signature, "{encoding:?}");
        }
    }

    #[test]
    fn padding_does_not_matter_and_rubbish_does() {
        assert_eq!(Encoding::Base64url.read(b"_w==\n").unwrap(), [255]);
        assert_eq!(Encoding::Base64.read(b"/w").unwrap(), [255]);
        for (encoding, rubbish) in [
            (Encoding::Base64url, "/w"),
            (Encoding::Base64, "_w"),
            (Encoding::Hex, "abc"),
            (Encoding::Hex, "zz"),
        ] {
            assert_eq!(encoding.read(rubbish.as_bytes()), None);
        }
    }
}
