//! What a grant sends, as a server on a socket sees it.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/key.rs"]
mod key;
#[path = "../../http/tests/support/mod.rs"]
mod support;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use key::TestKey;
use keybearer_auth::{Client, ClientAuth, Clock, ExchangeErrorKind, JwtBearer, JwtBearerBuilder};
use keybearer_core::{Certificate, Network, Secret};
use serde_json::{Value, json};
use support::{Server, data};

const TOKEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 53\r\n\r\n\
    {\"access_token\":\"t\",\"token_type\":\"bearer\",\"more\":[1]}\n";

const FINGERPRINT: &str = "jvspoCD2UnGWkk9ra0oUqMMEmg7BZzSP4aYWrvH33-4";

fn grant(key: &TestKey, server: &Server) -> JwtBearerBuilder {
    let client = Client::new(&Network::default(), Duration::from_secs(20));
    JwtBearer::builder(key.bound.clone(), Arc::new(client), server.url())
        .issuer("client")
        .subject("user@acme.example")
}

/// The last request's form, each name once, and its head.
fn sent(server: &Server) -> (HashMap<String, String>, String) {
    let request = server.requests().pop().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut form = HashMap::new();
    for pair in body.split('&') {
        let (name, value) = pair.split_once('=').unwrap();
        let before = form.insert(decode(name), decode(value));
        assert_eq!(before, None, "{name} is sent twice");
    }
    (form, head.to_owned())
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_grant_without_more_is_two_fields() {
    let (key, server) = (TestKey::new(), Server::answering(TOKEN).await);
    let before = seconds();
    let token = grant(&key, &server).build().exchange().await.unwrap();
    assert_eq!(token.access_token().expose(), "t");
    assert_eq!(token.fields()["more"], json!([1]));
    assert_eq!((token.expires_in(), token.instance_url()), (None, None));
    let (form, head) = sent(&server);
    assert!(head.starts_with("POST /token HTTP/1.1"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded"));
    assert!(head.contains("accept: application/json"));
    assert!(!head.to_lowercase().contains("authorization"));
    assert_eq!(form.len(), 2);
    assert_eq!(
        form["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    let [header, claims] = key.open(&form["assertion"]).unwrap();
    assert_eq!(Value::from(header), json!({"alg": "ES256", "typ": "JWT"}));
    let names: Vec<_> = claims.keys().map(String::as_str).collect();
    assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "sub"]);
    assert_eq!(claims["iss"], "client");
    assert_eq!(claims["sub"], "user@acme.example");
    assert_eq!(claims["aud"], server.url());
    let issued = claims["iat"].as_u64().unwrap();
    assert!((before..=seconds()).contains(&issued));
    assert_eq!(claims["exp"], issued + 180);
}

#[tokio::test]
async fn claims_header_and_form_are_the_callers() {
    let (key, server) = (TestKey::new(), Server::answering(TOKEN).await);
    let pem = std::fs::read(data("server.pem")).unwrap();
    let chain = Certificate::from_file(&pem).unwrap();
    let grant = grant(&key, &server)
        .audience("https://issuer.example")
        .lifetime(Duration::from_secs(60))
        .claim("nbf", json!(5))
        .claim("aud", json!(["https://a.example", "https://b.example"]))
        .key_id("key-1")
        .certificate_fingerprint(&chain[0])
        .certificate_chain(&chain)
        .header("cty", json!("x"))
        .header("alg", json!("none"))
        .scope("api refresh_token")
        .parameter("resource", "https://api.example/?a=b&c")
        .build();
    grant.exchange().await.unwrap();
    let (form, _) = sent(&server);
    assert_eq!(form["scope"], "api refresh_token");
    assert_eq!(form["resource"], "https://api.example/?a=b&c");
    let [header, claims] = key.open(&form["assertion"]).unwrap();
    assert_eq!(header["alg"], "ES256");
    assert_eq!(header["kid"], "key-1");
    assert_eq!(header["cty"], "x");
    // openssl x509 -in server.pem -outform DER | openssl dgst -sha256 -binary | basenc --base64url
    let fingerprint = header["x5t#S256"].as_str().unwrap();
    assert_eq!(fingerprint, FINGERPRINT);
    let body: String = String::from_utf8(pem).unwrap();
    let body: String = body.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(header["x5c"], json!([body]));
    assert_eq!(claims["nbf"], 5);
    assert_eq!(
        claims["aud"],
        json!(["https://a.example", "https://b.example"])
    );
    let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(life, 60);
}

#[tokio::test]
async fn each_request_has_an_assertion_of_its_own() {
    let (key, server) = (TestKey::new(), Server::answering(TOKEN).await);
    let grant = grant(&key, &server)
        .client_auth(ClientAuth::PrivateKeyJwt)
        .build();
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        grant.exchange().await.unwrap();
        let (form, _) = sent(&server);
        for name in ["assertion", "client_assertion"] {
            let [_, claims] = key.open(&form[name]).unwrap();
            assert!(ids.insert(claims["jti"].as_str().unwrap().to_owned()));
        }
    }
    assert_eq!(ids.len(), 6);
}

#[tokio::test]
async fn an_assertion_begins_when_it_is_made() {
    #[derive(Clone, Debug, Default)]
    struct Hours(Arc<AtomicU64>);
    impl Clock for Hours {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_secs(3600 * self.0.load(Ordering::SeqCst))
        }
        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }
    let (key, server) = (TestKey::new(), Server::answering(TOKEN).await);
    let clock = Hours::default();
    let grant = grant(&key, &server).build().with_clock(clock.clone());
    for hour in 1..4 {
        clock.0.store(hour, Ordering::SeqCst);
        let token = grant.exchange().await.unwrap();
        assert_eq!(token.obtained_at(), clock.now());
        let (form, _) = sent(&server);
        let [_, claims] = key.open(&form["assertion"]).unwrap();
        assert_eq!(claims["iat"], 3600 * hour);
        assert_eq!(claims["exp"], 3600 * hour + 180);
    }
}

#[tokio::test]
async fn the_secret_goes_where_the_method_says() {
    let (key, server) = (TestKey::new(), Server::answering(TOKEN).await);
    let secret = || Secret::from("p w:/ü+");
    let with = |auth| {
        grant(&key, &server)
            .issuer("a b:c")
            .client_auth(auth)
            .build()
    };
    with(ClientAuth::SecretBasic(secret()))
        .exchange()
        .await
        .unwrap();
    let (form, head) = sent(&server);
    assert_eq!(form.len(), 2);
    // printf '%s' 'a%20b%3Ac:p%20w%3A%2F%C3%BC%2B' | base64
    let basic = "authorization: Basic YSUyMGIlM0FjOnAlMjB3JTNBJTJGJUMzJUJDJTJC";
    assert!(head.contains(basic), "{head}");
    with(ClientAuth::SecretPost(secret()))
        .exchange()
        .await
        .unwrap();
    let (form, head) = sent(&server);
    assert_eq!(form["client_id"], "a b:c");
    assert_eq!(form["client_secret"], "p w:/ü+");
    assert!(!head.to_lowercase().contains("authorization"));
}

#[tokio::test]
async fn private_key_jwt_is_an_assertion_of_the_client_itself() {
    let (key, server) = (TestKey::new(), Server::answering(TOKEN).await);
    let grant = || grant(&key, &server).client_auth(ClientAuth::PrivateKeyJwt);
    let same_key = grant().key_id("key-1").claim("x", json!(1)).build();
    same_key.exchange().await.unwrap();
    let (form, _) = sent(&server);
    assert_eq!(
        form["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    assert!(!form.contains_key("client_id"));
    let [header, claims] = key.open(&form["client_assertion"]).unwrap();
    assert_eq!(header["kid"], "key-1");
    assert_eq!(
        (&claims["iss"], &claims["sub"]),
        (&json!("client"), &json!("client"))
    );
    assert_eq!(claims["aud"], server.url());
    assert!(!claims.contains_key("x"));
    let own = TestKey::new();
    let own_key = grant()
        .key_id("key-1")
        .client_key(own.bound.clone())
        .client_audience("https://issuer.example");
    own_key.clone().build().exchange().await.unwrap();
    let (form, _) = sent(&server);
    assert!(key.open(&form["assertion"]).is_some());
    assert!(key.open(&form["client_assertion"]).is_none());
    let [header, claims] = own.open(&form["client_assertion"]).unwrap();
    assert_eq!(Value::from(header), json!({"alg": "ES256", "typ": "JWT"}));
    assert_eq!(claims["aud"], "https://issuer.example");
    let named = own_key.client_header("kid", json!("key-2")).build();
    named.exchange().await.unwrap();
    let (form, _) = sent(&server);
    let [header, _] = own.open(&form["client_assertion"]).unwrap();
    assert_eq!(header["kid"], "key-2");
}

#[tokio::test]
async fn no_parameter_is_sent_twice() {
    let (key, server) = (TestKey::new(), Server::answering(TOKEN).await);
    let post = || ClientAuth::SecretPost("s".into());
    let cases = [
        ("grant_type", ClientAuth::None),
        ("assertion", ClientAuth::None),
        ("client_id", post()),
        ("client_secret", post()),
        ("client_assertion", ClientAuth::PrivateKeyJwt),
    ];
    for (name, auth) in cases {
        let grant = grant(&key, &server).client_auth(auth).parameter(name, "x");
        let error = grant.build().exchange().await.unwrap_err();
        assert_eq!(error.kind(), ExchangeErrorKind::Config, "{name}");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(server.requests().len(), 0);
    // Some servers want the client's name beside the assertion.
    let grant = grant(&key, &server).parameter("client_id", "client");
    grant.build().exchange().await.unwrap();
    assert_eq!(sent(&server).0["client_id"], "client");
}

#[tokio::test]
async fn a_secret_that_no_form_can_carry_is_not_sent_as_another() {
    let (key, server) = (TestKey::new(), Server::answering(TOKEN).await);
    let auth = ClientAuth::SecretPost(Secret::new(vec![0xff]));
    let error = grant(&key, &server)
        .client_auth(auth)
        .build()
        .exchange()
        .await;
    assert_eq!(error.unwrap_err().kind(), ExchangeErrorKind::Config);
    assert_eq!(server.requests().len(), 0);
}

fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs()
}
