//! `keybearer token` as a whole process, from its start to the token on its output.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use keybearer_tests::{CLIENT_ID, Org, Scratch, USER};

use crate::{Row, middle, time};

const GOAL: Duration = Duration::from_millis(15);

pub(crate) fn rows(binary: &Path) -> Vec<Row> {
    let scratch = Scratch::new();
    let (key, certificate) = scratch.openssl_key("key", "rsa:2048");
    let app = format!("{CLIENT_ID}={certificate}");
    let flags = ["--app", &app, "--user", USER];
    let plain = Org::serve_silently(&flags);
    let secure = Org::serve_silently(&[&flags[..], &["--tls"]].concat());
    [("http", &plain), ("https", &secure)]
        .into_iter()
        .map(|(scheme, org)| {
            let mut command = Command::new(binary);
            command.args(["token", "--key", &key, "--login-url", org.url()]);
            command.args(["--client-id", CLIENT_ID, "--username", USER]);
            if let Some(authority) = org.0.ready["ca_certificate"].as_str() {
                command.args(["--ca-certificate", authority]);
            }
            command.stdout(Stdio::null());
            let run = |_| time(|| assert!(command.status().expect("it runs").success()));
            let times: Vec<_> = (0..100).map(run).collect();
            let best = times.iter().copied().min().unwrap_or(Duration::MAX);
            let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
            Row::new(
                &format!("keybearer token as a whole process, {scheme}"),
                format!(
                    "best {:.1} ms, median {:.1} ms",
                    milliseconds(best),
                    milliseconds(middle(times))
                ),
                "15 ms at best: the machine's other work can only add",
                Some(best <= GOAL),
            )
        })
        .collect()
}
