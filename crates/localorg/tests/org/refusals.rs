//! Each refusal, in Salesforce's words.

use keybearer_core::{EcCurve, KeyType};
use keybearer_localorg::{App, LocalOrg, Policy, User};
use serde_json::{Value, json};

use crate::support::*;

/// Asserts that the newest entry is a refusal whose reason has this in it.
#[track_caller]
fn reason_is(org: &LocalOrg, part: &str) {
    let entry = newest(org);
    assert_eq!(entry.outcome, "refused");
    assert_eq!(entry.status, 400);
    let reason = entry.reason.unwrap();
    assert!(reason.contains(part), "{reason}");
}

#[tokio::test]
async fn what_is_no_assertion_is_invalid() {
    let org = org().await;
    let good = sign(&claims(&org)).await;
    let (signed, _) = good.rsplit_once('.').unwrap();
    let (_, rest) = good.split_once('.').unwrap();
    let header = |text: &str| {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(text))
    };
    for (assertion, why) in [
        (String::new(), "there is no assertion"),
        ("a.b".into(), "2 parts and not three"),
        (format!("{good}.e30"), "4 parts and not three"),
        (signed.to_owned(), "2 parts and not three"),
        (format!("{signed}.+/+/"), "the signature is not base64url"),
        (format!("!.{rest}"), "the header is not base64url"),
        (header("[]"), "the header is no JSON object"),
        (header("{}"), "alg is missing"),
        (header("{\"alg\":\"none\"}"), "alg is none"),
        (header("{\"alg\":\"HS256\"}"), "alg is HS256"),
        (header("{\"alg\":\"RS512\"}"), "alg is RS512"),
        (header("{\"alg\":\"PS256\"}"), "alg is PS256"),
        (header("{\"alg\":\"ES256\"}"), "alg is ES256"),
        (header("{\"alg\":\"RS256\",\"crit\":[\"b64\"]}"), "crit"),
        (
            header("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"),
            "signature is not by",
        ),
        (format!("{signed}."), "signature is not by"),
    ] {
        let answer = grant(&org, &assertion).await;
        answer.is_refused("invalid_grant", "invalid assertion");
        reason_is(&org, why);
    }
}

#[tokio::test]
async fn another_key_is_an_invalid_assertion() {
    let org = org().await;
    let other = new_key(KeyType::Rsa { bits: 2048 }).await;
    let assertion = sign_by(&other.bound, &json!({ "alg": "RS256" }), &claims(&org)).await;
    let answer = grant(&org, &assertion).await;
    answer.is_refused("invalid_grant", "invalid assertion");
    reason_is(&org, "not by the key of the app's certificate");
    assert_eq!(other.bound.algorithm(), RS256);
}

#[tokio::test]
async fn a_certificate_that_salesforce_cannot_use_verifies_nothing() {
    let curve = new_key(KeyType::Ec(EcCurve::P256)).await;
    for (certificates, why) in [
        (vec![curve.certificate], "P-256"),
        (vec![], "the app has no certificate"),
    ] {
        let org = LocalOrg::builder()
            .app(App::new(APP, certificates))
            .user(User::new(USER));
        let org = start(org).await;
        let answer = login(&org, &claims(&org)).await;
        answer.is_refused("invalid_grant", "invalid assertion");
        reason_is(&org, why);
    }
}

#[tokio::test]
async fn claims_are_checked() {
    let org = org().await;
    let url = org.url();
    let client = ("invalid_client_id", "client identifier invalid");
    let audience = ("invalid_grant", "audience is invalid");
    let expired = ("invalid_grant", "expired authorization code");
    let assertion = ("invalid_grant", "invalid assertion");
    let user = (
        "invalid_app_access",
        "user is not admin approved to access this app",
    );
    for (changes, (error, description)) in [
        (json!({ "iss": null }), client),
        (json!({ "iss": "3MVG9unknown" }), client),
        (json!({ "iss": format!("{APP} ") }), client),
        (json!({ "aud": null }), audience),
        (json!({ "aud": [url] }), audience),
        (json!({ "aud": "https://example.org" }), audience),
        (json!({ "aud": org.token_url() }), audience),
        (json!({ "aud": format!("{url}//") }), audience),
        (json!({ "aud": "http://login.salesforce.com" }), audience),
        (
            json!({ "aud": "https://login.salesforce.com.example.org" }),
            audience,
        ),
        (json!({ "exp": now() - 1 }), expired),
        (json!({ "exp": (now() - 1).to_string() }), expired),
        (json!({ "exp": 0 }), expired),
        (json!({ "exp": -1 }), expired),
        (json!({ "exp": null }), assertion),
        (json!({ "exp": "soon" }), assertion),
        (json!({ "exp": "inf" }), assertion),
        (json!({ "exp": true }), assertion),
        (json!({ "sub": null }), user),
        (json!({ "sub": "eve@example.org" }), user),
        (json!({ "sub": 1 }), user),
    ] {
        let answer = login(&org, &with(claims(&org), changes.clone())).await;
        assert_eq!(answer.status, 400, "{changes}");
        answer.is_refused(error, description);
        reason_is(&org, error);
    }
}

