//! The refusals of Salesforce's token endpoint that are known, each with its cure.
//!
//! From Salesforce's help on OAuth errors, the error codes of its mobile SDKs, and what its users report.

/// One kind of refusal.
#[derive(Debug)]
pub(crate) struct Cure {
    /// `error`.
    pub(crate) error: &'static str,
    /// What `error_description` must hold, in lower case; an empty text fits all.
    pub(crate) words: &'static str,
    /// What it means, where that is not plain, and what to do.
    pub(crate) cure: &'static str,
}

/// The first row that fits holds.
pub(crate) static CURES: [Cure; 50] = [
    row(
        "invalid_grant",
        "hasn't approved",
        "set the app's Permitted Users to \"Admin approved users are pre-authorized\" and give the user a permission set of the app, or let the user approve the app once in a browser (its scopes must have api and refresh_token); check that the login URL is this user's org; a new app takes up to 10 minutes",
    ),
    row(
        "invalid_app_access",
        "",
        "assign the app to a permission set, and the permission set to the user; check the username too (in a sandbox it has a suffix)",
    ),
    row(
        "invalid_grant",
        "audience",
        "give the audience: https://login.salesforce.com, or https://test.salesforce.com for a sandbox, or the My Domain URL",
    ),
    row(
        "invalid_grant",
        "invalid assertion",
        "the key does not belong to a certificate of the app: compare what `keybearer cert export` writes with the certificate uploaded (a metadata deployment without a certificate removes it), and see that the app is of this org and not of its sandbox",
    ),
    row(
        "invalid_grant",
        "expired authorization code",
        "the assertion had expired when it came: set this machine's clock, and keep the lifetime at 180 seconds",
    ),
    row(
        "invalid_grant",
        "inactive user",
        "an administrator must activate or unfreeze the user",
    ),
    row(
        "inactive_user",
        "",
        "an administrator must activate or unfreeze the user",
    ),
    row(
        "inactive_org",
        "",
        "the org is locked, closed or suspended: ask Salesforce",
    ),
    row(
        "invalid_grant",
        "ip restricted",
        "add this machine's address to the profile's login IP ranges, or relax the app's IP policy; the profile's login hours may forbid it too",
    ),
    row(
        "invalid_grant",
        "login rate exceeded",
        "this user has logged in 3,600 times within an hour: keep tokens instead of getting new ones, and wait until the hour has passed",
    ),
    row(
        "rate_limit_exceeded",
        "",
        "this user has logged in 3,600 times within an hour: keep tokens instead of getting new ones, and wait until the hour has passed",
    ),
    row(
        "invalid_grant",
        "authentication failure",
        "the user's Login History in Setup tells the reason: login hours, a locked user, a session policy, or another username",
    ),
    row(
        "invalid_grant",
        "password expired",
        "the user must set a new password; a user for integration should have one that never expires",
    ),
    row(
        "invalid_grant",
        "challenge required",
        "Salesforce wants the user to prove their identity: trust this machine's address, or let the user log in once in a browser",
    ),
    row(
        "invalid_grant",
        "activation secret",
        "this is said of a refresh token, which this flow does not use: something between has changed the request",
    ),
    row(
        "invalid_grant",
        "already being processed",
        "the same request is under way: make logins one at a time and try again",
    ),
    row(
        "invalid_grant",
        "expired access/refresh token",
        "this is said of a refresh token, which this flow does not use: something between has changed the request",
    ),
    row(
        "invalid_grant",
        "no client credentials user",
        "this is said of the client credentials flow: something between has changed the request's grant_type",
    ),
    row(
        "invalid_client_id",
        "",
        "the consumer key is not known at this login URL: check it and the URL (a sandbox made anew has new apps); a new app takes up to 10 minutes",
    ),
    row(
        "invalid_client",
        "app must be installed",
        "an administrator must install the app in this org, or approve it under Connected Apps OAuth Usage",
    ),
    row(
        "invalid_client",
        "",
        "a client secret was sent and is wrong: Salesforce's JWT bearer flow needs none, leave it out",
    ),
    row(
        "app_not_found",
        "",
        "an external client app is found at My Domain alone: use https://MyDomain.my.salesforce.com as the login URL; if it is, the app is of another org and must be installed",
    ),
    row(
        "oauth_flow_disabled",
        "",
        "enable the app, its OAuth plugin and, in its settings, the JWT bearer flow; see that no client secret is sent",
    ),
    row(
        "app_blocked",
        "",
        "an administrator must unblock the app under Connected Apps OAuth Usage",
    ),
    row(
        "fail_close_app_blocked",
        "",
        "an administrator must unblock the app under Connected Apps OAuth Usage",
    ),
    row(
        "ecapp_policy_not_found",
        "",
        "the external client app is not whole: deploy all of its parts, the policies included",
    ),
    row(
        "oauth_policy_not_found",
        "",
        "the external client app is not whole: deploy all of its parts, the OAuth policies included",
    ),
    row(
        "invalid_distribution_state",
        "",
        "the external client app is not whole: deploy all of its parts, and see its distribution state (a local app serves its own org alone)",
    ),
    row(
        "invalid_session_level",
        "",
        "the app wants a high-assurance session, which this flow cannot have: lower its session policy",
    ),
    row(
        "bad_jti_claim",
        "",
        "the jti was used before: each request needs an assertion of its own; see that nothing between sends requests twice",
    ),
    row(
        "invalid_assertion_type",
        "",
        "something between has changed the request's grant_type or assertion",
    ),
    row(
        "unsupported_grant_type",
        "",
        "the request did not arrive as a form with its grant_type: look at the proxy between",
    ),
    row("invalid_request", "https", "use an https:// login URL"),
    row(
        "invalid_request",
        "post",
        "the request did not arrive as a POST: look for a redirect or a proxy between",
    ),
    row(
        "invalid_request",
        "",
        "the request did not arrive as it was sent: look at the proxy between, and at the form parameters that were added",
    ),
    row(
        "invalid_scope",
        "",
        "leave the scope out: in this flow it comes from the app",
    ),
    row(
        "unknown_error",
        "",
        "Salesforce asks for another try; if it stays, check the login URL",
    ),
    row(
        "server_error",
        "",
        "Salesforce is in trouble: try again in a while, and look at status.salesforce.com",
    ),
    row(
        "service_unavailable",
        "",
        "Salesforce is in trouble: try again in a while, and look at status.salesforce.com",
    ),
    row(
        "temporarily_unavailable",
        "",
        "Salesforce is in trouble: try again in a while, and look at status.salesforce.com",
    ),
    row(
        "system_down",
        "",
        "Salesforce is in trouble: try again in a while, and look at status.salesforce.com",
    ),
    row(
        "slow_down",
        "",
        "make fewer requests, and try again in a while",
    ),
    row(
        "access_denied",
        "",
        "the user's Login History in Setup tells the reason",
    ),
    row(
        "login_error",
        "",
        "the user's Login History in Setup tells the reason",
    ),
    row(
        "installation_error",
        "",
        "an administrator must install the app in this org anew",
    ),
    row(
        "exceeded_registration_limit",
        "",
        "this app has too many installations: ask the app's administrator",
    ),
    row(
        "invalid_basic_auth_header",
        "",
        "a client secret was sent in a header: Salesforce's JWT bearer flow needs none, leave it out",
    ),
    row(
        "unauthorized_client",
        "",
        "the app may not use this flow: switch on the JWT bearer flow in its settings by uploading a certificate",
    ),
    row(
        "invalid_dpop_proof",
        "",
        "the app wants DPoP-bound tokens, which this flow does not make: switch that off in the app",
    ),
    row(
        "use_dpop_nonce",
        "",
        "the app wants DPoP-bound tokens, which this flow does not make: switch that off in the app",
    ),
];

const fn row(error: &'static str, words: &'static str, cure: &'static str) -> Cure {
    Cure { error, words, cure }
}
