//! What must never be seen.

use std::{
    fmt::Write,
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use keybearer_core::{Algorithm, Bound, Error, KeyUri};

use super::{Outcome, first_algorithm, sign};
use crate::{
    Subject, capture,
    failure::{describe, ensure},
};

pub(super) async fn shows_no_secret(subject: Arc<dyn Subject>) -> Outcome {
    ensure!(
        capture::install(),
        "logs cannot be captured: this process has another tracing subscriber"
    );
    for secret in subject.secrets() {
        ensure!(
            secret.len() >= 8,
            "a secret of {} bytes may turn up by chance: choose one of at least eight",
            secret.len()
        );
    }
    let assertion = canary();
    let mut shown = Shown::default();
    let signer = subject.open().await?;
    let algorithm = first_algorithm(&signer)?;
    let signature = sign(&signer, algorithm, assertion.as_bytes()).await?;
    shown.add("Debug of the signer", format!("{signer:?} {signer:#?}"));
    shown.add("its id", format!("{} {:?}", signer.id(), signer.id()));
    let bound = Bound::new(signer.clone(), algorithm)?;
    shown.add("Debug of a bound signer", format!("{bound:?}"));
    shown.add("Debug of a signature", format!("{signature:?}"));
    let registry = subject.registry();
    shown.add("Debug of the registry", format!("{registry:?}"));
    shown.add("Debug of the context", format!("{:?}", subject.context()));
    for other in Algorithm::ALL {
        if let Err(error) = signer.sign(other, assertion.as_bytes()).await {
            shown.add("the error of a sign", everything(&error));
        }
    }
    for uri in failing(subject.as_ref()) {
        shown.add("a key URI", format!("{uri} {uri:?}"));
        if let Err(error) = registry.open(&uri, &subject.context()).await {
            shown.add("the error of an opening", everything(&error));
        }
    }
    drop((bound, signer));
    shown.add("the log", capture::text());

    let mut secrets = subject.secrets();
    secrets.push(assertion.into_bytes());
    secrets.push(signature.into_bytes());
    for secret in &secrets {
        for (form, needle) in forms(secret) {
            for (place, text) in &shown.0 {
                // The secret itself is not told: this message goes into logs.
                ensure!(
                    !text.contains(&needle),
                    "{place} holds a secret, an assertion or a signature, {form}"
                );
            }
        }
    }
    Ok(())
}

#[derive(Default)]
struct Shown(Vec<(&'static str, String)>);

impl Shown {
    fn add(&mut self, place: &'static str, text: String) {
        self.0.push((place, text));
    }
}

/// All URIs that the subject knows to fail, and one with a wrong attribute.
fn failing(subject: &dyn Subject) -> impl Iterator<Item = KeyUri> {
    let known = [
        subject.wrong_secret(),
        subject.missing_key(),
        subject.twin_keys(),
        subject.service_down(),
    ];
    known
        .into_iter()
        .flatten()
        .chain([subject.uri().with_attribute("no-such-attribute", "x")])
}

fn everything(error: &Error) -> String {
    format!("{error:?} {error:#?} {} {:?}", describe(error), error.key())
}

/// A message that stands for an assertion, different each time: what one signer has logged is not blamed on another.
fn canary() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("canary.{}.{count}.canary", process::id())
}

/// How bytes look when they are printed without care.
fn forms(secret: &[u8]) -> Vec<(&'static str, String)> {
    let hex = secret.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let list = format!("{secret:?}");
    let list = list.trim_matches(['[', ']']).to_owned();
    let mut forms = vec![
        ("in upper-case hexadecimal", hex.to_uppercase()),
        ("in hexadecimal", hex),
        ("as a list of bytes", list),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.push(("as it is", text.to_owned()));
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_in_every_form() {
        let secret = b"\x00PIN-1234\xab";
        let forms = forms(&secret[..9]);
        for text in [
            format!("{:?}", &secret[..]),
            "x0050494e2d31323334ab".to_owned(),
            "X0050494E2D31323334AB".to_owned(),
            "a\0PIN-1234".to_owned(),
        ] {
            assert!(
                forms.iter().any(|(_, needle)| text.contains(needle)),
                "{text}"
            );
        }
    }
}