#[tokio::test]
async fn the_signature_comes_before_the_claims() {
    let org = org().await;
    let other = new_key(KeyType::Rsa { bits: 2048 }).await;
    let bad = with(claims(&org), json!({ "aud": "x", "exp": 1, "sub": "eve" }));
    let answer = grant(
        &org,
        &sign_by(&other.bound, &json!({ "alg": "RS256" }), &bad).await,
    )
    .await;
    answer.is_refused("invalid_grant", "invalid assertion");
    login(&org, &bad)
        .await
        .is_refused("invalid_grant", "audience is invalid");
}

#[tokio::test]
async fn a_jti_counts_once() {
    let org = LocalOrg::builder()
        .app(app().await)
        .app(App::new("other", vec![key().await.certificate]))
        .user(User::new(USER));
    let org = start(org).await;
    let claims = with(claims(&org), json!({ "jti": "1" }));
    login(&org, &claims).await.token();
    login(&org, &claims)
        .await
        .is_refused("bad_jti_claim", "jti has been used before");
    login(&org, &with(claims.clone(), json!({ "jti": "2" })))
        .await
        .token();
    // Another app's are its own.
    login(&org, &with(claims, json!({ "iss": "other" })))
        .await
        .token();
}

#[tokio::test]
async fn policies_have_their_own_words() {
    for (policy, error, description) in [
        (
            Policy::AdminApproved,
            "invalid_app_access",
            "user is not admin approved to access this app",
        ),
        (
            Policy::SelfAuthorize,
            "invalid_grant",
            "user hasn't approved this consumer",
        ),
    ] {
        let org = LocalOrg::builder()
            .app(app().await.users(["bob@example.org"]))
            .user(User::new(USER))
            .user(User::new("bob@example.org"))
            .policy(policy);
        let org = start(org).await;
        for name in [USER, "nobody@example.org"] {
            let answer = login(&org, &with(claims(&org), json!({ "sub": name }))).await;
            answer.is_refused(error, description);
        }
        login(
            &org,
            &with(claims(&org), json!({ "sub": "bob@example.org" })),
        )
        .await
        .token();
    }
}

#[tokio::test]
async fn an_inactive_user_is_told() {
    let org = LocalOrg::builder()
        .app(app().await)
        .user(User::new(USER).inactive());
    let org = start(org).await;
    login(&org, &claims(&org))
        .await
        .is_refused("invalid_grant", "inactive user");
}

#[tokio::test]
async fn logins_are_counted_by_the_hour() {
    let org = LocalOrg::builder()
        .app(app().await)
        .user(User::new(USER).login_limit(2));
    let org = start(org).await;
    let claims = with(claims(&org), json!({ "exp": now() + 10_000 }));
    login(&org, &claims).await.token();
    // What is refused is no login.
    login(&org, &with(claims.clone(), json!({ "aud": "x" })))
        .await
        .is_refused("invalid_grant", "audience is invalid");
    login(&org, &claims).await.token();
    login(&org, &claims)
        .await
        .is_refused("invalid_grant", "login rate exceeded");
    org.advance_clock(std::time::Duration::from_secs(3600));
    login(&org, &claims).await.token();
}

