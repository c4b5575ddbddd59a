//! A token that is kept: what asking for it costs, on one thread and on two.

use std::{
    hint::black_box,
    sync::{Arc, Barrier},
    thread,
    time::SystemTime,
};

use keybearer_auth::{Exchange, ExchangeError, Token, TokenSource};
use keybearer_core::async_trait;

use crate::{Row, runtime};

const CALLS: u32 = 500_000;

/// An exchange that costs nothing: only the keeping is measured.
#[derive(Debug)]
struct Once;

#[async_trait]
impl Exchange for Once {
    async fn exchange(&self) -> Result<Token, ExchangeError> {
        let body = br#"{"access_token":"00D!bench","token_type":"Bearer","expires_in":7200}"#;
        Token::from_json(body, SystemTime::now())
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let runtime = runtime();
    let source = TokenSource::new(Once);
    runtime.block_on(source.token()).expect("a token");
    // The best of a hundred each: the machine's other work can only add.
    let best = |threads| {
        let runs = (0..100).map(|_| nanoseconds(&source, threads));
        runs.fold(f64::INFINITY, f64::min)
    };
    let (one, two) = (best(1), best(2));
    let more = 2.0 * one / two;
    vec![
        Row::new(
            "a kept token, one thread",
            format!("{one:.1} ns a call"),
            "at most 20 ns",
            Some(one <= 20.0),
        ),
        Row::new(
            "kept tokens on two threads against one",
            format!("{two:.1} ns a call on each: {more:.2} times as many"),
            "at least 1.9 times",
            Some(more >= 1.9),
        ),
    ]
}

/// A call's CPU time on the slowest of so many threads. CPU time, since threads that contend for memory pay in it too, and
/// the machine's other work does not show.
fn nanoseconds(source: &TokenSource, threads: usize) -> f64 {
    let start = Arc::new(Barrier::new(threads));
    let worker = || {
        let (source, start) = (source.clone(), start.clone());
        thread::spawn(move || {
            start.wait();
            let started = cpu_time();
            for _ in 0..CALLS {
                let token = source.cached().expect("a kept token");
                black_box(token.get());
            }
            (cpu_time() - started) as f64 / f64::from(CALLS)
        })
    };
    let workers: Vec<_> = (0..threads).map(|_| worker()).collect();
    let slowest =
        |slowest: f64, worker: thread::JoinHandle<f64>| slowest.max(worker.join().unwrap());
    workers.into_iter().fold(0.0, slowest)
}

/// The CPU time of this thread in nanoseconds (proc(5), schedstat).
fn cpu_time() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = told.split(' ').next().and_then(|first| first.parse().ok());
    first.expect("nanoseconds")
}
