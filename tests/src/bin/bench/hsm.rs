//! RS256 through SoftHSM2 by as many callers at once, against the module itself called by as many threads.

use std::{env, hint::black_box, path::Path, process::Command, sync::Arc, thread, time::Duration};

use cryptoki::{
    context::Pkcs11,
    mechanism::Mechanism,
    object::{Attribute, ObjectClass, ObjectHandle},
    session::Session,
};
use keybearer::{Algorithm, KeyUri, Signer, default_registry};
use keybearer_conformance::TestEnv;
use keybearer_tests::{Hsm, ran, softhsm2};

use crate::{Row, runtime, time};

const CALLERS: [usize; 3] = [1, 8, 64];
const SIGNATURES: usize = 256;
const ROUNDS: usize = 7;
const MESSAGE: &[u8] = &[b'a'; 300];
const GOAL: &str = "at least 90 %";

pub(crate) fn rows() -> Vec<Row> {
    let what = |callers: &str| {
        format!("RS256 through SoftHSM2 against the module itself, {callers} at once")
    };
    let module = match softhsm2() {
        Ok(module) => module,
        Err(why) => {
            let what = what("1, 8 and 64");
            return vec![Row::new(&what, format!("SKIPPED: {why}"), GOAL, None)];
        }
    };
    let hsm = Hsm::softhsm2(module);
    hsm.make_key("rsa:2048", "01", "job", &[]);
    // The module reads its configuration's place from the environment, which only a parent can set.
    let mut again = Command::new(env::current_exe().expect("this program"));
    again.args(["--hsm", &hsm.uri("token=jwt;object=job").to_string()]);
    let told = ran(hsm.told(&mut again)).ok();
    let row = |line: &str| {
        let mut words = line.split(' ');
        let callers = what(words.next().unwrap());
        let [ours, theirs] =
            [words.next(), words.next()].map(|word| word.unwrap().parse::<f64>().unwrap());
        let ratio = ours / theirs;
        let measured = format!(
            "{ours:.0} against {theirs:.0} a second: {:.0} %",
            ratio * 100.0
        );
        Row::new(&callers, measured, GOAL, Some(ratio >= 0.9))
    };
    told.lines().map(row).collect()
}

/// What `bench --hsm URI` does: for each number of callers, it and both rates a second on one line.
pub(crate) fn probe(uri: &str) {
    let uri: KeyUri = uri.parse().unwrap();
    let context = TestEnv::new().var("PIN", Hsm::PIN).context();
    let runtime = runtime();
    let signer = runtime
        .block_on(default_registry().open(&uri, &context))
        .unwrap();
    // Initialised and logged in to by the signer, which both belong to the whole process.
    let module = Pkcs11::new(Path::new(uri.attribute("module-path").unwrap())).unwrap();
    for callers in CALLERS {
        let ours = || runtime.block_on(by_signer(&signer, callers));
        let mut sessions = sessions(&module, callers);
        // Alternating, so that the machine's other work meets both alike, and the best of each: it can only add.
        let (mut our_best, mut their_best) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            our_best = our_best.min(time(ours));
            their_best = their_best.min(time(|| by_module(&mut sessions)));
        }
        let rate = |best: Duration| SIGNATURES as f64 / best.as_secs_f64();
        println!("{callers} {:.1} {:.1}", rate(our_best), rate(their_best));
    }
}

async fn by_signer(signer: &Arc<dyn Signer>, callers: usize) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let signer = signer.clone();
        tasks.spawn(async move {
            for _ in 0..SIGNATURES / callers {
                black_box(signer.sign(Algorithm::Rs256, MESSAGE).await.unwrap());
            }
        });
    }
    tasks.join_all().await;
}

/// A thread for each session.
fn by_module(sessions: &mut [(Session, ObjectHandle)]) {
    let each = SIGNATURES / sessions.len();
    thread::scope(|scope| {
        for (session, key) in sessions {
            scope.spawn(move || {
                for _ in 0..each {
                    let signed = session.sign(&Mechanism::Sha256RsaPkcs, *key, MESSAGE);
                    black_box(signed.unwrap());
                }
            });
        }
    });
}

/// Open sessions, each with the handle of the key, as the signer has them too.
fn sessions(module: &Pkcs11, count: usize) -> Vec<(Session, ObjectHandle)> {
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    let open = |_| {
        let session = module.open_ro_session(slot).unwrap();
        let found = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]);
        let key = found.unwrap()[0];
        (session, key)
    };
    (0..count).map(open).collect()
}
