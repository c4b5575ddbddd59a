//! Sessions: how long a token lives, and who shares it.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_localorg::{App, LocalOrg, TokenFormat, User};
use serde_json::{Value, json};

use crate::support::*;

const LIMITS: &str = "/services/data/v67.0/limits";

async fn org_of(app: App) -> LocalOrg {
    start(LocalOrg::builder().app(app).user(User::new(USER))).await
}

async fn lives(org: &LocalOrg, token: &str) -> bool {
    let status = get(org, LIMITS, token).await.status;
    assert!(status == 200 || status == 401, "{status}");
    status == 200
}

/// Claims that outlive the clock's jumps.
fn lasting(org: &LocalOrg) -> Value {
    with(claims(org), json!({ "exp": now() + 1_000_000 }))
}

#[tokio::test]
async fn a_live_session_is_used_again() {
    let org = org_of(app().await).await;
    let first = login(&org, &lasting(&org)).await.token();
    assert_eq!(login(&org, &lasting(&org)).await.token(), first);
    org.advance_clock(Duration::from_secs(7200));
    let second = login(&org, &lasting(&org)).await.token();
    assert_ne!(second, first);
    assert!(!lives(&org, &first).await);
    assert!(lives(&org, &second).await);
}

#[tokio::test]
async fn a_revoked_token_dies_for_all_who_share_it() {
    let org = org_of(app().await).await;
    let mine = login(&org, &lasting(&org)).await.token();
    let yours = login(&org, &lasting(&org)).await.token();
    assert_eq!(mine, yours);
    let body = form(&[("token", &mine)]);
    let answer = post(&org, "/services/oauth2/revoke", &body).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert!(!lives(&org, &yours).await);
    let next = login(&org, &lasting(&org)).await.token();
    assert_ne!(next, mine);
}

#[tokio::test]
async fn sessions_may_be_each_grants_own() {
    let org = org_of(app().await.reuse_session(false)).await;
    let first = login(&org, &lasting(&org)).await.token();
    let second = login(&org, &lasting(&org)).await.token();
    assert_ne!(first, second);
    post(&org, "/services/oauth2/revoke", &form(&[("token", &first)])).await;
    assert!(!lives(&org, &first).await);
    assert!(lives(&org, &second).await);
}

#[tokio::test]
async fn apps_and_users_share_nothing() {
    let org = LocalOrg::builder()
        .app(app().await)
        .app(App::new("other", vec![key().await.certificate]))
        .user(User::new(USER))
        .user(User::new("bob@example.org"));
    let org = start(org).await;
    let mut tokens = Vec::new();
    for changes in [
        json!({}),
        json!({ "iss": "other" }),
        json!({ "sub": "bob@example.org" }),
    ] {
        tokens.push(login(&org, &with(claims(&org), changes)).await.token());
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
}

#[tokio::test]
async fn use_prolongs_an_opaque_tokens_session() {
    let org = org_of(app().await.session(Duration::from_secs(100))).await;
    let token = login(&org, &lasting(&org)).await.token();
    for _ in 0..3 {
        org.advance_clock(Duration::from_secs(90));
        assert!(lives(&org, &token).await);
    }
    org.advance_clock(Duration::from_secs(100));
    assert!(!lives(&org, &token).await);
}

#[tokio::test]
async fn a_jwts_end_is_fixed() {
    let app = app()
        .await
        .token_format(TokenFormat::Jwt)
        .session(Duration::from_secs(100));
    let org = org_of(app).await;
    let token = login(&org, &lasting(&org)).await.token();
    org.advance_clock(Duration::from_secs(90));
    assert!(lives(&org, &token).await);
    org.advance_clock(Duration::from_secs(11));
    assert!(!lives(&org, &token).await);
}

#[tokio::test]
async fn a_jwt_says_whose_it_is_and_the_orgs_key_verifies_it() {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
    let org = org_of(app().await.token_format(TokenFormat::Jwt)).await;
    let token = login(&org, &claims(&org)).await.token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, body) = signed.split_once('.').unwrap();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let object = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
    let claims = object(body);
    assert_eq!(claims["iss"], org.url());
    assert_eq!(claims["client_id"], APP);
    assert_eq!(claims["sub"], "uid:005KB0000000000YAA");
    assert_eq!(claims["scp"], "api refresh_token");
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(lifetime, 7200);

    let keys = get(&org, "/id/keys", "").await.json();
    let key = &keys["keys"][0];
    assert_eq!(key["kid"], object(header)["kid"]);
    let components = RsaPublicKeyComponents {
        n: decode(key["n"].as_str().unwrap()),
        e: decode(key["e"].as_str().unwrap()),
    };
    components
        .verify(
            &RSA_PKCS1_2048_8192_SHA256,
            signed.as_bytes(),
            &decode(signature),
        )
        .unwrap();
}

#[tokio::test]
async fn many_at_once_share_one_session() {
    let org = org_of(app().await).await;
    let logins: Vec<_> = (0..32).map(|_| lasting(&org)).collect();
    let mut tasks = tokio::task::JoinSet::new();
    let org = std::sync::Arc::new(org);
    for claims in logins {
        let org = org.clone();
        tasks.spawn(async move { login(&org, &claims).await.token() });
    }
    let mut tokens = tasks.join_all().await;
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_eq!(org.token_posts(), 32);
}
