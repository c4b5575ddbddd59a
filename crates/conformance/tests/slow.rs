//! The suite passes for a signer that is slow, throttled and limited, and whose role may sign but not read.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[allow(dead_code, reason = "the flaws are for another program")]
mod scripted;

use std::{process::ExitCode, sync::Arc, time::Duration};

use keybearer_conformance::{run, trials};
use scripted::{Script, subject};

fn main() -> ExitCode {
    let slow = Script {
        delay: Duration::from_millis(30),
        throttles_every: Some(7),
        tells_public_key: false,
        flaw: None,
    };
    run(trials("slow_far_side", Arc::new(subject(slow))))
}
