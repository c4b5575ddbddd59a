//! RS256 with a kept key: against the bare call of ring, and against jsonwebtoken.

use std::{env, hint::black_box, process::Command, sync::Arc, time::Duration};

use jsonwebtoken::{EncodingKey, Header, encode};
use keybearer_core::{Algorithm, KeyUri, Signer};
use keybearer_soft::{PrivateKey, SoftSigner, offload};
use keybearer_tests::Scratch;
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::json;

use crate::{Row, micros, middle, pem_bytes, runtime, time};

/// As long as the signing input of an assertion.
const MESSAGE: &[u8] = &[b'a'; 300];

pub(crate) fn rows() -> Vec<Row> {
    let scratch = Scratch::new();
    let (pem, _) = scratch.openssl_key("key", "rsa:2048");
    vec![instructions(&pem), hop(), against_jsonwebtoken(&pem)]
}

/// What `bench --probe ring|soft KEY COUNT` does: so many signatures, for valgrind to count.
pub(crate) fn probe(what: &str, pem: &str, count: usize) {
    let pkcs8 = pkcs8(pem);
    let one_thread = tokio::runtime::Builder::new_current_thread();
    let runtime = { one_thread }.build().expect("a runtime");
    match what {
        "ring" => {
            // On a thread of the same kind, so that only our own instructions differ.
            let (key, random) = (RsaKeyPair::from_pkcs8(&pkcs8).unwrap(), SystemRandom::new());
            let mut signature = vec![0; key.public().modulus_len()];
            let signed = runtime.spawn_blocking(move || {
                for _ in 0..count {
                    key.sign(&RSA_PKCS1_SHA256, &random, MESSAGE, &mut signature)
                        .unwrap();
                    black_box(&signature);
                }
            });
            runtime.block_on(signed).unwrap();
        }
        "soft" => {
            let signer = signer(&pkcs8);
            for _ in 0..count {
                let signed = signer.sign(Algorithm::Rs256, MESSAGE);
                black_box(runtime.block_on(signed).unwrap());
            }
        }
        _ => panic!("ring or soft"),
    }
}

fn instructions(pem: &str) -> Row {
    let what = "RS256 with a kept key against ring's bare call, in instructions";
    let goal = "at most 1 % more";
    let per_signature = |what: &str| Some((count(what, pem, 40)? - count(what, pem, 10)?) / 30.0);
    let (Some(ring), Some(soft)) = (per_signature("ring"), per_signature("soft")) else {
        return Row::new(
            what,
            "valgrind is not installed (apt-get install valgrind)".into(),
            goal,
            None,
        );
    };
    let more = (soft / ring - 1.0) * 100.0;
    Row::new(
        what,
        format!("{ring:.0} and {soft:.0}: {more:.2} % more"),
        goal,
        Some(more <= 1.0),
    )
}

/// The instructions of a whole probe, by valgrind.
fn count(what: &str, pem: &str, count: usize) -> Option<f64> {
    let output = Command::new("valgrind")
        .args([
            "--tool=cachegrind",
            "--cache-sim=no",
            "--cachegrind-out-file=/dev/null",
        ])
        .arg(env::current_exe().ok()?)
        .args(["--probe", what, pem, &count.to_string()])
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let line = told
        .lines()
        .find(|line| line.contains("I refs:") || line.contains("I   refs:"))?;
    let (_, number) = line.rsplit_once(':')?;
    number.trim().replace(',', "").parse().ok()
}

/// What leaving the executor costs beside the work itself.
fn hop() -> Row {
    let runtime = runtime();
    let time = runtime.block_on(async {
        let mut times = Vec::new();
        for _ in 0..5_000 {
            let started = std::time::Instant::now();
            offload(|| Ok(())).await.unwrap();
            times.push(started.elapsed());
        }
        middle(times)
    });
    Row::new(
        "the hop off the executor, median",
        format!("{:.1} µs", micros(time)),
        "at most 60 µs",
        Some(time <= Duration::from_micros(60)),
    )
}

/// A whole JWT by jsonwebtoken, whose `encode` rebuilds the key, against the same claims over a kept key.
fn against_jsonwebtoken(pem: &str) -> Row {
    let claims = json!({"iss": "app", "sub": "ann@example.org", "aud": "https://login.salesforce.com", "exp": 1_900_000_000});
    let text = std::fs::read(pem).unwrap();
    let theirs = EncodingKey::from_rsa_pem(&text).unwrap();
    let header = Header::new(jsonwebtoken::Algorithm::RS256);
    let signer = signer(&pkcs8(pem));
    let bound = keybearer_core::Bound::new(Arc::new(signer), Algorithm::Rs256).unwrap();
    let fields = json!({"alg": "RS256", "typ": "JWT"})
        .as_object()
        .unwrap()
        .clone();
    let our_claims = claims.as_object().unwrap().clone();
    let runtime = runtime();
    let ours = || {
        let assertion = keybearer_auth::Assertion::sign(&bound, fields.clone(), our_claims.clone());
        black_box(runtime.block_on(assertion).unwrap());
    };
    let their = || {
        black_box(encode(&header, &claims, &theirs).unwrap());
    };
    // Alternating, so that the machine's other work meets both alike, and the best of each: it can only add.
    let (mut our_best, mut their_best) = (Duration::MAX, Duration::MAX);
    for _ in 0..400 {
        our_best = our_best.min(time(ours));
        their_best = their_best.min(time(their));
    }
    let (ours, theirs) = (our_best, their_best);
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    Row::new(
        "an assertion against jsonwebtoken::encode",
        format!(
            "{:.0} µs against {:.0} µs: {ratio:.2} times as fast",
            micros(ours),
            micros(theirs)
        ),
        "at least 1.5 times",
        Some(ratio >= 1.5),
    )
}

fn signer(pkcs8: &[u8]) -> SoftSigner {
    let uri: KeyUri = "pem:/bench.pem".parse().unwrap();
    SoftSigner::new(&uri, &PrivateKey::from_pkcs8_der(pkcs8).unwrap(), &[]).unwrap()
}

fn pkcs8(pem: &str) -> Vec<u8> {
    pem_bytes(&std::fs::read_to_string(pem).unwrap())
}
