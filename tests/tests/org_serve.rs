//! `org serve`, with assertions that openssl signs: nothing of ours makes them.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_tests::{CLIENT_ID, Org, Scratch, USER, get, keybearer, post_form, ran, tool};
use serde_json::{Value, json};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An assertion, as a shell script makes it.
fn assertion(scratch: &Scratch, key: &str, audience: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let claims =
        json!({ "iss": CLIENT_ID, "sub": USER, "aud": audience, "exp": now.as_secs() + 180 });
    let part = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
    let signed = format!(
        "{}.{}",
        part(b"{\"alg\":\"RS256\"}"),
        part(claims.to_string().as_bytes())
    );
    let file = scratch.write("signed", &signed);
    let signature = scratch.text("signature");
    tool(
        "openssl",
        &["dgst", "-sha256", "-sign", key, "-out", &signature, &file],
    );
    format!("{signed}.{}", part(&fs::read(signature).unwrap()))
}

fn login(org: &Org, assertion: &str) -> (u16, Value) {
    let fields = [("grant_type", GRANT), ("assertion", assertion)];
    let (status, body) = post_form(org.0.said("token_url"), &fields);
    (status, serde_json::from_str(&body).unwrap())
}

#[test]
fn a_shell_script_logs_in() {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("key", "rsa:2048");
    let org = Org::with_certificate(Path::new(&certificate));
    let ready = &org.0.ready;
    assert_eq!(
        ready["token_url"],
        format!("{}/services/oauth2/token", org.url())
    );
    assert_eq!(ready["ca_certificate"], Value::Null);
    assert_eq!(ready["users"], json!([USER]));
    assert!(ready["pid"].as_u64().unwrap() > 0);
    let print = [
        "x509",
        "-in",
        &certificate,
        "-noout",
        "-fingerprint",
        "-sha256",
    ];
    let print = tool("openssl", &print).to_lowercase().replace(':', "");
    let app = &ready["apps"][0];
    assert_eq!(app["client_id"], CLIENT_ID);
    assert!(
        print.ends_with(app["certificate_sha256"].as_str().unwrap()),
        "{print}"
    );

    let assertion = assertion(&scratch, &key, org.url());
    let (status, answer) = login(&org, &assertion);
    assert_eq!(status, 200, "{answer}");
    let token = answer["access_token"].as_str().unwrap();
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str())];
    let url = format!(
        "{}/services/data/v67.0/query?q=SELECT+Username+FROM+User",
        org.url()
    );
    let (status, body) = get(&url, &headers);
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["records"][0]["Username"], USER);

    let log = org.log();
    assert_eq!(log.len(), 2);
    assert_eq!(log[0]["request"], "GET /services/data/v67.0/query");
    assert_eq!(log[1]["outcome"], "granted");
    assert_eq!(log[1]["client"], CLIENT_ID);
    assert_eq!(log[1]["user"], USER);
    assert_eq!(log[1]["reason"], Value::Null);
    let time = log[1]["time"].as_str().unwrap();
    assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    let text = serde_json::to_string(&log).unwrap();
    assert!(!text.contains(token) && !text.contains(assertion.rsplit('.').next().unwrap()));
}

#[test]
fn another_key_is_refused_and_the_log_says_why() {
    let scratch = Scratch::new();
    let (_, certificate) = scratch.openssl_key("key", "rsa:2048");
    let (other, _) = scratch.openssl_key("other", "rsa:2048");
    let org = Org::with_certificate(Path::new(&certificate));
    let (status, answer) = login(&org, &assertion(&scratch, &other, org.url()));
    assert_eq!(status, 400);
    assert_eq!(
        answer,
        json!({ "error": "invalid_grant", "error_description": "invalid assertion" })
    );
    let log = org.log();
    assert_eq!(log[0]["outcome"], "refused");
    let reason = log[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("invalid_grant: invalid assertion ("),
        "{reason}"
    );
}

#[test]
fn a_file_has_apps_and_users_and_its_own_folder() {
    let scratch = Scratch::new();
    let (key, _) = scratch.openssl_key("key", "rsa:2048");
    let text = format!(
        "[[user]]\nname = \"{USER}\"\nlogin-limit = 1\n[[user]]\nname = \"gone@example.org\"\nactive = false\n\
         [[app]]\nclient-id = \"{CLIENT_ID}\"\ncertificate = \"key.crt\"\npolicy = \"self-authorize\"\n\
         users = [\"{USER}\"]\ntoken-format = \"jwt\"\n"
    );
    let file = scratch.write("org.toml", text);
    let org = Org::serve(&["--file", &file]);
    assert_eq!(org.0.ready["users"], json!([USER, "gone@example.org"]));
    let (status, answer) = login(&org, &assertion(&scratch, &key, org.url()));
    assert_eq!(status, 200, "{answer}");
    assert!(answer["access_token"].as_str().unwrap().starts_with("eyJ"));
    let (status, answer) = login(&org, &assertion(&scratch, &key, org.url()));
    assert_eq!(
        (status, &answer["error_description"]),
        (400, &json!("login rate exceeded"))
    );
}

