//! What Salesforce's refusals mean, and what cures them.

use crate::cures::{CURES, Cure};

/// What a refusal means and what cures it: `error` and `error_description` as the token endpoint sends them. `None` for
/// words that are not known here.
pub fn cure(error: &str, description: Option<&str>) -> Option<&'static str> {
    find(error, description).map(|row| row.cure)
}

fn find(error: &str, description: Option<&str>) -> Option<&'static Cure> {
    let description = description.unwrap_or_default().to_ascii_lowercase();
    let mut fitting = CURES
        .iter()
        .filter(|row| row.error == error && description.contains(row.words));
    fitting.next()
}

/// Whether a refusal says that this user has logged in too often: another try is worth it when the hour has passed.
pub(crate) fn is_login_rate(error: &str, description: Option<&str>) -> bool {
    let said = |words: &str| {
        description.is_some_and(|description| description.eq_ignore_ascii_case(words))
    };
    error == "rate_limit_exceeded" || (error == "invalid_grant" && said("login rate exceeded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every refusal of the token endpoint that is known: its words as sent, and what its cure must name.
    const KNOWN: [(&str, &str, &str); 52] = [
        (
            "invalid_grant",
            "user hasn't approved this consumer",
            "Admin approved users are pre-authorized",
        ),
        (
            "invalid_app_access",
            "user is not admin approved to access this app",
            "permission set",
        ),
        (
            "invalid_grant",
            "audience is invalid",
            "https://test.salesforce.com",
        ),
        (
            "invalid_grant",
            "Audience validation failed",
            "https://login.salesforce.com",
        ),
        ("invalid_grant", "invalid assertion", "certificate"),
        ("invalid_grant", "expired authorization code", "clock"),
        ("invalid_grant", "inactive user", "activate"),
        ("inactive_user", "user is inactive", "activate"),
        (
            "inactive_org",
            "org is locked, closed, or suspended",
            "Salesforce",
        ),
        ("invalid_grant", "ip restricted", "login IP ranges"),
        (
            "invalid_grant",
            "IP restricted or invalid login hours",
            "login IP ranges",
        ),
        ("invalid_grant", "login rate exceeded", "3,600"),
        ("rate_limit_exceeded", "number of logins exceeded", "3,600"),
        ("invalid_grant", "authentication failure", "Login History"),
        ("invalid_grant", "password expired", "password"),
        ("invalid_grant", "challenge required", "identity"),
        (
            "invalid_grant",
            "activation secret invalid",
            "refresh token",
        ),
        (
            "invalid_grant",
            "token request is already being processed",
            "one at a time",
        ),
        (
            "invalid_grant",
            "expired access/refresh token",
            "refresh token",
        ),
        (
            "invalid_grant",
            "no client credentials user enabled",
            "grant_type",
        ),
        (
            "invalid_client_id",
            "client identifier invalid",
            "consumer key",
        ),
        ("invalid_client", "invalid client credentials", "secret"),
        (
            "invalid_client",
            "app must be installed into org",
            "install",
        ),
        (
            "app_not_found",
            "External client app is not installed in this org",
            "My Domain",
        ),
        (
            "oauth_flow_disabled",
            "The external client app or the OAuth plugin is disabled.",
            "JWT bearer flow",
        ),
        ("app_blocked", "this app is blocked by admin", "unblock"),
        (
            "fail_close_app_blocked",
            "this app is blocked by admin",
            "unblock",
        ),
        ("ecapp_policy_not_found", "", "deploy"),
        ("oauth_policy_not_found", "", "deploy"),
        ("invalid_distribution_state", "", "deploy"),
        ("invalid_session_level", "", "session"),
        ("bad_jti_claim", "", "jti"),
        ("invalid_assertion_type", "", "grant_type"),
        ("unsupported_grant_type", "grant type not supported", "form"),
        ("invalid_request", "HTTPS required", "https://"),
        ("invalid_request", "must use HTTP POST", "POST"),
        (
            "invalid_request",
            "missing required parameter: assertion",
            "proxy",
        ),
        (
            "invalid_scope",
            "the requested scope is invalid, unknown, or malformed",
            "scope",
        ),
        ("unknown_error", "retry your request", "login URL"),
        ("server_error", "", "again"),
        ("service_unavailable", "", "again"),
        ("temporarily_unavailable", "", "again"),
        ("system_down", "", "again"),
        ("slow_down", "", "fewer"),
        ("access_denied", "", "Login History"),
        ("login_error", "", "Login History"),
        ("installation_error", "", "install"),
        ("exceeded_registration_limit", "", "administrator"),
        ("invalid_basic_auth_header", "", "secret"),
        ("unauthorized_client", "", "JWT bearer flow"),
        ("invalid_dpop_proof", "", "DPoP"),
        ("use_dpop_nonce", "", "DPoP"),
    ];

    #[test]
    fn every_known_refusal_is_explained() {
        for (error, description, names) in KNOWN {
            let described = Some(description).filter(|text| !text.is_empty());
            let cure = cure(error, described);
            let cure = cure.unwrap_or_else(|| panic!("{error}: {description} has no cure"));
            assert!(cure.contains(names), "{error}: {description}: {cure}");
        }
    }

    #[test]
    fn no_row_hides_another_and_each_is_known() {
        for row in &CURES {
            let reaches = |(error, description, _): &(&str, &str, &str)| {
                find(error, Some(description)).is_some_and(|found| std::ptr::eq(found, row))
            };
            assert!(KNOWN.iter().any(reaches), "{row:?} is never reached");
            assert_eq!(row.words, row.words.to_ascii_lowercase());
            assert!(
                !row.cure.ends_with('.') && !row.cure.contains('\n'),
                "{row:?}"
            );
        }
    }

    #[test]
    fn unknown_words_are_not_explained() {
        assert_eq!(cure("invalid_grant", Some("something new")), None);
        assert_eq!(cure("invalid_grant", None), None);
        assert_eq!(cure("new_error", Some("audience is invalid")), None);
    }

    #[test]
    fn too_many_logins_are_told_in_both_forms() {
        assert!(is_login_rate("invalid_grant", Some("login rate exceeded")));
        assert!(is_login_rate("rate_limit_exceeded", None));
        assert!(!is_login_rate("invalid_grant", Some("inactive user")));
        assert!(!is_login_rate("invalid_grant", None));
    }
}
