//! The subject as people write it.
//!
//! RFC 4514, with what its forerunners (RFC 1779, RFC 2253) and keytool take besides: spaces around the separators,
//! quotation marks, semicolons. The form of `openssl req -subj` begins with a slash and is in the order of the
//! certificate; all others begin with what is most specific, which a certificate has last.

mod attribute;
mod scan;

use der::asn1::SetOfVec;
use keybearer_core::{Error, ErrorKind, Result};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use attribute::attribute;
use scan::{Refusal, Written, scan};

/// Reads a subject.
///
/// # Errors
/// [`ErrorKind::Unsupported`] where it is no name, with what is wrong and how it is written.
pub(crate) fn subject(text: &str) -> Result<Name> {
    read(text).map_err(|refusal| {
        Error::new(
            ErrorKind::Unsupported,
            format!("the subject \"{}\" is not a name", text.escape_debug()),
        )
        .with_source(refusal.why)
        .with_hint(refusal.cure)
    })
}

fn read(text: &str) -> std::result::Result<Name, Refusal> {
    let openssl = text.trim_start().starts_with('/');
    let parts = scan(text)?;
    let mut parts = parts
        .iter()
        .map(|part| relative(part))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    if !openssl {
        parts.reverse();
    }
    Ok(Name::hazmat_from_rdn_sequence(RdnSequence::from(parts)))
}

fn relative(part: &[Written]) -> std::result::Result<RelativeDistinguishedName, Refusal> {
    let attributes = part.iter().map(attribute);
    let mut attributes = attributes.collect::<std::result::Result<Vec<_>, _>>()?;
    attributes.sort_by_key(|attribute| attribute.oid);
    let twins = attributes
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.oid == b.oid));
    let set = (!twins)
        .then(|| SetOfVec::try_from(attributes).ok())
        .flatten();
    set.map(RelativeDistinguishedName::from).ok_or_else(|| {
        Refusal::new(
            "one attribute type stands twice in what + joins",
            r"write each type once there; a plus sign inside a value is \+",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a name says in the order of RFC 4514.
    fn told(text: &str) -> String {
        subject(text).map_or_else(|error| panic!("{error:?}"), |name| name.to_string())
    }

    #[test]
    fn people_write_it_in_many_ways() {
        for (written, expected) in [
            ("CN=job", "CN=job"),
            ("CN=job,O=Acme", "CN=job,O=Acme"),
            (" cn = job , o = Acme ", "CN=job,O=Acme"),
            ("CN=job; O=Acme", "CN=job,O=Acme"),
            (r"CN=job,O=Acme\, Inc.", r"CN=job,O=Acme\, Inc."),
            (r#"CN=job, O="Acme, Inc.""#, r"CN=job,O=Acme\, Inc."),
            (r#"CN="a \"b\" \\ c""#, r#"CN=a \"b\" \\ c"#),
            (r"CN=M\C3\BCller", "CN=Müller"),
            ("CN=Müller 鍵 🔑", "CN=Müller 鍵 🔑"),
            (r"CN=a\+b\=c\#\ ", r"CN=a\+b=c#\ "),
            ("CN=a=b", "CN=a=b"),
            ("CN=a/b", "CN=a/b"),
            ("/O=Acme, Inc./CN=job", r"CN=job,O=Acme\, Inc."),
            (r"/O=A\/B/CN=job", "CN=job,O=A/B"),
            // DER sorts what is joined.
            (
                "UID=7+CN=job,DC=example,DC=org",
                "CN=job+UID=7,DC=example,DC=org",
            ),
            ("OID.2.5.4.3=job", "CN=job"),
            ("2.5.4.3=#0c036a6f62", "CN=job"),
            ("CN=job,S=CA,C=US", "CN=job,ST=CA,C=US"),
        ] {
            assert_eq!(told(written), expected, "{written}");
        }
    }

    #[test]
    fn a_certificate_has_the_most_specific_part_last() {
        use der::Encode as _;
        let der = subject("CN=job,O=Acme").unwrap().to_der().unwrap();
        assert_eq!(der, subject("/O=Acme/CN=job").unwrap().to_der().unwrap());
        let position = |text: &str| der.windows(text.len()).position(|w| w == text.as_bytes());
        assert!(position("Acme") < position("job"));
    }

    #[test]
    fn a_subject_that_is_no_name_is_refused_with_its_cure() {
        for (written, cure) in [
            ("", "CN=jobs.example.com"),
            ("  ", "CN=jobs.example.com"),
            ("/", "CN=jobs.example.com"),
            ("login", "CN=login"),
            ("CN", "CN=CN"),
            ("login,O=Acme", "CN=login"),
            ("CN=Acme, Inc.", r"\,"),
            ("CN=a+b", r"\+"),
            ("CN=", "value"),
            ("CN=a,", "comma"),
            ("CN=a,,O=b", "comma"),
            ("XX=a", "emailAddress"),
            ("C=USA", "two letters"),
            ("C=Ü1", "two letters"),
            ("emailAddress=ü@example.com", "ASCII"),
            (r"CN=a\", r"\\"),
            (r"CN=a\q", r"\\"),
            (r"CN=\FF", "UTF-8"),
            (r"CN=a\00b", "control"),
            ("CN=\"a", "quotation"),
            ("CN=\"a\"b", "quotation"),
            ("CN=#0c", "DER"),
            ("CN=#zz", "DER"),
            ("CN=a+CN=a", "once"),
            ("1.2.999999999999=a", "emailAddress"),
        ] {
            let error = subject(written).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{written}");
            assert!(error.hint().unwrap().contains(cure), "{written}: {error:?}");
        }
        let long = format!("CN={}", "ü".repeat(65));
        let error = subject(&long).unwrap_err();
        assert!(error.hint().unwrap().contains("64"), "{error:?}");
        assert!(subject(&format!("CN={}", "ü".repeat(64))).is_ok());
    }
}
