//! Who has logged in, and where.

use keybearer_auth::Token;
use url::Url;

/// The org and the user of a login, from the answer's identity URL (`https://login.salesforce.com/id/ORG/USER`): known
/// without another request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The org's id, 15 or 18 characters that begin with `00D`.
    pub organization_id: String,
    /// The user's id, 15 or 18 characters.
    pub user_id: String,
}

impl Identity {
    /// Of an answer; `None` where its `id` is absent or is not such a URL.
    pub fn of(token: &Token) -> Option<Self> {
        Self::from_url(token.id()?)
    }

    /// Of an identity URL.
    pub fn from_url(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let mut parts = url.path_segments()?.rev();
        let (user, organization) = (parts.next()?, parts.next()?);
        let is_whole = parts.next() == Some("id")
            && is_id(user)
            && is_id(organization)
            && organization.starts_with("00D");
        is_whole.then(|| Self {
            organization_id: organization.to_owned(),
            user_id: user.to_owned(),
        })
    }
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn org_and_user_are_split() {
        for base in [
            "https://login.salesforce.com",
            "http://127.0.0.1:8080",
            "https://acme.my.site.com/customers",
        ] {
            for (org, user) in [
                ("00D28000001q2abEAA", "00528000000XYZaAAO"),
                ("00D28000001q2ab", "00528000000XYZa"),
            ] {
                let identity = Identity::from_url(&format!("{base}/id/{org}/{user}")).unwrap();
                assert_eq!(identity.organization_id, org);
                assert_eq!(identity.user_id, user);
            }
        }
    }

    #[test]
    fn other_urls_are_no_identity() {
        for other in [
            "",
            "00D28000001q2ab/00528000000XYZa",
            "https://login.salesforce.com/id/00D28000001q2ab",
            "https://login.salesforce.com/id/00D28000001q2ab/",
            "https://login.salesforce.com/id/00528000000XYZa/00D28000001q2ab",
            "https://login.salesforce.com/xx/00D28000001q2ab/00528000000XYZa",
            "https://login.salesforce.com/id/00D28000001q2ab/..%2F528000000X",
            "mailto:id/00D28000001q2ab/00528000000XYZa",
        ] {
            assert_eq!(Identity::from_url(other), None, "{other}");
        }
    }
}
