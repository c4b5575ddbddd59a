//! What other programs are given to try.

use serde_json::{Map, Value, json};

use super::{ALGORITHMS, GET, Gcp, IMPERSONATE, LIST, READ, SIGN};
use crate::Server;

/// Cloud KMS with one key of each algorithm and with callers who may do this and that, and where all of it is: names of
/// versions by algorithm, and credentials by what they are.
pub fn served() -> (Server<Gcp>, Value) {
    let server = Server::start(Gcp::new());
    let (fake, url) = (&server.service, server.url());
    let keys: Map<String, Value> = ALGORITHMS
        .iter()
        .map(|&algorithm| {
            let key = algorithm.to_lowercase().replace('_', "-");
            (algorithm.to_owned(), fake.make(&key, algorithm).into())
        })
        .collect();
    let disabled = fake.make("disabled", "EC_SIGN_P256_SHA256");
    fake.set_state(&disabled, "DISABLED");
    let several = [(); 3].map(|()| fake.make("several", "EC_SIGN_P256_SHA256"));
    let all = &[SIGN, READ, GET, LIST][..];
    let account = |name: &str, permissions| {
        let email = format!("{name}@p-1.iam.gserviceaccount.com");
        fake.account(&email, permissions);
        (name.to_owned(), fake.service_account_file(&email, &url))
    };
    let mut accounts: Map<String, Value> = [
        ("signer", all),
        ("reader", &[READ]),
        ("blind", &[SIGN]),
        ("nobody", &[]),
        ("actor", &[IMPERSONATE]),
    ]
    .into_iter()
    .map(|(name, permissions)| account(name, permissions))
    .collect();
    let signer = "signer@p-1.iam.gserviceaccount.com";
    fake.account("someone@example.com", all);
    fake.machine_is(signer);
    accounts.insert("user".into(), fake.user_file("someone@example.com", &url));
    for (name, by) in [("impersonated", "actor"), ("usurped", "nobody")] {
        let file = fake.impersonating_file(accounts[by].clone(), signer, &url);
        accounts.insert(name.into(), file);
    }
    let ready = json!({
        "url": url,
        "keys": keys,
        "disabled": disabled,
        "several": several,
        "encrypts": fake.make("encrypts", "GOOGLE_SYMMETRIC_ENCRYPTION"),
        "accounts": accounts,
    });
    (server, ready)
}
