//! What the process's environment says, as a process of its own sees it: the example `get`.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;
#[path = "support/tls.rs"]
mod tls;

use std::{env, path::PathBuf, process::Stdio};

use support::{Server, closed_port, data};
use tokio::process::Command;

const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn the_proxy_variables_hold_in_both_cases_and_no_proxy_lifts_them() {
    let server = Server::answering(EMPTY).await;
    let proxy = Server::answering("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await;
    let at = |host: &str| format!("http://{host}/");
    let direct = at(&server.address.to_string());
    let through = format!("http://{}", proxy.address);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let set = |more: &[(&str, &str)]| {
            let mut set = vec![(name.to_owned(), through.clone())];
            set.extend(
                more.iter()
                    .map(|(name, value)| ((*name).into(), (*value).into())),
            );
            set
        };
        assert_eq!(get(&direct, set(&[])).await, "202\n", "{name}");
        assert_eq!(get(&at("org.invalid"), set(&[])).await, "202\n", "{name}");
        for no in ["NO_PROXY", "no_proxy"] {
            for value in ["127.0.0.1", "10.0.0.0/8, 127.0.0.0/8", "*"] {
                assert_eq!(
                    get(&direct, set(&[(no, value)])).await,
                    "200\n",
                    "{no}={value}"
                );
            }
            let elsewhere = set(&[(no, "other.example")]);
            assert_eq!(get(&direct, elsewhere).await, "202\n");
        }
        let told = get(&at("a.org.invalid"), set(&[("NO_PROXY", ".org.invalid")])).await;
        assert!(
            told.starts_with("Resolve: the name a.org.invalid"),
            "{told}"
        );
    }
    // The proxy of https is not that of http.
    let others = vec![("HTTPS_PROXY".into(), through.clone())];
    assert_eq!(get(&direct, others).await, "200\n");
    // Under CGI a request's header could set HTTP_PROXY.
    let cgi = vec![
        ("REQUEST_METHOD".into(), "GET".into()),
        ("HTTP_PROXY".into(), through),
    ];
    assert_eq!(get(&direct, cgi).await, "200\n");
}

#[tokio::test]
async fn https_proxy_is_used_and_named() {
    let address = closed_port().await;
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let set = vec![
            (name.into(), format!("http://me:s3cret@{address}")),
            ca_in_force(),
        ];
        let told = get("https://org.invalid/", set).await;
        assert!(
            told.starts_with(&format!("Connect: the proxy {address} refused")),
            "{told}"
        );
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[tokio::test]
async fn a_variable_that_is_no_proxy_is_an_error_and_never_passed_by() {
    let server = Server::answering(EMPTY).await;
    for value in ["socks5://me:s3cret@127.0.0.1:1", "ftp://proxy", "::"] {
        let set = vec![("http_proxy".into(), value.into())];
        let told = get(&server.url(), set).await;
        assert!(
            told.starts_with("Config: the environment variable http_proxy"),
            "{told}"
        );
        assert!(!told.contains("s3cret"), "{told}");
    }
    assert_eq!(server.requests(), Vec::<String>::new());
    let empty = vec![("http_proxy".into(), String::new())];
    assert_eq!(get(&server.url(), empty).await, "200\n");
}

#[tokio::test]
async fn the_roots_are_read_for_https_alone_and_once() {
    let server = Server::answering(EMPTY).await;
    let secure = format!("https://{}/", tls::serve("server").await);
    let none = ("SSL_CERT_FILE".to_owned(), "/no/such/file".to_owned());
    assert_eq!(get(&server.url(), vec![none.clone()]).await, "200\n");
    let told = get(&secure, vec![none]).await;
    assert!(
        told.starts_with("Config: this system has no CA certificates"),
        "{told}"
    );
    assert!(told.contains("ca-certificates"), "{told}");
    assert_eq!(get(&secure, vec![ca_in_force()]).await, "200\n");
    // A pipe can be read once: a second reading would find no roots. The server is asked by two clients.
    let shell = format!("exec \"$0\" {secure} {secure}");
    let mut twice = Command::new("bash");
    let piped = format!("SSL_CERT_FILE=<(cat '{}')", data("ca.pem").display());
    twice.args(["-c", &shell.replace("exec", &format!("exec env {piped}"))]);
    twice.arg(example());
    assert_eq!(output(twice).await, "200\n200\n");
}

/// The test's CA instead of the system's roots.
fn ca_in_force() -> (String, String) {
    ("SSL_CERT_FILE".into(), data("ca.pem").display().to_string())
}

async fn get(url: &str, environment: Vec<(String, String)>) -> String {
    let mut command = Command::new(example());
    command.arg(url).envs(environment);
    output(command).await
}

async fn output(mut command: Command) -> String {
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
    for name in proxies.into_iter().chain(["SSL_CERT_FILE", "SSL_CERT_DIR"]) {
        for name in [name.to_owned(), name.to_lowercase()] {
            let is_set = command.as_std().get_envs().any(|(key, _)| *key == *name);
            if !is_set {
                command.env_remove(name);
            }
        }
    }
    let done = command.stdin(Stdio::null()).output().await.unwrap();
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(
        done.status.success(),
        "{told} {:?}",
        String::from_utf8_lossy(&done.stderr)
    );
    told
}

/// Cargo builds the examples with the tests, beside them.
fn example() -> PathBuf {
    let test = env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap().join("examples");
    let example = folder.join(format!("get{}", env::consts::EXE_SUFFIX));
    assert!(example.exists(), "cargo test builds {}", example.display());
    example
}
