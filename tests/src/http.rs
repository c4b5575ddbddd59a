//! Plain HTTP by hand: the tests ask the servers on loopback with nothing of ours.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

/// GET: status and body.
#[track_caller]
pub fn get(url: &str, headers: &[(&str, &str)]) -> (u16, String) {
    asked("GET", url, headers, "")
}

/// GET of a server that may be starting: status and body.
///
/// # Errors
/// What kept it from answering.
pub fn try_get(url: &str, headers: &[(&str, &str)]) -> io::Result<(u16, String)> {
    try_asked("GET", url, headers, "")
}

/// DELETE: status and body.
#[track_caller]
pub fn delete(url: &str, headers: &[(&str, &str)]) -> (u16, String) {
    asked("DELETE", url, headers, "")
}

/// POST of a form: status and body.
#[track_caller]
pub fn post_form(url: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", form_encoded(value)))
        .collect();
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    asked("POST", url, &headers, &fields.join("&"))
}

/// POST of JSON: status and body.
#[track_caller]
pub fn post_json(url: &str, headers: &[(&str, &str)], body: &serde_json::Value) -> (u16, String) {
    asked("POST", url, headers, &body.to_string())
}

#[track_caller]
fn asked(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    try_asked(method, url, headers, body).unwrap()
}

fn try_asked(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<(u16, String)> {
    let rest = url.strip_prefix("http://").expect("a plain URL");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut request = format!("{method} /{path} HTTP/1.0\r\nHost: {host}\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    request.push_str(body);
    let mut stream = TcpStream::connect(host)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok((status.unwrap_or_default(), body.to_owned()))
}

fn form_encoded(value: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).into(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(encoded).collect()
}
