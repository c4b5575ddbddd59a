//! An org with one app and one user, and a client of it.

use std::{
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_core::{Algorithm, Bound, Certificate, KeyType};
use keybearer_localorg::{App, Builder, Entry, LocalOrg, User};
use keybearer_soft::{PrivateKey, SoftSigner};
use keybearer_x509::SelfSigned;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) const APP: &str = "3MVG9localorg.tests";
pub(crate) const USER: &str = "ann@example.org";
pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A key with its certificate.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) bound: Bound,
    pub(crate) certificate: Certificate,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The access token of a grant.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Asserts a refusal, word for word.
    #[track_caller]
    pub(crate) fn is_refused(&self, error: &str, description: &str) {
        assert_eq!(self.status, 400, "{self:?}");
        let expected = json!({ "error": error, "error_description": description });
        assert_eq!(self.json(), expected);
        assert!(
            self.head
                .contains("content-type: application/json;charset=utf-8")
        );
        assert!(self.head.contains("cache-control: no-cache, no-store"));
    }
}

/// The key of the app. One for all tests: making one takes a while.
pub(crate) async fn key() -> Key {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    let key = KEY.get_or_init(|| PrivateKey::generate(KeyType::Rsa { bits: 2048 }).unwrap());
    certified(key).await
}

/// Another key.
pub(crate) async fn new_key(key_type: KeyType) -> Key {
    certified(&PrivateKey::generate(key_type).unwrap()).await
}

async fn certified(key: &PrivateKey) -> Key {
    let signer = SoftSigner::new(&"pem:/test.pem".parse().unwrap(), key, &[]).unwrap();
    let algorithm = key.algorithms()[0];
    let bound = Bound::new(Arc::new(signer), algorithm).unwrap();
    let certificate = SelfSigned::new("CN=test").unwrap().issue(&bound).await;
    Key {
        certificate: certificate.unwrap(),
        bound,
    }
}

pub(crate) async fn app() -> App {
    App::new(APP, vec![key().await.certificate])
}

/// An org with the app and the user.
pub(crate) async fn org() -> LocalOrg {
    start(LocalOrg::builder().app(app().await).user(User::new(USER))).await
}

pub(crate) async fn start(builder: Builder) -> LocalOrg {
    builder.start().await.unwrap()
}

pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// The claims of a good assertion.
pub(crate) fn claims(org: &LocalOrg) -> Value {
    json!({ "iss": APP, "sub": USER, "aud": org.url(), "exp": now() + 180 })
}

/// The claims with some of them changed; `null` takes one away.
pub(crate) fn with(mut claims: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        let claims = claims.as_object_mut().unwrap();
        match value {
            Value::Null => claims.remove(name),
            value => claims.insert(name.clone(), value.clone()),
        };
    }
    claims
}

pub(crate) async fn sign(claims: &Value) -> String {
    sign_by(&key().await.bound, &json!({ "alg": "RS256" }), claims).await
}

pub(crate) async fn sign_by(key: &Bound, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = key.sign(signed.as_bytes()).await.unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_bytes()))
}

/// Logs in with these claims.
pub(crate) async fn login(org: &LocalOrg, claims: &Value) -> Answer {
    grant(org, &sign(claims).await).await
}

pub(crate) async fn grant(org: &LocalOrg, assertion: &str) -> Answer {
    let body = form(&[("grant_type", GRANT), ("assertion", assertion)]);
    post(org, "/services/oauth2/token", &body).await
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).finish()
}

/// Posts a form.
pub(crate) async fn post(org: &LocalOrg, path: &str, body: &str) -> Answer {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    send(org, "POST", path, &headers, body).await
}

/// Gets, with a token.
pub(crate) async fn get(org: &LocalOrg, path: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    send(org, "GET", path, &[("Authorization", &authorization)], "").await
}

pub(crate) async fn send(
    org: &LocalOrg,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", org.address());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = body.len();
    request.push_str(&format!(
        "Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ));
    raw(org, request.as_bytes()).await
}

/// Sends bytes as they are.
pub(crate) async fn raw(org: &LocalOrg, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(org.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

/// What the newest entry of the log says.
#[track_caller]
pub(crate) fn newest(org: &LocalOrg) -> Entry {
    org.log().first().unwrap().clone()
}

/// RS256 is what Salesforce takes; the suite's key does it first.
pub(crate) const RS256: Algorithm = Algorithm::Rs256;
