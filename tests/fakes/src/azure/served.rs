//! The double as others find it: `keybearer-fake azure`.

use serde_json::{Value, json};

use super::{App, Azure, GET, IDENTITY_HEADER, LOGIN, SIGN, TENANT, Version};
use crate::{Kind, Server, Tls};

/// Key Vault or a Managed HSM with a key of each type, Entra and the identities of a machine, and what a judge must know of
/// them. They answer to their real names too: who leads those to this port meets no other difference. `certificate` is an
/// application's, with its public key, in PEM.
pub fn served(host: &'static str, certificate: Option<(&str, &str)>) -> (Server<Azure>, Value) {
    let tls = Tls::new(&[host, LOGIN]);
    let fake = Azure::at(host);
    let secret = "judge~secret-of-the-fake".to_owned();
    let app = |name: &str, permissions: &[&'static str]| {
        let permissions = permissions.to_vec();
        let app = App {
            permissions,
            secret: Some(secret.clone()),
            ..App::default()
        };
        fake.register(name, app);
    };
    app("signer", &[GET, SIGN]);
    app("reader", &[GET]);
    app("blind", &[SIGN]);
    app("nobody", &[]);
    app("machine", &[GET, SIGN]);
    fake.identities(&["machine"]);
    let pod = App {
        permissions: vec![GET, SIGN],
        federated: Some("eyJ.federated.token".into()),
        ..App::default()
    };
    fake.register("pod", pod);
    if let Some((certificate, public)) = certificate {
        let certified = App {
            permissions: vec![GET, SIGN],
            certificate: Some((der(certificate), der(public))),
            ..App::default()
        };
        let named = App {
            is_by_name: true,
            ..certified.clone()
        };
        fake.register("certified", certified);
        fake.register("named", named);
    }
    let kinds = Kind::ALL.iter().filter(|kind| **kind != Kind::Ed25519);
    let keys: serde_json::Map<String, Value> = kinds
        .map(|&kind| {
            let name = format!("{kind:?}");
            (name.clone(), fake.make(&name, kind).into())
        })
        .collect();
    let changed = |name: &str, change: fn(&mut Version)| {
        let kid = fake.make(name, Kind::P256);
        fake.change(&kid, change);
        kid
    };
    let unfit = json!({
        "KeyDisabled": changed("disabled", |it| it.is_enabled = false),
        "KeyNotYetValid": changed("early", |it| it.not_before = Some(4_102_444_800)),
        "KeyExpired": changed("late", |it| it.expires = Some(1_000_000_000)),
        "KeyOperationForbidden": changed("verifies", |it| it.operations = vec!["verify"]),
    });
    let server = Server::start_tls(fake, tls.config);
    let ready = json!({
        "url": server.url(),
        "port": server.address().port(),
        "names": [host, LOGIN],
        "ca_pem": tls.ca_pem,
        "tenant": TENANT,
        "secret": secret,
        "federated": "eyJ.federated.token",
        "identity_header": IDENTITY_HEADER,
        "keys": keys,
        "unfit": unfit,
    });
    (server, ready)
}

fn der(text: &str) -> Vec<u8> {
    pem::parse(text).unwrap().into_contents()
}
