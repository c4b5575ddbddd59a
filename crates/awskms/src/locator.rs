//! Which key a URI names: a key id, an alias, or the ARN of either.

use keybearer_core::{KeyUri, Result};

/// The identifier as KMS takes it (`KeyId` of its API), and the region that an ARN says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Locator {
    pub(crate) key: String,
    pub(crate) region: Option<String>,
}

impl Locator {
    /// # Errors
    /// [`keybearer_core::ErrorKind::InvalidUri`] where it is none of them, or where `region` is another than the ARN's.
    pub(crate) fn read(uri: &KeyUri) -> Result<Self> {
        let key = uri.decoded_locator()?;
        let known = || {
            uri.invalid("the locator is no key of AWS KMS").with_hint(
                "write a key id (1234abcd-12ab-34cd-56ef-1234567890ab), alias/NAME, or the ARN of either",
            )
        };
        let region = match key.strip_prefix("arn:") {
            Some(rest) => Some(region_of_arn(rest).ok_or_else(known)?.to_owned()),
            None if is_name(&key) => None,
            None => return Err(known()),
        };
        if let (Some(told), Some(region)) = (uri.attribute("region"), &region)
            && told != region
        {
            return Err(uri
                .invalid(format!("the ARN is of {region} and region= says {told}"))
                .with_hint("leave region= out"));
        }
        Ok(Self { key, region })
    }
}

/// `partition:kms:region:account:key/ID` or `…:alias/NAME`.
fn region_of_arn(rest: &str) -> Option<&str> {
    let parts: Vec<_> = rest.splitn(5, ':').collect();
    let [_partition, "kms", region, _account, resource] = parts.as_slice() else {
        return None;
    };
    let key = resource.strip_prefix("key/").filter(|id| is_id(id));
    let is_key = key.is_some() || is_alias(resource);
    (is_key && !region.is_empty()).then_some(region)
}

fn is_name(key: &str) -> bool {
    is_alias(key) || is_id(key)
}

fn is_alias(key: &str) -> bool {
    let name = key.strip_prefix("alias/");
    let is_part = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    name.is_some_and(|name| !name.is_empty() && name.chars().all(is_part))
}

/// A UUID, or `mrk-` and 32 hexadecimal digits for a multi-Region key. Not checked more closely: KMS knows its own.
fn is_id(key: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !key.is_empty() && key.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use keybearer_core::ErrorKind;

    use super::*;

    fn read(uri: &str) -> Result<Locator> {
        Locator::read(&uri.parse().unwrap())
    }

    #[test]
    fn names_and_arns_are_keys() {
        let arn = "arn:aws:kms:eu-central-1:123456789012:alias/Jwt";
        let locator = read(&format!("awskms:{arn}")).unwrap();
        assert_eq!(locator.key, arn);
        assert_eq!(locator.region.as_deref(), Some("eu-central-1"));
        for key in [
            "alias/Team/jwt_1",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws-cn:kms:cn-north-1:1:key/mrk-12",
        ] {
            assert_eq!(read(&format!("awskms:{key}")).unwrap().key, key);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for uri in [
            "awskms:alias/",
            "awskms:key/12",
            "awskms:arn:aws:s3:::bucket",
            "awskms:arn:aws:kms::1:key/12",
            "awskms:arn:aws:kms:eu-central-1:1:grant/12",
            "awskms:arn:aws:kms:eu-central-1:1:key/12?region=us-east-1",
            "awskms:my key",
        ] {
            let error = read(uri).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUri, "{uri}");
            assert!(error.hint().is_some(), "{uri}");
        }
    }
}
