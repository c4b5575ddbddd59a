//! Plain HTTP, by hand: the tests ask the servers on loopback with nothing of ours.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

/// Status and body of a GET.
#[track_caller]
pub fn get(url: &str, headers: &[(&str, &str)]) -> (u16, String) {
    ask("GET", url, headers, "")
}

/// Status and body of a form that is posted.
#[track_caller]
pub fn post(url: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let encode = |text: &str| -> String {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).into(),
            other => format!("%{other:02X}"),
        };
        text.bytes().map(byte).collect()
    };
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    ask("POST", url, &[kind], &pairs.join("&"))
}

#[track_caller]
fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let rest = url.strip_prefix("http://").expect("a plain URL");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut request = format!("{method} /{path} HTTP/1.0\r\nHost: {host}\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (status.unwrap_or_default(), body.to_owned())
}
