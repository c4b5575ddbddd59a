//! The device itself, in software: what the vendor gives to developers. Keys are made in it and cannot leave it.

use std::{
    io::{BufRead, BufReader, Result, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use keybearer_core::{EcCurve, PublicKey};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};

use crate::wire::{bytes, hex};

/// A running device on loopback, with keys on P-256 in the slots `1` and `2`. It lives as long as the process.
#[derive(Clone, Debug)]
pub struct Device {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    address: SocketAddr,
    pin: Vec<u8>,
    keys: Vec<EcdsaKeyPair>,
    logins: AtomicU64,
    requests: AtomicU64,
}

impl Device {
    /// Switches one on, with new keys.
    pub fn start(pin: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let random = SystemRandom::new();
        let make = |_| {
            let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
            let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(failed)?;
            EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).map_err(failed)
        };
        let inner = Arc::new(Inner {
            address: listener.local_addr()?,
            pin: pin.into(),
            keys: (1..=2).map(make).collect::<Result<_>>()?,
            logins: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        });
        let device = Self {
            inner: inner.clone(),
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = inner.clone();
                thread::spawn(move || inner.serve(stream));
            }
        });
        Ok(device)
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        self.inner.address.to_string()
    }

    /// The public key of a slot, as the device's display shows it.
    pub fn public_key(&self, slot: usize) -> Option<PublicKey> {
        let point = self.inner.keys.get(slot.checked_sub(1)?)?.public_key();
        PublicKey::from_ec_point(EcCurve::P256, point.as_ref()).ok()
    }

    /// How often somebody has tried a PIN.
    pub fn logins(&self) -> u64 {
        self.inner.logins.load(Ordering::Relaxed)
    }

    /// How many questions were asked, logins aside.
    pub fn requests(&self) -> u64 {
        self.inner.requests.load(Ordering::Relaxed)
    }
}

impl Inner {
    fn serve(&self, stream: TcpStream) -> Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let mut stream = stream;
        let mut is_in = false;
        while let Some(Ok(line)) = lines.next() {
            let words: Vec<_> = line.split(' ').collect();
            let answer = match words.as_slice() {
                ["LOGIN", pin] => {
                    self.logins.fetch_add(1, Ordering::Relaxed);
                    is_in = bytes(pin).is_some_and(|pin| pin == self.pin);
                    Some(String::new()).filter(|_| is_in).ok_or("PIN")
                }
                question if is_in => {
                    self.requests.fetch_add(1, Ordering::Relaxed);
                    // A device takes its time.
                    thread::sleep(Duration::from_millis(2));
                    self.answer(question).ok_or("QUESTION")
                }
                _ => Err("LOGIN FIRST"),
            };
            let line = match answer {
                Ok(answer) => format!("OK {answer}\n"),
                Err(why) => format!("NO {why}\n"),
            };
            stream.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    fn answer(&self, question: &[&str]) -> Option<String> {
        match question {
            ["LIST"] => {
                let slots = self.keys.iter().enumerate().filter_map(|(index, key)| {
                    let public = PublicKey::from_ec_point(EcCurve::P256, key.public_key().as_ref());
                    Some(format!("{}={}", index + 1, hex(public.ok()?.spki_der())))
                });
                Some(slots.collect::<Vec<_>>().join(" "))
            }
            ["SIGN", slot, message] => {
                let slot: usize = slot.parse().ok()?;
                let key = self.keys.get(slot.checked_sub(1)?)?;
                let signature = key.sign(&SystemRandom::new(), &bytes(message)?).ok()?;
                Some(hex(signature.as_ref()))
            }
            _ => None,
        }
    }
}

fn failed(error: impl std::fmt::Display) -> std::io::Error {
    std::io::Error::other(error.to_string())
}
