//! How an org is started, observed, disturbed and ended.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use keybearer_core::ErrorKind;
use keybearer_localorg::{App, Fault, LocalOrg, User};
use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::support::*;

#[tokio::test]
async fn twins_are_refused() {
    let certificate = key().await.certificate;
    let app = || App::new("a", vec![certificate.clone()]);
    for builder in [
        LocalOrg::builder().app(app()).app(app()),
        LocalOrg::builder()
            .user(User::new("a@b"))
            .user(User::new("A@B")),
    ] {
        let error = builder.start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous);
    }
}

#[tokio::test]
async fn a_taken_address_is_told() {
    let org = org().await;
    let error = LocalOrg::builder().listen(org.address()).start().await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend);
    assert!(error.to_string().contains(&org.address().to_string()));
}

#[tokio::test]
async fn connections_end_with_the_org() {
    let org = org().await;
    let mut idle = TcpStream::connect(org.address()).await.unwrap();
    login(&org, &claims(&org)).await.token();
    let address = org.address();
    drop(org);
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    // The port is free as soon as the task has ended.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_listener_hears_each_request() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = heard.clone();
    let org = LocalOrg::builder()
        .app(app().await)
        .user(User::new(USER))
        .on_request(move |entry| ear.lock().unwrap().push(entry.request.clone()));
    let org = start(org).await;
    login(&org, &claims(&org)).await.token();
    get(&org, "/services/data/?x=1", "").await;
    get(&org, "/__log", "").await;
    let expected = ["POST /services/oauth2/token", "GET /services/data/"];
    assert_eq!(*heard.lock().unwrap(), expected);
    assert_eq!(org.log().len(), 2);
}

#[tokio::test]
async fn faults_happen_in_line() {
    let org = org().await;
    org.inject(Fault::unavailable(7));
    org.inject(Fault::html(200));
    org.inject(Fault::refusal("unknown_error", "retry your request"));
    org.inject(Fault::Delay(Duration::from_millis(20)));
    let answer = login(&org, &claims(&org)).await;
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("retry-after: 7"));
    assert_eq!(newest(&org).outcome, "fault");
    let answer = login(&org, &claims(&org)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: text/html"));
    assert!(answer.body.starts_with("<!DOCTYPE html>"));
    let answer = login(&org, &claims(&org)).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"], "unknown_error");
    let before = std::time::Instant::now();
    login(&org, &claims(&org)).await.token();
    assert!(before.elapsed() >= Duration::from_millis(20));
    login(&org, &claims(&org)).await.token();
    assert_eq!(org.token_posts(), 5);
}

#[tokio::test]
async fn the_orgs_clock_can_be_wrong() {
    let org = org().await;
    org.set_clock_offset(-86_400_000);
    let answer = login(&org, &claims(&org)).await;
    answer.token();
    let line = |head: &str| {
        head.lines()
            .find(|line| line.starts_with("date: "))
            .unwrap()
            .to_owned()
    };
    assert!(line(&answer.head).ends_with(" gmt"));
    org.set_clock_offset(0);
    let right = login(&org, &claims(&org)).await;
    assert_ne!(line(&answer.head), line(&right.head));
    org.set_clock_offset(181_000);
    login(&org, &claims(&org))
        .await
        .is_refused("invalid_grant", "expired authorization code");
}

/// openssl is the client: it shares no code with the server.
#[tokio::test]
async fn tls_is_served_with_a_certificate_of_its_own() {
    let org = LocalOrg::builder()
        .app(app().await)
        .user(User::new(USER))
        .tls(true);
    let org = start(org).await;
    assert!(org.url().starts_with("https://127.0.0.1:"));
    assert!(org.token_url().starts_with(&org.url()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, org.ca_pem().unwrap()).unwrap();
    let trusted = ["-CAfile", path.to_str().unwrap()];
    let assertion = sign(&claims(&org)).await;
    let body = form(&[("grant_type", GRANT), ("assertion", &assertion)]);
    let request = format!(
        "POST /services/oauth2/token HTTP/1.1\r\nHost: org\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for name in [
        ["-verify_hostname", "localhost"],
        ["-verify_ip", "127.0.0.1"],
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            let arguments = [&trusted[..], &name, &[version]].concat();
            let answer = s_client(&org, &arguments, &request).await;
            assert!(answer.contains("\"access_token\""), "{answer}");
        }
    }
    let other = [&trusted[..], &["-verify_hostname", "example.org"]].concat();
    for arguments in [&other[..], &["-verify_hostname", "localhost"]] {
        assert_eq!(s_client(&org, arguments, &request).await, "");
    }
}

async fn s_client(org: &LocalOrg, arguments: &[&str], request: &str) -> String {
    use std::process::Stdio;
    use tokio::io::AsyncWriteExt;
    let mut command = tokio::process::Command::new("openssl");
    command.args(["s_client", "-quiet", "-verify_return_error", "-connect"]);
    command.arg(org.address().to_string()).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have ended by then.
    let _ = stdin.write_all(request.as_bytes()).await;
    let output = child.wait_with_output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}
