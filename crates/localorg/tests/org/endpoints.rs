//! The endpoints behind a token.

use base64::{Engine, engine::general_purpose::STANDARD};
use keybearer_localorg::{App, LocalOrg, User};
use serde_json::json;

use crate::support::*;

const USERINFO: &str = "/services/oauth2/userinfo";

#[tokio::test]
async fn userinfo_tells_the_user() {
    let org = org().await;
    let token = login(&org, &claims(&org)).await.token();
    let told = get(&org, USERINFO, &token).await.json();
    assert_eq!(told["preferred_username"], USER);
    assert_eq!(told["user_id"], "005KB0000000000YAA");
    assert_eq!(told["organization_id"], "00DKB00000000012AA");
    assert_eq!(
        told["sub"],
        format!("{}/id/00DKB00000000012AA/005KB0000000000YAA", org.url())
    );
    assert_eq!(told["active"], true);
    let entry = newest(&org);
    assert_eq!(
        (entry.outcome, entry.user.as_deref()),
        ("answered", Some(USER))
    );
    // POST, and Salesforce's older scheme.
    let headers = [("Authorization", format!("OAuth {token}"))];
    let headers = [(headers[0].0, headers[0].1.as_str())];
    assert_eq!(send(&org, "POST", USERINFO, &headers, "").await.status, 200);
}

#[tokio::test]
async fn userinfo_refuses_in_a_word() {
    let org = org().await;
    let answer = get(&org, USERINFO, "00DKB0000000001!dead").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (403, "Bad_OAuth_Token")
    );
    let answer = send(&org, "GET", USERINFO, &[], "").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (403, "Missing_OAuth_Token")
    );
    assert_eq!(newest(&org).reason.as_deref(), Some("Missing_OAuth_Token"));
}

#[tokio::test]
async fn the_identity_url_is_the_users_own() {
    let org = org().await;
    let answer = login(&org, &claims(&org)).await;
    let token = answer.token();
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let path = id.strip_prefix(&org.url()).unwrap();
    let told = get(&org, path, &token).await.json();
    assert_eq!(told["id"], id);
    assert_eq!(told["username"], USER);
    assert!(told["urls"]["rest"].as_str().unwrap().contains("{version}"));
    for (path, status, body) in [
        ("/id/00DKB0000000001/005KB0000000000", 200, None),
        (
            "/id/00DKB0000000002/005KB0000000000",
            403,
            Some("Wrong_Org"),
        ),
        ("/id/00DKB0000000001/005KB0000000001", 404, Some("Bad_Id")),
    ] {
        let answer = get(&org, path, &token).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(body.is_none_or(|body| body == answer.body), "{answer:?}");
    }
    let answer = get(&org, path, "dead").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (403, "Bad_OAuth_Token")
    );
}

#[tokio::test]
async fn a_dead_token_is_an_invalid_session() {
    let org = org().await;
    for path in ["", "/", "/limits", "/query?q=SELECT+Id+FROM+User"] {
        let path = format!("/services/data/v67.0{path}");
        for answer in [
            get(&org, &path, "dead").await,
            send(&org, "GET", &path, &[], "").await,
        ] {
            assert_eq!(answer.status, 401);
            assert_eq!(
                answer.json(),
                json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }])
            );
        }
    }
}

#[tokio::test]
async fn the_api_answers_a_client_that_tries_its_connection() {
    let org = org().await;
    let token = login(&org, &claims(&org)).await.token();
    let versions = send(&org, "GET", "/services/data/", &[], "").await.json();
    let last = versions.as_array().unwrap().last().unwrap();
    assert_eq!(
        *last,
        json!({ "label": "Summer '26", "url": "/services/data/v67.0", "version": "67.0" })
    );
    let resources = get(&org, "/services/data/v67.0/", &token).await.json();
    assert_eq!(resources["query"], "/services/data/v67.0/query");
    let answer = get(&org, "/services/data/v60.0/limits", &token).await;
    assert!(answer.head.contains("sforce-limit-info: api-usage=2/15000"));
    assert_eq!(
        answer.json(),
        json!({ "DailyApiRequests": { "Max": 15000, "Remaining": 14998 } })
    );
    for path in [
        "/services/data/v99.0/limits",
        "/services/data/v67.0/sobjects",
        "/x",
    ] {
        let answer = get(&org, path, &token).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()[0]["errorCode"], "NOT_FOUND");
    }
}

