//! What real clients send, Salesforce takes, and the log notes.

use base64::{Engine, engine::general_purpose::URL_SAFE};
use serde_json::{Value, json};

use crate::support::*;

/// The Salesforce CLI: a chunked body without Content-Length, `exp` in milliseconds, a slash after the audience.
#[tokio::test]
async fn the_salesforce_clis_request() {
    let org = org().await;
    let claims = with(
        claims(&org),
        json!({ "aud": format!("{}/", org.url()), "exp": now() * 1000 + 300 }),
    );
    let body = form(&[("grant_type", GRANT), ("assertion", &sign(&claims).await)]);
    let (first, second) = body.split_at(100);
    let request = format!(
        "POST /services/oauth2/token HTTP/1.1\r\nHost: org\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    );
    raw(&org, request.as_bytes()).await.token();
    assert_eq!(
        newest(&org).oddities,
        [
            "the body is chunked, without a Content-Length",
            "aud ends in a slash",
            "exp is in milliseconds: read as seconds it is far ahead",
        ]
    );
}

/// Camel: `exp` as a string, base64url with padding, `client_id` and `format` beside the assertion.
#[tokio::test]
async fn camels_request() {
    let org = org().await;
    let claims = with(claims(&org), json!({ "exp": (now() + 270).to_string() }));
    let part = |value: &Value| URL_SAFE.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "RS256" })), part(&claims));
    let signature = key().await.bound.sign(signed.as_bytes()).await.unwrap();
    let assertion = format!("{signed}.{}", URL_SAFE.encode(signature.as_bytes()));
    assert!(assertion.ends_with("=="));
    let fields = [
        ("grant_type", GRANT),
        ("assertion", assertion.as_str()),
        ("client_id", APP),
        ("format", "json"),
    ];
    post(&org, "/services/oauth2/token", &form(&fields))
        .await
        .token();
    assert_eq!(
        newest(&org).oddities,
        [
            "not needed beside the assertion: client_id, format",
            "base64url with padding",
            "exp is a string",
        ]
    );
}

#[tokio::test]
async fn claims_that_are_odd() {
    let org = org().await;
    for (changes, oddities) in [
        (
            json!({ "exp": now() + 12_000_000 }),
            vec!["exp is 12000000 s ahead; Salesforce documents 300 at most"],
        ),
        (
            json!({ "exp": now() as f64 + 100.5 }),
            vec!["exp has a fraction"],
        ),
        (
            json!({ "nbf": now() + 60 }),
            vec!["nbf is in the future by the org's clock"],
        ),
        (
            json!({ "iat": now() + 60 }),
            vec!["iat is in the future by the org's clock"],
        ),
        (
            json!({ "iat": now(), "nbf": now(), "jti": "x", "scope": 1 }),
            vec![],
        ),
        (
            json!({ "sub": USER.to_uppercase() }),
            vec!["the user name is written in another case"],
        ),
    ] {
        login(&org, &with(claims(&org), changes.clone()))
            .await
            .token();
        let told = newest(&org).oddities;
        // A second may pass between the two clocks' readings.
        let told: Vec<_> = told
            .iter()
            .map(|odd| odd.replace("11999999", "12000000"))
            .collect();
        assert_eq!(told, oddities, "{changes}");
    }
}

#[tokio::test]
async fn parameters_in_the_url_and_twice() {
    let org = org().await;
    let assertion = sign(&claims(&org)).await;
    let path = format!(
        "/services/oauth2/token?{}",
        form(&[("grant_type", GRANT), ("assertion", &assertion)])
    );
    post(&org, &path, "assertion=x").await.token();
    assert_eq!(
        newest(&org).oddities,
        [
            "grant_type stands in the URL, where logs keep it",
            "assertion stands in the URL, where logs keep it",
            "assertion is there twice: the first counts",
        ]
    );
}

#[tokio::test]
async fn a_body_that_is_no_form_or_too_long_is_noted() {
    let org = org().await;
    let headers = [("Content-Type", "application/json")];
    let answer = send(&org, "POST", "/services/oauth2/token", &headers, "{}").await;
    answer.is_refused("unsupported_grant_type", "grant type not supported");
    assert_eq!(
        newest(&org).oddities,
        ["the body is not application/x-www-form-urlencoded: not read"]
    );
}