#[tokio::test]
async fn the_request_is_checked() {
    let org = org().await;
    let assertion = sign(&claims(&org)).await;
    let good = form(&[("grant_type", GRANT), ("assertion", &assertion)]);
    let as_json = json!({ "grant_type": GRANT, "assertion": assertion }).to_string();
    let path = "/services/oauth2/token";
    let unsupported = ("unsupported_grant_type", "grant type not supported");
    for (headers, body) in [
        (vec![("Content-Type", "application/json")], as_json.as_str()),
        (vec![("Content-Type", "text/plain")], good.as_str()),
        (
            vec![("Content-Type", "multipart/form-data; boundary=x")],
            good.as_str(),
        ),
        (vec![], good.as_str()),
        (vec![], ""),
    ] {
        let answer = send(&org, "POST", path, &headers, body).await;
        answer.is_refused(unsupported.0, unsupported.1);
    }
    for grant in ["password", "client_credentials", "JWT-bearer", ""] {
        let body = form(&[("grant_type", grant), ("assertion", &assertion)]);
        let answer = post(&org, path, &body).await;
        answer.is_refused(unsupported.0, unsupported.1);
    }
    let answer = post(&org, path, &form(&[("grant_type", GRANT)])).await;
    answer.is_refused("invalid_grant", "invalid assertion");
    for method in ["GET", "PUT"] {
        let answer = send(&org, method, &format!("{path}?{good}"), &[], "").await;
        answer.is_refused("invalid_request", "must use HTTP POST");
    }
    let scoped = format!("{good}&scope=full");
    post(&org, path, &scoped).await.is_refused(
        "invalid_scope",
        "the requested scope is invalid, unknown, or malformed",
    );
    let headers = [(
        "Content-Type",
        "application/x-www-form-urlencoded; charset=UTF-8",
    )];
    send(&org, "POST", path, &headers, &good).await.token();
}

#[tokio::test]
async fn a_secret_must_be_the_apps() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    for (known, sent, is_right) in [
        (None, "s", false),
        (Some("s e:cret%"), "s e:cret%", true),
        (Some("a"), "b", false),
    ] {
        let mut app = app().await;
        if let Some(secret) = known {
            app = app.secret(secret.into());
        }
        let org = start(LocalOrg::builder().app(app).user(User::new(USER))).await;
        let assertion = sign(&claims(&org)).await;
        let good = form(&[("grant_type", GRANT), ("assertion", &assertion)]);
        let posted = format!(
            "{good}&{}",
            form(&[("client_id", APP), ("client_secret", sent)])
        );
        let encoded = form(&[("x", sent)]);
        let basic = STANDARD.encode(format!("{APP}:{}", encoded.strip_prefix("x=").unwrap()));
        let basic = format!("Basic {basic}");
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Authorization", basic.as_str()),
        ];
        let path = "/services/oauth2/token";
        for answer in [
            post(&org, path, &posted).await,
            send(&org, "POST", path, &headers, &good).await,
        ] {
            if is_right {
                answer.token();
            } else {
                answer.is_refused("invalid_client", "invalid client credentials");
            }
        }
        let headers = [headers[0], ("Authorization", "Basic !")];
        let answer = send(&org, "POST", path, &headers, &good).await;
        assert_eq!(answer.json()["error"], "invalid_basic_auth_header");
    }
}

#[tokio::test]
async fn the_log_keeps_no_assertion_and_no_token() {
    let org = org().await;
    let assertion = sign(&claims(&org)).await;
    let token = grant(&org, &assertion).await.token();
    let path = format!("/services/oauth2/token?assertion={assertion}");
    post(&org, &path, &form(&[("grant_type", &assertion)])).await;
    get(
        &org,
        &format!("/services/oauth2/revoke?token={token}"),
        &token,
    )
    .await;
    let long = "x".repeat(100_000);
    login(&org, &with(claims(&org), json!({ "iss": long }))).await;
    let answer = get(&org, "/__log", "").await;
    assert_eq!(answer.status, 200);
    let log: Value = answer.json();
    let first = log.as_array().unwrap().first().unwrap();
    assert_eq!(
        first["reason"].as_str().unwrap().split(':').next(),
        Some("invalid_client_id")
    );
    assert_eq!(log.as_array().unwrap().len(), org.log().len());
    let signature = assertion.rsplit('.').next().unwrap();
    for secret in [signature, &token, token.split('!').nth(1).unwrap()] {
        assert!(!answer.body.contains(secret));
    }
    assert!(answer.body.len() < 10_000);
}
