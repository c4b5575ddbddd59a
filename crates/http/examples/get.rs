//! `get URL...`: asks each, and prints the status, or what the error says. The environment's proxy and roots hold.

use std::{env, error::Error, time::Duration};

use keybearer_core::Network;
use keybearer_http::{Client, HttpError, Request};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for url in env::args().skip(1) {
        let client = Client::new(&Network::default(), Duration::from_secs(10));
        match get(&client, &url).await {
            Ok(status) => say(&status.to_string()),
            Err(error) => {
                say(&format!("{:?}: {error}", error.kind()));
                if let Some(cause) = error.source() {
                    say(&format!("caused by: {cause}"));
                }
                say(&format!("hint: {}", error.hint().unwrap_or_default()));
            }
        }
    }
}

async fn get(client: &Client, url: &str) -> Result<u16, HttpError> {
    Ok(client.send(Request::get(url)?).await?.status())
}

#[allow(clippy::print_stdout, reason = "an example's output")]
fn say(line: &str) {
    println!("{line}");
}
