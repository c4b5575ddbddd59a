//! `token` and `assertion`: formats, and what other servers of RFC 7523 need.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::process::Command;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_localorg::{App, Fault, LocalOrg, User};
use keybearer_tests::{CLIENT_ID, Local, Scratch, USER, keybearer, ran};
use serde_json::{Value, json};

/// A local org and a command with everything that it needs.
struct Login {
    local: Local,
    key: String,
    _scratch: Scratch,
}

impl Login {
    fn new() -> Self {
        let scratch = Scratch::new();
        let (key, certificate) = scratch.openssl_key("a", "rsa:2048");
        Self {
            local: Local::with_certificate(certificate),
            key,
            _scratch: scratch,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.local.keybearer(arguments);
        command.args(["--key", &self.key]);
        command
    }
}

#[test]
fn the_formats() {
    let login = Login::new();
    let token = ran(&mut login.command(&["token"])).ok();
    assert_eq!(token.lines().count(), 1);
    assert!(token.contains('!'), "{token}");

    let header = ran(&mut login.command(&["token", "--format", "header"])).ok();
    let token = header.strip_prefix("Authorization: Bearer ").unwrap();
    assert!(!token.contains(char::is_whitespace));

    let env = ran(&mut login.command(&["token", "--format", "env"])).ok();
    let script = format!(
        "{env}\nprintf '%s\\n' \"$SF_ACCESS_TOKEN\" \"$SF_INSTANCE_URL\" \"$SF_ORG_INSTANCE_URL\""
    );
    let told = ran(Command::new("sh").args(["-c", &script])).ok();
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].contains('!'));
    assert_eq!(lines[1..], [login.local.org.url(), login.local.org.url()]);

    let curl = ran(&mut login.command(&["token", "--format", "curl"])).ok();
    let value = curl
        .strip_prefix("header = \"Authorization: Bearer ")
        .unwrap();
    assert!(value.ends_with('"') && value.contains('!'));

    let answer = ran(&mut login.command(&["token", "--json"])).json();
    assert_eq!(answer["instance_url"], login.local.org.url());
    assert_eq!(answer["token_type"], "Bearer");
    let obtained = answer["obtained_at"].as_str().unwrap();
    assert!(
        obtained.ends_with('Z') && obtained.len() == 20,
        "{obtained}"
    );
}

#[test]
fn hostile_answers_do_not_leave_their_quotes() {
    let login = Login::new();
    let inject = |body: Value| {
        login.local.org.inject(Fault::Answer {
            status: 200,
            content_type: "application/json",
            body: body.to_string(),
            retry_after: None,
        });
    };
    inject(json!({ "access_token": "a'$(id)'\\\"b", "token_type": "Bearer" }));
    let env = ran(&mut login.command(&["token", "--format", "env"])).ok();
    let script = format!("{env}\nprintf '%s' \"$SF_ACCESS_TOKEN\"; env | grep -c ^SF_ORG || true");
    let told = ran(Command::new("sh").args(["-c", &script])).ok();
    assert_eq!(told, "a'$(id)'\\\"b0");
    inject(json!({ "access_token": "a\"\\b" }));
    let curl = ran(&mut login.command(&["token", "--format", "curl"])).ok();
    assert_eq!(curl, r#"header = "Authorization: Bearer a\"\\b""#);
    inject(json!({ "access_token": "a\nb" }));
    let told = ran(&mut login.command(&["token"]));
    assert_eq!((told.status, told.stdout.as_str()), (4, ""));
}

#[test]
fn an_assertion_says_what_it_was_told_to_say() {
    let login = Login::new();
    let mut command = login.command(&["assertion", "--json", "--lifetime", "60"]);
    command.args(["--claim", "scope=[\"a\",\"b\"]", "--header", "kid=\"k1\""]);
    let signed = ran(&mut command).json();
    let compact = signed["assertion"].as_str().unwrap();
    let parts: Vec<Value> = compact
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts, [signed["header"].clone(), signed["claims"].clone()]);
    let (header, claims) = (&signed["header"], &signed["claims"]);
    assert_eq!(
        (&header["alg"], &header["kid"]),
        (&json!("RS256"), &json!("k1"))
    );
    assert_eq!(claims["iss"], CLIENT_ID);
    assert_eq!(claims["sub"], USER);
    assert_eq!(claims["aud"], login.local.org.url());
    assert_eq!(claims["scope"], json!(["a", "b"]));
    let time = |name: &str| claims[name].as_u64().unwrap();
    assert_eq!(time("exp") - time("iat"), 60);
    assert!(claims["jti"].is_string());
    let one_line = ran(&mut login.command(&["assertion"])).ok();
    assert_eq!(one_line.split('.').count(), 3);
}

