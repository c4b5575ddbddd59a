//! Exchanges a second, 64 at once, against the local org: ours and a plain loop over reqwest and jsonwebtoken.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use keybearer_auth::JwtBearer;
use keybearer_core::{Bound, Network};
use keybearer_http::Client;
use keybearer_soft::{PrivateKey, SoftSigner};
use keybearer_tests::{CLIENT_ID, Org, Scratch, USER};
use serde_json::json;

use crate::{Row, pem_bytes, runtime};

const AT_ONCE: usize = 64;
const TOTAL: usize = 1_280;

pub(crate) fn rows() -> Vec<Row> {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("key", "rsa:2048");
    // Logins are counted for each user and hour: more than these two runs and their warming up make.
    let file = scratch.write(
        "org.toml",
        format!(
            "[[user]]\nname = \"{USER}\"\nlogin-limit = 1000000\n\n[[app]]\nclient-id = \"{CLIENT_ID}\"\ncertificate = \"{certificate}\"\nusers = [\"{USER}\"]\n"
        ),
    );
    let org = Org::serve_silently(&["--file", &file]);
    let url = org.0.said("token_url").to_owned();
    let pem = std::fs::read_to_string(&key).unwrap();
    let runtime = runtime();
    let ours = ours(&pem, &url, org.url());
    let theirs = theirs(&pem, &url, org.url());
    // Alternating; the best of three each.
    let (mut our_rate, mut their_rate) = (0.0_f64, 0.0_f64);
    for _ in 0..3 {
        our_rate = our_rate.max(runtime.block_on(rate(&ours)));
        their_rate = their_rate.max(runtime.block_on(rate(&theirs)));
    }
    vec![Row::new(
        "exchanges a second, 64 at once, against a plain loop over reqwest and jsonwebtoken",
        format!(
            "{our_rate:.0} against {their_rate:.0}: {:.2} times",
            our_rate / their_rate
        ),
        "",
        None,
    )]
}

type Login = Box<dyn Fn() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

fn ours(pem: &str, url: &str, audience: &str) -> Arc<Login> {
    let der = pem_bytes(pem);
    let key = PrivateKey::from_pkcs8_der(&der).unwrap();
    let uri = "pem:/bench.pem".parse().unwrap();
    let signer = SoftSigner::new(&uri, &key, &[]).unwrap();
    let bound = Bound::new(Arc::new(signer), keybearer_core::Algorithm::Rs256).unwrap();
    let client = Arc::new(Client::new(&Network::default(), Duration::from_secs(30)));
    let bearer = JwtBearer::builder(bound, client, url)
        .issuer(CLIENT_ID)
        .subject(USER)
        .audience(audience)
        .build();
    let bearer = Arc::new(bearer);
    Arc::new(Box::new(move || {
        let bearer = bearer.clone();
        Box::pin(async move {
            bearer.exchange().await.expect("a token");
        })
    }))
}

/// What a programmer writes who has a PEM file and an afternoon: no cache, no retry, no check.
fn theirs(pem: &str, url: &str, audience: &str) -> Arc<Login> {
    let key = Arc::new(EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap());
    // What this build's reqwest asks of every program that uses it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let (url, audience) = (url.to_owned(), audience.to_owned());
    Arc::new(Box::new(move || {
        let (key, client, url) = (key.clone(), client.clone(), url.clone());
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let claims = json!({"iss": CLIENT_ID, "sub": USER, "aud": audience, "exp": now + 180});
        Box::pin(async move {
            let assertion = encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap();
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", assertion.as_str()),
            ];
            let answer = client.post(url).form(&form).send().await.unwrap();
            let token: serde_json::Value = answer.json().await.unwrap();
            assert!(token["access_token"].is_string(), "{token}");
        })
    }))
}

async fn rate(login: &Arc<Login>) -> f64 {
    let started = Instant::now();
    let worker = |_| {
        let login = login.clone();
        tokio::spawn(async move {
            for _ in 0..TOTAL / AT_ONCE {
                login().await;
            }
        })
    };
    let workers: Vec<_> = (0..AT_ONCE).map(worker).collect();
    for worker in workers {
        worker.await.expect("no panic");
    }
    TOTAL as f64 / started.elapsed().as_secs_f64()
}
