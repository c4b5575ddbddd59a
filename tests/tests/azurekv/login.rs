//! Ways to log in, by the program.

use std::process::Command;

use keybearer_fakes::azure::{App, GET, SIGN};
use keybearer_tests::{Ran, WholePath, keybearer, ran, tool};

use crate::cloud::{Cloud, SECRET};

const PASSWORD: &str = "pfx~password";

/// Of a PFX file by openssl, which the program opens as it opens any key; RSA-PSS signs, and the double verifies.
pub(crate) fn certificate() {
    let cloud = Cloud::new();
    let (key, certificate) = cloud.scratch.openssl_key("client", "rsa:2048");
    let pfx = cloud.scratch.text("client.pfx");
    #[rustfmt::skip]
    tool("openssl", &[
        "pkcs12", "-export", "-inkey", &key, "-in", &certificate, "-out", &pfx, "-passout", &format!("pass:{PASSWORD}"),
    ]);
    let app = App {
        permissions: vec![GET, SIGN],
        certificate: Some((der(&cloud, &certificate), public(&cloud, &certificate))),
        ..App::default()
    };
    cloud.server.service.register("certified", app);
    let by = |command: &mut Command| {
        cloud.of(command);
        command
            .env("AZURE_CLIENT_ID", "certified")
            .env("AZURE_CLIENT_CERTIFICATE_PATH", &pfx)
            .env("AZURE_CLIENT_CERTIFICATE_PASSWORD", PASSWORD);
    };
    let uri = cloud.key();
    WholePath::walk(&uri, PASSWORD, by);
    let show = |by: &dyn Fn(&mut Command)| show(&uri, by);
    let error = show(&|command| {
        by(command);
        command.env("AZURE_CLIENT_CERTIFICATE_PASSWORD", "wrong");
    });
    let error = error.error(1);
    assert_eq!(error["kind"], "bad_secret", "{error}");
    // The application has another certificate.
    let (_, other) = cloud.scratch.openssl_key("other", "rsa:2048");
    let app = App {
        certificate: Some((der(&cloud, &other), public(&cloud, &other))),
        ..App::default()
    };
    cloud.server.service.register("certified", app);
    let error = show(&by).error(1);
    assert!(error.to_string().contains("AADSTS700027"), "{error}");
}

/// As whoever has logged in by `az`.
pub(crate) fn azure_cli() {
    let cloud = Cloud::new();
    let token = cloud.server.service.issue("signer");
    let folder = cloud.scratch.text("bin");
    std::fs::create_dir(&folder).unwrap();
    let said = format!(r#"{{"accessToken": "{token}", "expires_on": 9999999999}}"#);
    let script = cloud
        .scratch
        .write("az.sh", format!("#!/bin/sh\necho '{said}'\n"));
    tool("install", &["-m", "755", &script, &format!("{folder}/az")]);
    let told = show(&cloud.key(), &|command| {
        cloud.of(command);
        command.env("PATH", &folder);
    });
    assert!(!format!("{told:?}").contains(&token));
    assert_eq!(told.json()["bits"], 2048);
}

pub(crate) fn nobody() {
    let cloud = Cloud::new();
    let told = show(&cloud.key(), &|command| {
        cloud.of(command);
        command.env("PATH", "/nonexistent");
    });
    let error = told.error(1);
    assert_eq!(error["kind"], "unauthenticated");
    let message = error["message"].as_str().unwrap();
    for source in [
        "the environment (AZURE_CLIENT_ID is not set)",
        "workload identity (AZURE_FEDERATED_TOKEN_FILE is not set)",
        "managed identity (none answers at http://127.0.0.1",
        "Azure CLI (there is no az on the PATH)",
    ] {
        assert!(message.contains(source), "{source}: {message}");
    }
}

/// What is said of the connection is said of the vault and of the login too.
pub(crate) fn ca_certificate() {
    let cloud = Cloud::new();
    let (key, message) = (cloud.key(), cloud.scratch.write("message", "hello"));
    let asked = |command: &[&str], more: &[&str]| {
        let mut command = keybearer(&[command, more].concat());
        cloud.by("signer")(&mut command);
        ran(command.env_remove("SSL_CERT_FILE"))
    };
    // Every command that reaches a key.
    #[rustfmt::skip]
    let commands: [&[&str]; 4] = [
        &["assertion", "--key", &key, "--client-id", "app", "--username", "job@example.org"],
        &["sign", "--key", &key, &message],
        &["cert", "new", "--key", &key, "--subject", "CN=job"],
        &["key", "show", &key],
    ];
    for command in commands {
        let done = asked(command, &["--ca-certificate", &cloud.ca]);
        assert_eq!(done.status, 0, "{done:?}");
        let refused = asked(command, &[]);
        assert_eq!(refused.status, 1, "{refused:?}");
        assert!(refused.stderr.contains("--ca-certificate"), "{refused:?}");
        assert!(!format!("{refused:?}").contains(SECRET));
    }
}

pub(crate) fn sources() {
    let told = ran(&mut keybearer(&["sources", "--json"])).json();
    let sources = told["sources"].as_array().unwrap();
    let ours = sources.iter().find(|it| it["scheme"] == "azurekv").unwrap();
    assert_eq!(ours["available"], true);
    assert_eq!(ours["feature"], "azurekv");
    assert_eq!(ours["attributes"][0], "endpoint");
}

fn show(key: &str, by: &dyn Fn(&mut Command)) -> Ran {
    let mut command = keybearer(&["key", "show", "--json", key]);
    by(&mut command);
    ran(&mut command)
}

fn der(cloud: &Cloud, certificate: &str) -> Vec<u8> {
    let out = cloud.scratch.text("certificate.der");
    #[rustfmt::skip]
    tool("openssl", &["x509", "-in", certificate, "-outform", "DER", "-out", &out]);
    std::fs::read(out).unwrap()
}

/// The SubjectPublicKeyInfo.
fn public(cloud: &Cloud, certificate: &str) -> Vec<u8> {
    let text = tool(
        "openssl",
        &["x509", "-in", certificate, "-noout", "-pubkey"],
    );
    let pem = cloud.scratch.write("public.pem", text);
    let out = cloud.scratch.text("public.der");
    #[rustfmt::skip]
    tool("openssl", &["pkey", "-pubin", "-in", &pem, "-outform", "DER", "-out", &out]);
    std::fs::read(out).unwrap()
}
