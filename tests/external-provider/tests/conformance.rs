//! The suite, over a device on loopback.

use std::{process::ExitCode, sync::Arc};

use acme_hsm::{AcmeHsm, Device};
use keybearer::{KeyUri, default_registry};
use keybearer_conformance::{TestEnv, UriSubject, run, trials};

const PIN: &str = "correct-horse";
const WRONG_PIN: &str = "battery-staple";

fn main() -> ExitCode {
    let device = Device::start(PIN).expect("a port on loopback");
    let address = device.address();
    let uri = |locator: &str| KeyUri::new("acme", locator).with_attribute("pin-source", "env:PIN");
    let key = uri(&format!("{address}/slot/1"));
    let (requests, logins) = (device.clone(), device.clone());
    let subject = UriSubject::new(
        default_registry().with(AcmeHsm),
        key.clone(),
        device.public_key(1).expect("a key in slot 1"),
    )
    .env(TestEnv::new().var("PIN", PIN).var("WRONG", WRONG_PIN))
    .secret(PIN)
    .secret(WRONG_PIN)
    .max_message(8_192)
    .requests(move || requests.requests())
    .attempts(move || logins.logins())
    .wrong_secret(key.with_attribute("pin-source", "env:WRONG"))
    .missing_key(uri(&format!("{address}/slot/9")))
    .twin_keys(uri(&address))
    // The discard port: nobody listens there.
    .service_down(uri("127.0.0.1:9/slot/1"));
    run(trials("acme_hsm", Arc::new(subject)))
}
