//! Key files of each format, opened and listed as from a disk.

use std::{
    io,
    path::Path,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use keybearer_core::{
    Env, KeyUri, OpenContext, Provider, Secret, Signer as _, WorkLimit, async_trait,
};
use keybearer_jks::Jks;
use keybearer_pem::Pem;
use keybearer_pkcs12::Pkcs12;

/// The password of the committed test files.
const PASSWORD: &str = "correct-horse";
/// Enough for what keytool and OpenSSL write; what asks for more is refused, so that many inputs a second are tried.
const WORK: (u64, u64) = (25_000, 1 << 20);

pub(crate) fn jks(bytes: &[u8]) {
    open(&Jks, bytes);
}

pub(crate) fn pem(bytes: &[u8]) {
    open(&Pem, bytes);
}

pub(crate) fn pkcs12(bytes: &[u8]) {
    open(&Pkcs12, bytes);
}

fn open(provider: &dyn Provider, bytes: &[u8]) {
    let mut cx = OpenContext::new(Arc::new(Memory(bytes.to_vec())));
    cx.work = WorkLimit::new(WORK.0, WORK.1);
    let uri = KeyUri::literal(provider.scheme(), "file").with_attribute("password-value", PASSWORD);
    let listed = now(provider.entries(&uri, &cx)).map(|entries| format!("{entries:?}"));
    let opened = now(provider.open(&uri, &cx));
    if let Ok(signer) = &opened {
        assert!(!signer.algorithms().is_empty());
        assert!(listed.is_ok(), "what opens can be listed");
        let public = now(signer.public_key()).expect("a key in a file has its public half");
        let chain = now(signer.certificate_chain()).expect("they were read");
        if let Some(leaf) = chain.first() {
            let certified = leaf.public_key();
            assert!(certified.is_ok_and(|certified| certified == public));
        }
    }
    let told = format!("{opened:?}{listed:?}");
    assert!(!told.contains(PASSWORD) || contains(bytes, PASSWORD.as_bytes()));
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Where no runtime is, and files are in memory, nothing waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits for somebody"),
    }
}

/// A file system in which every file is this one.
#[derive(Debug)]
struct Memory(Vec<u8>);

#[async_trait]
impl Env for Memory {
    fn var(&self, _: &str) -> Option<Secret> {
        None
    }

    async fn read(&self, _: &Path, limit: u64) -> io::Result<Vec<u8>> {
        if self.0.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(self.0.clone())
    }

    async fn prompt(&self, _: &str) -> io::Result<Secret> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
