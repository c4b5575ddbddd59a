//! The device's protocol: a line of words goes there, a line comes back, bytes are in hexadecimal.

use std::{sync::Mutex, time::Duration};

use keybearer_core::{Error, ErrorKind, Result, Secret};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};

/// A key of the device.
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) spki: Vec<u8>,
}

/// The connections to one device, logged in, as many as are needed at once and not more than it takes.
pub(crate) struct Connections {
    address: String,
    pin: Secret,
    limit: Duration,
    free: Mutex<Vec<BufStream<TcpStream>>>,
    places: Semaphore,
}

/// A line has no more bytes.
const LONGEST_LINE: u64 = 16 << 10;

impl Connections {
    pub(crate) fn new(address: String, pin: Secret, limit: Duration) -> Self {
        Self {
            address,
            pin,
            limit,
            free: Mutex::default(),
            places: Semaphore::new(4),
        }
    }

    pub(crate) async fn slots(&self) -> Result<Vec<Slot>> {
        let answer = self.ask("LIST").await?;
        let slot = |word: &str| {
            let (name, spki) = word.split_once('=')?;
            Some(Slot {
                name: name.into(),
                spki: bytes(spki)?,
            })
        };
        answer
            .split_whitespace()
            .map(|word| slot(word).ok_or_else(garbled))
            .collect()
    }

    pub(crate) async fn sign(&self, slot: &str, message: &[u8]) -> Result<Vec<u8>> {
        let answer = self.ask(&format!("SIGN {slot} {}", hex(message))).await?;
        bytes(&answer).ok_or_else(garbled)
    }

    /// One question within the time limit. Whoever gives up takes the connection along: it is closed, and what it would
    /// have answered is nobody else's.
    async fn ask(&self, question: &str) -> Result<String> {
        let asked = async {
            let _place = self
                .places
                .acquire()
                .await
                .map_err(|_| unreachable_device("it is closed"))?;
            let free = self.free.lock().ok().and_then(|mut free| free.pop());
            let mut stream = match free {
                Some(stream) => stream,
                None => self.connect().await?,
            };
            let answer = exchange(&mut stream, question).await?;
            if let Ok(mut free) = self.free.lock() {
                free.push(stream);
            }
            answer
        };
        let answer = timeout(self.limit, asked).await;
        answer.unwrap_or_else(|_| Err(unreachable_device("it does not answer")))
    }

    async fn connect(&self) -> Result<BufStream<TcpStream>> {
        let stream = TcpStream::connect(&self.address).await;
        let mut stream = BufStream::new(stream.map_err(unreachable_device)?);
        exchange(&mut stream, &format!("LOGIN {}", hex(self.pin.expose()))).await??;
        Ok(stream)
    }
}

/// The outer error is the connection's, which is not used again then; the inner one the device's.
async fn exchange(stream: &mut BufStream<TcpStream>, question: &str) -> Result<Result<String>> {
    let lines = async {
        stream.write_all(format!("{question}\n").as_bytes()).await?;
        stream.flush().await?;
        let mut answer = String::new();
        stream.take(LONGEST_LINE).read_line(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = lines.await.map_err(unreachable_device)?;
    let (verdict, rest) = answer
        .trim_end_matches('\n')
        .split_once(' ')
        .ok_or_else(garbled)?;
    Ok(match (verdict, rest) {
        ("OK", rest) => Ok(rest.to_owned()),
        ("NO", "PIN") => Err(
            Error::new(ErrorKind::BadSecret, "the PIN of the HSM is wrong")
                .with_hint("check the PIN: it was tried once"),
        ),
        (_, other) => {
            Err(Error::new(ErrorKind::Backend, "the HSM refuses").with_source(other.to_owned()))
        }
    })
}

fn unreachable_device(why: impl ToString) -> Error {
    Error::new(ErrorKind::Unavailable, "the HSM cannot be reached")
        .with_source(why.to_string())
        .with_hint("see whether it is switched on and its address is right")
}

fn garbled() -> Error {
    Error::new(
        ErrorKind::Backend,
        "the HSM's answer is not one of its protocol",
    )
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    hex.len()
        .is_multiple_of(2)
        .then(|| digits.map(byte).collect())
        .flatten()
}
