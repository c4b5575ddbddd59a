//! What Salesforce's refusals mean, and what cures them.

/// The cure of a refusal: `error` and `error_description` as the token endpoint sends them. `None` for words that are
/// not known here.
pub fn cure(error: &str, description: Option<&str>) -> Option<&'static str> {
    let description = description.unwrap_or_default().to_ascii_lowercase();
    let row = CURES
        .iter()
        .find(|(code, words, _)| *code == error && description.contains(words));
    row.map(|(_, _, cure)| *cure)
}

/// The first row that fits holds; an empty text fits every description.
const CURES: [(&str, &str, &str); 22] = [
    (
        "invalid_grant",
        "hasn't approved",
        "set the app's Permitted Users to \"Admin approved users are pre-authorized\" and give the user a permission set of the app, or let the user approve it once in a browser (scopes api and refresh_token); a new app takes up to 10 minutes",
    ),
    (
        "invalid_app_access",
        "",
        "assign the app to a permission set, and the permission set to the user; check the username (sandboxes have a suffix)",
    ),
    (
        "invalid_grant",
        "audience",
        "give the audience: https://login.salesforce.com, or https://test.salesforce.com for a sandbox, or the My Domain URL",
    ),
    (
        "invalid_grant",
        "invalid assertion",
        "the key does not belong to the certificate of the app: compare keybearer's certificate with the one uploaded; a metadata deployment without a certificate removes it",
    ),
    (
        "invalid_grant",
        "expired authorization code",
        "the assertion had expired when it came: set this machine's clock, and keep the lifetime at 180 seconds",
    ),
    (
        "invalid_grant",
        "inactive user",
        "an administrator must activate the user",
    ),
    (
        "inactive_user",
        "",
        "an administrator must activate the user",
    ),
    (
        "inactive_org",
        "",
        "the org is locked, closed or suspended: ask Salesforce",
    ),
    (
        "invalid_grant",
        "ip restricted",
        "allow this machine's address in the profile's login IP ranges, or relax the app's IP policy",
    ),
    (
        "invalid_grant",
        "login rate exceeded",
        "this user has logged in 3,600 times within the hour: keep tokens instead of getting new ones, and wait",
    ),
    (
        "rate_limit_exceeded",
        "",
        "this user has logged in too often within the hour: keep tokens instead of getting new ones, and wait",
    ),
    (
        "invalid_grant",
        "authentication failure",
        "look at the user's Login History: login hours, a locked user or a session policy",
    ),
    (
        "invalid_client_id",
        "",
        "the consumer key is not known at this login host: check it and the host; a new app takes up to 10 minutes",
    ),
    (
        "invalid_client",
        "app must be installed",
        "an administrator must install or approve the app in this org",
    ),
    (
        "invalid_client",
        "",
        "a client secret was sent and is wrong; the JWT bearer flow of Salesforce needs none",
    ),
    (
        "app_not_found",
        "",
        "external client apps are found at My Domain alone: use https://MyDomain.my.salesforce.com as the login URL",
    ),
    (
        "oauth_flow_disabled",
        "",
        "enable the app, its OAuth settings and the JWT bearer flow",
    ),
    (
        "app_blocked",
        "",
        "an administrator must unblock the app under Connected Apps OAuth Usage",
    ),
    (
        "invalid_session_level",
        "",
        "the app asks for a high-assurance session, which this flow cannot have: lower its session policy",
    ),
    (
        "bad_jti_claim",
        "",
        "the assertion was sent twice: make a new one for each request",
    ),
    (
        "unsupported_grant_type",
        "",
        "the request reached the server changed: look at the proxy between",
    ),
    (
        "invalid_scope",
        "",
        "leave the scope out: it comes from the app",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_refusals_have_their_own_cure() {
        let audience = cure("invalid_grant", Some("audience is invalid")).unwrap();
        assert!(audience.contains("https://test.salesforce.com"));
        assert_eq!(
            cure("invalid_grant", Some("Audience validation failed")),
            Some(audience)
        );
        assert!(
            cure(
                "app_not_found",
                Some("External client app is not installed in this org")
            )
            .unwrap()
            .contains("My Domain")
        );
        assert_eq!(cure("invalid_grant", Some("something new")), None);
        assert_eq!(cure("new_error", None), None);
    }
}
