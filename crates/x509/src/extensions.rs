//! The extensions of a self-signed certificate (RFC 5280 section 4.2).

use std::net::IpAddr;

use der::{
    Encode, Sequence,
    asn1::{BitString, Ia5String, ObjectIdentifier, OctetString},
};
use keybearer_core::{Error, ErrorKind, PublicKey, Result};
use sha2::{Digest, Sha256};
use x509_cert::ext::pkix::name::GeneralName;

use crate::failed;

const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");

#[derive(Sequence)]
pub(crate) struct Extension {
    id: ObjectIdentifier,
    #[asn1(default = "Default::default")]
    critical: bool,
    value: OctetString,
}

/// What every certificate here has, and what one for a server has besides.
pub(crate) fn extensions(key: &PublicKey, servers: &[GeneralName]) -> Result<Vec<Extension>> {
    // RFC 7093 section 2 method 1: SHA-256 of the key's bits, cut to the length that readers know from SHA-1.
    let digest = Sha256::digest(key.key_bytes());
    let identifier = OctetString::new(&digest[..20]).map_err(failed)?;
    let authority = AuthorityKeyIdentifier {
        key_identifier: Some(identifier.clone()),
    };
    let mut all = vec![
        // An empty sequence: cA is FALSE by default.
        extension(BASIC_CONSTRAINTS, true, &Vec::<u8>::new())?,
        extension(SUBJECT_KEY_IDENTIFIER, false, &identifier)?,
        extension(AUTHORITY_KEY_IDENTIFIER, false, &authority)?,
    ];
    if !servers.is_empty() {
        // Bit 0: digitalSignature, all that TLS with ephemeral keys needs.
        let usage = BitString::new(7, [0x80]).map_err(failed)?;
        all.extend([
            extension(KEY_USAGE, true, &usage)?,
            extension(EXTENDED_KEY_USAGE, false, &vec![SERVER_AUTH])?,
            extension(SUBJECT_ALT_NAME, false, &servers.to_vec())?,
        ]);
    }
    Ok(all)
}

/// A name of a server as people write it: an IP address, or else a DNS name, whose first label may be `*`.
pub(crate) fn server_name(text: &str) -> Result<GeneralName> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let labels = text.strip_prefix("*.").unwrap_or(text).split('.');
    let is_label = |label: &str| {
        let letters = label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        letters && matches!(label.len(), 1..=63) && !label.starts_with('-') && !label.ends_with('-')
    };
    if text.len() > 253 || !labels.into_iter().all(is_label) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "\"{}\" is neither a DNS name nor an IP address",
                text.escape_debug()
            ),
        )
        .with_hint(
            "write names as localhost, org.example.com, *.example.com, 127.0.0.1 or ::1; letters beyond ASCII as xn--",
        ));
    }
    Ok(GeneralName::DnsName(Ia5String::new(text).map_err(failed)?))
}

#[derive(Sequence)]
struct AuthorityKeyIdentifier {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    key_identifier: Option<OctetString>,
}

fn extension(id: ObjectIdentifier, critical: bool, value: &impl Encode) -> Result<Extension> {
    let value = value.to_der().and_then(OctetString::new).map_err(failed)?;
    Ok(Extension {
        id,
        critical,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_by_dns_or_address() {
        for name in [
            "localhost",
            "a.example.com",
            "*.example.com",
            "xn--bcher-kva.example",
        ] {
            assert!(
                matches!(server_name(name).unwrap(), GeneralName::DnsName(found) if found.as_str() == name)
            );
        }
        for (address, length) in [("127.0.0.1", 4), ("::1", 16)] {
            assert!(
                matches!(server_name(address).unwrap(), GeneralName::IpAddress(bytes) if bytes.as_bytes().len() == length)
            );
        }
    }

    #[test]
    fn what_no_client_would_match_is_refused() {
        let long = format!("{}.example", "a".repeat(64));
        for name in [
            "",
            ".",
            "a..b",
            "a b",
            "-a",
            "bücher.example",
            "a.*.b",
            "https://a",
            "a:443",
            &long,
        ] {
            let error = server_name(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}");
        }
    }
}
