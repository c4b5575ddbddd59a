//! Grants.

use keybearer_core::KeyType;
use keybearer_localorg::{App, LocalOrg, Policy, User};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn the_answer_is_salesforces() {
    let org = org().await;
    let answer = login(&org, &claims(&org)).await;
    let token = answer.token();
    assert!(token.starts_with("00DKB0000000001!"), "{token}");
    assert_eq!(
        answer.json(),
        json!({
            "access_token": token,
            "scope": "api refresh_token",
            "instance_url": org.url(),
            "id": format!("{}/id/00DKB00000000012AA/005KB0000000000YAA", org.url()),
            "token_type": "Bearer",
        })
    );
    assert!(answer.head.contains("cache-control: no-cache, no-store"));
    let entry = newest(&org);
    assert_eq!(entry.request, "POST /services/oauth2/token");
    assert_eq!((entry.outcome, entry.status), ("granted", 200));
    assert_eq!(entry.client.as_deref(), Some(APP));
    assert_eq!(entry.user.as_deref(), Some(USER));
    assert_eq!(entry.reason, None);
    assert_eq!(entry.oddities, Vec::<String>::new());
}

#[tokio::test]
async fn each_audience_of_salesforces_is_taken() {
    let org = org().await;
    let own = org.url();
    for url in [
        &own,
        "https://login.salesforce.com",
        "https://test.salesforce.com",
    ] {
        let host = url.split_once("://").unwrap().1;
        for (audience, oddity) in [
            (url.to_owned(), None),
            (format!("{url}/"), Some("aud ends in a slash")),
            (host.to_owned(), Some("aud is a bare host")),
        ] {
            let claims = with(claims(&org), json!({ "aud": audience }));
            login(&org, &claims).await.token();
            assert_eq!(newest(&org).oddities, Vec::from_iter(oddity), "{audience}");
        }
    }
}

#[tokio::test]
async fn any_of_an_apps_certificates_will_do() {
    let old = new_key(KeyType::Rsa { bits: 2048 }).await;
    let curve = new_key(KeyType::Ec(keybearer_core::EcCurve::P256)).await;
    let certificates = vec![curve.certificate, old.certificate, key().await.certificate];
    let org = LocalOrg::builder()
        .app(App::new(APP, certificates))
        .user(User::new(USER));
    let org = start(org).await;
    login(&org, &claims(&org)).await.token();
    let header = json!({ "alg": "RS256" });
    grant(&org, &sign_by(&old.bound, &header, &claims(&org)).await)
        .await
        .token();
}

#[tokio::test]
async fn both_policies_let_the_users_of_the_app_in() {
    for policy in [Policy::AdminApproved, Policy::SelfAuthorize] {
        let org = LocalOrg::builder()
            .app(app().await.policy(policy).users([USER]))
            .user(User::new(USER));
        let org = start(org).await;
        login(&org, &claims(&org)).await.token();
    }
}

#[tokio::test]
async fn prn_is_the_older_name_of_sub_and_wins() {
    let org = LocalOrg::builder()
        .app(app().await)
        .user(User::new(USER))
        .user(User::new("bob@example.org"));
    let org = start(org).await;
    let old = with(claims(&org), json!({ "prn": "bob@example.org" }));
    for claims in [old.clone(), with(old, json!({ "sub": null }))] {
        login(&org, &claims).await.token();
        let entry = newest(&org);
        assert_eq!(entry.user.as_deref(), Some("bob@example.org"));
        assert_eq!(entry.oddities, ["prn, the older name of sub"]);
    }
}

#[tokio::test]
async fn without_jti_an_assertion_may_come_again() {
    let org = org().await;
    let assertion = sign(&claims(&org)).await;
    grant(&org, &assertion).await.token();
    grant(&org, &assertion).await.token();
}

#[tokio::test]
async fn the_scope_may_be_named() {
    let org = org().await;
    let assertion = sign(&claims(&org)).await;
    for scope in ["api", "refresh_token api"] {
        let body = form(&[
            ("grant_type", GRANT),
            ("assertion", &assertion),
            ("scope", scope),
        ]);
        post(&org, "/services/oauth2/token", &body).await.token();
    }
}
