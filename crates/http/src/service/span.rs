//! What is told of a signature: who made it, by which key, how long it took.

use std::{future::Future, time::Instant};

use keybearer_core::{Algorithm, KeyId, Result, Signature};
use tracing::Instrument;

/// Runs `signing` within the span `sign` (at debug level), which has the key's id and the algorithm; its last event has the
/// time in microseconds and whether there is a signature. Nothing of the message or the signature is told. `service` is who
/// signs (`Vault`).
///
/// # Errors
/// Those of `signing`, with the key's id.
pub async fn told(
    service: &str,
    key: &KeyId,
    algorithm: Algorithm,
    signing: impl Future<Output = Result<Signature>>,
) -> Result<Signature> {
    let signed = async {
        let began = Instant::now();
        let signed = signing.await;
        let micros = began.elapsed().as_micros() as u64;
        tracing::debug!(micros, ok = signed.is_ok(), "{service} has signed");
        signed
    };
    let span = tracing::debug_span!("sign", %key, %algorithm);
    signed
        .instrument(span)
        .await
        .map_err(|error| error.with_key(key))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use keybearer_core::{Error, ErrorKind, KeyUri};
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Log {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[tokio::test]
    async fn the_key_the_algorithm_and_the_time_are_told() {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(log.clone());
        let _heard = tracing::subscriber::set_default(subscriber.finish());
        let uri: KeyUri = "vault:transit/keys/job?token-value=hunter2"
            .parse()
            .unwrap();
        let key = KeyId::new(&uri);
        let refused = async { Err(Error::new(ErrorKind::Throttled, "told to")) };
        let error = told("Vault", &key, Algorithm::Es256, refused)
            .await
            .unwrap_err();
        assert_eq!(error.key(), Some(key.to_string().as_str()));
        let made = async { Signature::from_jws(Algorithm::Es256, vec![7; 64]) };
        told("Vault", &key, Algorithm::Es256, made).await.unwrap();
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        for (line, ok) in lines.into_iter().zip(["ok=false", "ok=true"]) {
            for part in [
                "sign{",
                "vault:transit/keys/job",
                "ES256",
                "Vault has signed",
                "micros=",
                ok,
            ] {
                assert!(line.contains(part), "{part}: {line}");
            }
        }
        assert!(!text.contains("hunter2"), "{text}");
    }
}