#[test]
fn claims_may_say_who_and_for_whom() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    let claims = |more: &[&str]| {
        let mut command = keybearer(&["assertion", "--json", "--key", &key]);
        ran(command.args(more)).json()["claims"].clone()
    };
    let by_claims = claims(&[
        "--claim",
        "iss=\"app\"",
        "--claim",
        "sub=\"ann\"",
        "--claim",
        "aud=[\"x\",\"y\"]",
    ]);
    assert_eq!(by_claims["iss"], "app");
    assert_eq!(by_claims["sub"], "ann");
    assert_eq!(by_claims["aud"], json!(["x", "y"]));
    let older = claims(&["--issuer", "app", "--claim", "prn=\"ann\""]);
    assert_eq!(
        (&older["prn"], &older["sub"]),
        (&json!("ann"), &json!("ann"))
    );
    let both = claims(&[
        "--issuer",
        "app",
        "--subject",
        "ann",
        "--claim",
        "sub=\"bob\"",
    ]);
    assert_eq!(both["sub"], "bob");
}

#[test]
fn the_audience_follows_from_what_is_given() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("a", "rsa:2048");
    let acme = "https://acme.my.salesforce.com";
    for (arguments, audience) in [
        (&[][..], "https://login.salesforce.com"),
        (
            &[
                "--login-url",
                "https://acme.my.salesforce.com/services/oauth2",
            ],
            acme,
        ),
        (
            &[
                "--token-url",
                "https://acme.my.salesforce.com/services/oauth2/token",
            ],
            acme,
        ),
        (
            &["--login-url", "https://acme.my.site.com/customers"],
            "https://acme.my.site.com/customers",
        ),
        (&["--login-url", acme, "--audience", "me"], "me"),
    ] {
        let mut command = keybearer(&["assertion", "--json", "--key", &key]);
        command
            .args(["--consumer-key", "a", "--principal", "b"])
            .args(arguments);
        assert_eq!(ran(&mut command).json()["claims"]["aud"], audience);
    }
}

#[test]
fn an_audience_that_was_given_gets_one_try() {
    let login = Login::new();
    let mut command = login.command(&["token", "--json", "--audience", "https://else.example"]);
    let error = ran(&mut command).error(3);
    assert_eq!(error["oauth"]["error_description"], "audience is invalid");
    assert_eq!(login.local.org.token_posts(), 1);
    let mut command =
        login.command(&["token", "--json", "--claim", "aud=\"https://else.example\""]);
    ran(&mut command).error(3);
    assert_eq!(login.local.org.token_posts(), 2);
}

#[test]
fn servers_without_an_instance_url() {
    let login = Login::new();
    let inject = || {
        login.local.org.inject(Fault::Answer {
            status: 200,
            content_type: "application/json",
            body: r#"{"access_token":"t0","token_type":"Bearer","expires_in":60}"#.into(),
            retry_after: None,
        });
    };
    inject();
    assert_eq!(ran(&mut login.command(&["token"])).ok(), "t0");
    inject();
    let env = ran(&mut login.command(&["token", "--format", "env"])).ok();
    assert_eq!(env, "export SF_ACCESS_TOKEN='t0'");
}

#[test]
fn the_certificate_authority_is_trusted_where_it_is_named() {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("a", "rsa:2048");
    let certificate = std::fs::read(certificate).unwrap();
    let certificate = keybearer_core::Certificate::from_file(&certificate).unwrap();
    let builder = LocalOrg::builder()
        .tls(true)
        .app(App::new(CLIENT_ID, certificate))
        .user(User::new(USER));
    let local = Local::start(builder);
    let authority = scratch.write("ca.pem", local.org.ca_pem().unwrap());
    let token = |more: &[&str]| {
        let mut command = local.keybearer(&["token", "--json", "--key", &key]);
        ran(command.args(more))
    };
    let answer = token(&["--ca-certificate", &authority]).json();
    assert_eq!(answer["instance_url"], local.org.url());
    assert_eq!(token(&[]).error(4)["kind"], "network");
    assert_eq!(local.org.token_posts(), 1);
}

#[test]
fn the_proxy_is_used() {
    let login = Login::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let mut command = login.command(&["token", "--json", "--proxy", &nobody]);
    assert_eq!(ran(&mut command).error(4)["kind"], "network");
    assert_eq!(login.local.org.token_posts(), 0);
}