#[test]
fn several_certificates_make_one_app() {
    let scratch = Scratch::new();
    let (_, old) = scratch.openssl_key("old", "rsa:2048");
    let (key, new) = scratch.openssl_key("new", "rsa:2048");
    let apps = [&old, &new].map(|certificate| format!("{CLIENT_ID}={certificate}"));
    let org = Org::serve(&["--app", &apps[0], "--app", &apps[1], "--user", USER]);
    assert_eq!(org.0.ready["apps"].as_array().unwrap().len(), 2);
    assert_eq!(login(&org, &assertion(&scratch, &key, org.url())).0, 200);
}

#[test]
fn tls_has_a_certificate_file_while_it_lasts() {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("key", "rsa:2048");
    let app = format!("{CLIENT_ID}={certificate}");
    let org = Org::serve(&["--app", &app, "--user", USER, "--tls"]);
    assert!(org.url().starts_with("https://127.0.0.1:"));
    let authority = org.0.said("ca_certificate").to_owned();
    let token = |authority: &[&str]| {
        let mut command = org.keybearer(&["token", "--key", &key]);
        ran(command.args(authority))
    };
    assert!(!token(&["--ca-certificate", &authority]).ok().is_empty());
    assert_eq!(token(&[]).status, 4);
    drop(org);
    assert!(!Path::new(&authority).exists());
}

#[test]
fn people_read_rows_and_a_log() {
    let scratch = Scratch::new();
    let (_, certificate) = scratch.openssl_key("key", "rsa:2048");
    let app = format!("{CLIENT_ID}={certificate}");
    let arguments = ["org", "serve", "--until-eof", "--app", &app, "--user", USER];
    let mut command = keybearer(&arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let url = first.strip_prefix("url").unwrap().trim().to_owned();
    post_form(
        &format!("{url}/services/oauth2/token"),
        &[("grant_type", "password")],
    );
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    for (line, part) in rest
        .iter()
        .zip(["token url", CLIENT_ID, "sha256", USER, "/__log"])
    {
        assert!(line.contains(part), "{line}");
    }
    let mut log = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    assert!(log.contains("POST /services/oauth2/token 400 refused: unsupported_grant_type: grant type not supported"), "{log}");
}

#[test]
fn signals_end_it() {
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let mut command = keybearer(&["org", "serve", "--json", "--tls"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["pid"], child.id());
        let pid = child.id().to_string();
        ran(Command::new("kill").args([&format!("-{signal}"), &pid])).ok();
        assert_eq!(child.wait().unwrap().code(), Some(status));
        let authority = ready["ca_certificate"].as_str().unwrap();
        assert!(!Path::new(authority).exists());
    }
}

#[test]
fn what_cannot_be_served_is_told() {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("key", "rsa:2048");
    let app = |path: &str| format!("{CLIENT_ID}={path}");
    let error = |arguments: &[&str], status, kind: &str| {
        let mut command = keybearer(&["org", "serve", "--json", "--until-eof"]);
        let ran = ran(command.args(arguments));
        let error = ran.error(status);
        assert_eq!(error["kind"], kind, "{error}");
        error
    };
    error(&["--app", "noequals"], 2, "usage");
    error(&["--listen", "nowhere"], 2, "usage");
    error(&["--policy", "open"], 2, "usage");
    let told = error(&["--app", &app(&key)], 2, "config");
    assert!(
        told["message"]
            .as_str()
            .unwrap()
            .contains("is no certificate")
    );
    error(&["--app", &app("/nonexistent.crt")], 2, "config");
    error(&["--user", "a@b", "--user", "A@B"], 2, "config");
    let slip = scratch.write("slip.toml", "[[app]]\ncertificat = \"key.crt\"\n");
    let told = error(&["--file", &slip], 2, "config");
    assert_eq!(told["hint"], "did you mean \"certificate\"?");
    let stranger =
        format!("[[app]]\nclient-id = \"a\"\ncertificate = \"{certificate}\"\nusers = [\"x\"]\n");
    let stranger = scratch.write("stranger.toml", stranger);
    let told = error(&["--file", &stranger], 2, "config");
    assert!(
        told["message"]
            .as_str()
            .unwrap()
            .contains("allows the user \"x\"")
    );
    let org = Org::serve(&["--app", &app(&certificate), "--user", USER]);
    let address = org.url().strip_prefix("http://").unwrap().to_owned();
    error(&["--listen", &address], 1, "backend");
}

#[test]
fn a_certificate_that_salesforce_would_refuse_is_warned_of() {
    let scratch = Scratch::new();
    let (_, certificate) = scratch.openssl_key("key", "ec");
    let app = format!("{CLIENT_ID}={certificate}");
    let mut command = keybearer(&["org", "serve", "--until-eof", "--app", &app]);
    let ran = ran(&mut command);
    assert_eq!(ran.status, 0);
    assert!(ran.stderr.contains("P-256"), "{}", ran.stderr);
    assert!(ran.stderr.contains("there is no user"), "{}", ran.stderr);
}