#[tokio::test]
async fn queries_are_answered_or_refused() {
    let org = org().await;
    let token = login(&org, &claims(&org)).await.token();
    let query = async |soql: &str| {
        let query = form(&[("q", soql)]);
        get(&org, &format!("/services/data/v67.0/query?{query}"), &token).await
    };
    let answer = query("SELECT Id, Username FROM User WHERE IsActive = true").await;
    assert_eq!(
        answer.json(),
        json!({ "totalSize": 1, "done": true, "records": [{
            "attributes": {
                "type": "User",
                "url": "/services/data/v67.0/sobjects/User/005KB0000000000YAA",
            },
            "Id": "005KB0000000000YAA",
            "Username": USER,
        }] })
    );
    let answer = query("SELECT Name, IsSandbox FROM Organization").await;
    assert_eq!(answer.json()["records"][0]["IsSandbox"], false);
    let answer = query("SELECT Id FROM Account").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()[0]["errorCode"], "INVALID_TYPE");
    let answer = query("DELETE FROM User").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!([{
            "message": "\nDELETE FROM User\n^\nERROR at Row:1:Column:1\nunexpected token: 'DELETE'",
            "errorCode": "MALFORMED_QUERY",
        }])
    );
    let answer = get(&org, "/services/data/v67.0/query", &token).await;
    assert_eq!(answer.json()[0]["errorCode"], "MALFORMED_QUERY");
}

#[tokio::test]
async fn revocation_is_answered_as_a_form() {
    let org = org().await;
    let path = "/services/oauth2/revoke";
    let token = login(&org, &claims(&org)).await.token();
    let answer = send(&org, "GET", &format!("{path}?token={token}"), &[], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(get(&org, USERINFO, &token).await.status, 403);
    let answer = post(&org, path, &form(&[("token", &token)])).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.body,
        "error=invalid_token&error_description=invalid%20token"
    );
    let answer = post(&org, path, "").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.body,
        "error=unsupported_token_type&error_description=this%20token%20type%20is%20not%20supported"
    );
    let headers = [("Accept", "application/json")];
    let answer = send(&org, "GET", &format!("{path}?token=x"), &headers, "").await;
    answer.is_refused("invalid_token", "invalid token");
}

#[tokio::test]
async fn introspection_is_for_an_app_with_a_secret_and_its_own_tokens() {
    let path = "/services/oauth2/introspect";
    let certificate = key().await.certificate;
    let org = LocalOrg::builder()
        .app(app().await.secret("secret".into()))
        .app(App::new("other", vec![certificate.clone()]).secret("other secret".into()))
        .app(App::new("none", vec![certificate]))
        .user(User::new(USER));
    let org = start(org).await;
    let token = login(&org, &claims(&org)).await.token();
    let ask = async |id: &str, secret: &str, token: &str| {
        let fields = [
            ("token", token),
            ("client_id", id),
            ("client_secret", secret),
        ];
        post(&org, path, &form(&fields)).await
    };
    let told = ask(APP, "secret", &token).await.json();
    assert_eq!(told["active"], true);
    assert_eq!(told["client_id"], APP);
    assert_eq!(told["username"], USER);
    assert_eq!(told["scope"], "api refresh_token");
    assert_eq!(told["token_type"], "access_token");
    let seconds = |name: &str| told[name].as_u64().unwrap();
    assert_eq!(seconds("exp") - seconds("iat"), 7200);
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        (
            "Authorization",
            &format!("Basic {}", STANDARD.encode(format!("{APP}:secret"))),
        ),
    ];
    let body = form(&[("token", &token), ("token_type_hint", "access_token")]);
    assert_eq!(send(&org, "POST", path, &headers, &body).await.json(), told);

    let inactive = json!({ "active": false });
    assert_eq!(ask("other", "other secret", &token).await.json(), inactive);
    assert_eq!(ask(APP, "secret", "x").await.json(), inactive);
    let refused = ("invalid_client", "invalid client credentials");
    for (id, secret) in [(APP, "wrong"), ("none", "secret")] {
        ask(id, secret, &token)
            .await
            .is_refused(refused.0, refused.1);
    }
    ask("unknown", "secret", &token)
        .await
        .is_refused("invalid_client_id", "client identifier invalid");
    post(&org, path, &body)
        .await
        .is_refused(refused.0, refused.1);
}
