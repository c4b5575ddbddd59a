//! `keystore:` and bare paths: the kind is read from the file's first bytes, never from its name.

use std::sync::Arc;

use keybearer_core::{
    Attribute, Entries, Error, ErrorKind, KeyFile, KeyMaterial, KeyUri, OpenContext, Provider,
    Result, Signer, async_trait,
};
use keybearer_soft::{file, format::Format};

/// Opens `keystore:` keys, what a bare path is: hands them to the format that the file has.
#[derive(Debug)]
pub struct Keystore {
    formats: Vec<Arc<dyn Provider>>,
    attributes: Vec<Attribute>,
}

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
        let bytes = file::read(uri, cx).await?;
        let scheme = kind(bytes.expose())?;
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
        // The registry let through what any kind takes.
        uri.check_attributes(format.attributes().iter().chain(common))
            .map_err(|error| {
                error.with_hint(format!(
                    "the file is of the kind {scheme}:, for which this means nothing: leave it out"
                ))
            })?;
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

    fn key_file(&self) -> Option<&dyn KeyFile> {
        Some(self)
    }
}

#[async_trait]
impl KeyFile for Keystore {
    async fn take(&self, uri: &KeyUri, cx: &OpenContext) -> Result<KeyMaterial> {
        let (format, uri) = self.resolve(uri, cx).await?;
        mover(format)?.take(&uri, cx).await
    }

    /// Into a file that is there: the name of a new one does not tell its kind.
    async fn put(
        &self,
        uri: &KeyUri,
        key: &KeyMaterial,
        overwrite: bool,
        cx: &OpenContext,
    ) -> Result<Arc<dyn Signer>> {
        let resolved = self.resolve(uri, cx).await;
        let (format, uri) = resolved.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::new(
                ErrorKind::Unsupported,
                "the file is not there, and its name does not say what it is to be",
            )
            .with_hint("say the kind of the new file: jks:PATH, pkcs12:PATH or pem:PATH"),
            _ => error,
        })?;
        mover(format)?.put(&uri, key, overwrite, cx).await
    }
}

fn mover(format: &Arc<dyn Provider>) -> Result<&dyn KeyFile> {
    let scheme = format.scheme();
    format.key_file().ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!("keys are not moved in and out of {scheme}: files"),
        )
    })
}

fn kind(bytes: &[u8]) -> Result<&'static str> {
    let format = Format::of(bytes);
    format.scheme().ok_or_else(|| format.unread())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        assert_eq!(kind(b"\xfe\xed\xfe\xed\0\0\0\x02").unwrap(), "jks");
        assert_eq!(kind(b"-----BEGIN PRIVATE KEY-----").unwrap(), "pem");
        assert_eq!(kind(b"{\"kty\":\"EC\",\"d\":\"\"}").unwrap(), "pem");
        assert_eq!(kind(b"\x30\x77\x02\x01\x01\x04\x20").unwrap(), "pem");
        let encrypted = b"\x30\x82\x04\0\x30\x04\x06\x02\x2a\x03\x04\x82\x01\0";
        assert_eq!(kind(encrypted).unwrap(), "pem");
        let utf16: Vec<u8> = "\u{feff}-----BEGIN PRIVATE KEY-----"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(kind(&utf16).unwrap(), "pem");
        let pfx =
            b"\x30\x82\x09\0\x02\x01\x03\x30\x82\x08\0\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
        assert_eq!(kind(pfx).unwrap(), "pkcs12");
        let certificate = b"\x30\x82\x04\0\x30\x82\x03\0\xa0\x03\x02\x01\x02";
        let error = kind(certificate).unwrap_err();
        assert!(error.to_string().contains("a certificate"), "{error}");
    }

    #[cfg(all(feature = "pem", feature = "jks"))]
    #[tokio::test]
    async fn what_the_kind_of_file_does_not_take_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "-----BEGIN PRIVATE KEY-----").unwrap();
        let uri = KeyUri::literal("keystore", file.path().to_str().unwrap())
            .with_attribute("key-password-source", "env:P");
        let cx = OpenContext::new(Arc::new(crate::ProcessEnv::new()));
        let error = crate::default_registry().open(&uri, &cx).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidUri);
        assert!(error.hint().unwrap().ends_with("leave it out"), "{error:?}");
    }
}
