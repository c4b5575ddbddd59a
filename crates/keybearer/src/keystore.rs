//! `keystore:` and bare paths: the kind is read from the file's first bytes, never from its name.

use std::sync::Arc;

use keybearer_core::{
    Attribute, Entries, Error, ErrorKind, KeyUri, OpenContext, Provider, Result, Signer,
    async_trait,
};

/// Opens `keystore:` keys, what a bare path is: hands them to the format that the file has.
#[derive(Debug)]
pub struct Keystore {
    formats: Vec<Arc<dyn Provider>>,
    attributes: Vec<Attribute>,
}

/// A key file has no more bytes.
const LIMIT: u64 = 16 << 20;
const JKS: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];

impl Keystore {
    /// Over the formats that a build has; it takes the attributes of all of them.
    pub fn new(formats: Vec<Arc<dyn Provider>>) -> Self {
        let mut attributes: Vec<Attribute> = Vec::new();
        for attribute in formats.iter().flat_map(|format| format.attributes()) {
            if !attributes.iter().any(|known| known.name == attribute.name) {
                attributes.push(*attribute);
            }
        }
        Self {
            formats,
            attributes,
        }
    }

    /// The format's provider, and the URI under its scheme.
    async fn resolve(
        &self,
        uri: &KeyUri,
        cx: &OpenContext,
    ) -> Result<(&Arc<dyn Provider>, KeyUri)> {
        let path = uri.path()?;
        let bytes = cx.env.read(&path, LIMIT).await.map_err(|error| {
            Error::new(
                Error::kind_of_io(&error),
                format!("{} cannot be read", path.display()),
            )
            .with_source(error.to_string())
            .with_hint("check the path; one without a leading / begins in the working directory")
        })?;
        let scheme = kind(&bytes)?;
        let format = self
            .formats
            .iter()
            .find(|format| format.scheme() == scheme)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::NotCompiled,
                    format!("this is a {scheme}: file, and this build does not read those"),
                )
                .with_hint(format!("build it with the Cargo feature \"{scheme}\""))
            })?;
        let uri = uri.clone().with_scheme(scheme);
        let common = keybearer_core::COMMON_ATTRIBUTES;
        uri.check_attributes(format.attributes().iter().chain(common))?;
        Ok((format, uri))
    }
}

#[async_trait]
impl Provider for Keystore {
    fn scheme(&self) -> &'static str {
        "keystore"
    }

    fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let (format, uri) = self.resolve(uri, cx).await?;
        format.open(&uri, cx).await
    }

    async fn entries(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Entries> {
        let (format, uri) = self.resolve(uri, cx).await?;
        format.entries(&uri, cx).await
    }
}

fn kind(bytes: &[u8]) -> Result<&'static str> {
    if bytes.starts_with(&JKS) {
        return Ok("jks");
    }
    if bytes.windows(10).any(|window| window == b"-----BEGIN") {
        return Ok("pem");
    }
    let start = bytes.trim_ascii_start();
    let (kind, what, hint) = match start {
        [] => (
            ErrorKind::Malformed,
            "the file is empty",
            "take it from its source again",
        ),
        [b'<', ..] => (
            ErrorKind::Malformed,
            "this is a web page",
            "the download was not of a key",
        ),
        [0xce, 0xce, 0xce, 0xce, ..] => (
            ErrorKind::Unsupported,
            "this is a JCEKS store",
            "convert it: keytool -importkeystore -srcstoretype JCEKS -srckeystore FILE -deststoretype JKS -destkeystore NEW.jks",
        ),
        [0x30, ..] => (
            ErrorKind::Unsupported,
            "this is a PKCS#12 store or another file in DER",
            "convert a PKCS#12 store: keytool -importkeystore -srckeystore FILE -deststoretype JKS -destkeystore NEW.jks",
        ),
        _ => (
            ErrorKind::Malformed,
            "this is no key file",
            "key files are PEM or JKS",
        ),
    };
    Err(Error::new(kind, what).with_hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        assert_eq!(kind(b"\xfe\xed\xfe\xed\0\0\0\x02").unwrap(), "jks");
        assert_eq!(
            kind(b"Bag Attributes\n-----BEGIN PRIVATE KEY-----").unwrap(),
            "pem"
        );
        for (bytes, expected) in [
            (&b""[..], ErrorKind::Malformed),
            (b"\r\n<html>", ErrorKind::Malformed),
            (b"\xce\xce\xce\xce", ErrorKind::Unsupported),
            (b"\x30\x82\x01\x00", ErrorKind::Unsupported),
            (b"hello", ErrorKind::Malformed),
        ] {
            assert_eq!(kind(bytes).unwrap_err().kind(), expected);
        }
    }
}
