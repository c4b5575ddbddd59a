//! Google Cloud KMS (v1, REST), the token endpoint, the metadata server and the impersonation of service accounts, as
//! Google's API reference has them.

mod kms;
mod served;
mod tokens;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};

use crate::{Answer, Asked, Key, Service};
pub use kms::Version;
pub use served::served;
pub use tokens::Account;

/// Where the keys of the fake are.
pub const RING: &str = "projects/p-1/locations/europe-west3/keyRings/jwt/cryptoKeys";
/// Those that a client of JWS can use.
pub const ALGORITHMS: [&str; 9] = [
    "RSA_SIGN_PKCS1_2048_SHA256",
    "RSA_SIGN_PKCS1_3072_SHA256",
    "RSA_SIGN_PKCS1_4096_SHA512",
    "RSA_SIGN_PSS_2048_SHA256",
    "RSA_SIGN_PSS_3072_SHA256",
    "RSA_SIGN_PSS_4096_SHA512",
    "EC_SIGN_P256_SHA256",
    "EC_SIGN_P384_SHA384",
    "EC_SIGN_ED25519",
];
/// What it takes to open a key and to sign with it.
pub const SIGN: &str = "cloudkms.cryptoKeyVersions.useToSign";
pub const READ: &str = "cloudkms.cryptoKeyVersions.viewPublicKey";
pub const GET: &str = "cloudkms.cryptoKeyVersions.get";
pub const LIST: &str = "cloudkms.cryptoKeyVersions.list";
pub const IMPERSONATE: &str = "iam.serviceAccounts.getAccessToken";

#[derive(Default)]
pub struct Gcp {
    /// The versions of each key, by the key's resource name.
    keys: Mutex<BTreeMap<String, Vec<Version>>>,
    accounts: Mutex<HashMap<String, Account>>,
    /// The account of each access token.
    tokens: Mutex<HashMap<String, String>>,
    /// The account whose tokens the metadata server gives out.
    metadata: Mutex<Option<String>>,
    lies: Mutex<Vec<Lie>>,
    /// Of Cloud KMS.
    pub requests: AtomicU64,
    pub signatures: AtomicU64,
    pub tokens_made: AtomicU64,
    /// At the token endpoint, good and bad.
    pub token_requests: AtomicU64,
    /// The most versions of one page of a list.
    pub page: AtomicU64,
    /// What is said of the tokens that are given out, in seconds.
    pub lifetime: AtomicU64,
}

/// What the next request to Cloud KMS is answered with.
#[derive(Clone, Copy, Debug)]
pub enum Lie {
    /// The name of another version.
    OtherVersion,
    /// A signature, or a public key, of another key.
    OtherKey,
    /// A checksum of other bytes.
    WrongChecksum,
    /// The checksum that was sent has not been looked at.
    Unverified,
    /// A signature that is none, with a good checksum.
    NoSignature,
    /// A page, with status 200.
    Html,
    /// Half an answer.
    Truncated,
    /// A status by number and name, and the seconds of its `RetryInfo`.
    Status(u16, &'static str, Option<u64>),
    /// 403 for this reason of `google.rpc.ErrorInfo`.
    Forbidden(&'static str),
}

impl Gcp {
    pub fn new() -> Self {
        Self {
            page: 1000.into(),
            lifetime: 3599.into(),
            ..Self::default()
        }
    }

    /// A new version of the key of this short name: its resource name.
    pub fn make(&self, key: &str, algorithm: &'static str) -> String {
        let parent = format!("{RING}/{key}");
        let mut keys = self.keys.lock().unwrap();
        let versions = keys.entry(parent.clone()).or_default();
        let name = format!("{parent}/cryptoKeyVersions/{}", versions.len() + 1);
        versions.push(Version::new(name.clone(), algorithm));
        name
    }

    /// Puts a version into a state: `DISABLED`, `DESTROYED`, ….
    pub fn set_state(&self, version: &str, state: &'static str) {
        self.change(version, |version| version.state = state);
    }

    /// Another key in place of a version's own, as no real service does.
    pub fn replace(&self, version: &str) {
        self.change(version, |version| {
            version.key = version.key.as_ref().map(|key| Key::generate(key.kind));
        });
    }

    pub fn spki_der(&self, version: &str) -> Vec<u8> {
        let mut der = Vec::new();
        self.change(version, |version| {
            der = version.key.as_ref().map(Key::spki_der).unwrap_or_default();
        });
        der
    }

    pub fn lie(&self, lies: &[Lie]) {
        *self.lies.lock().unwrap() = lies.to_vec();
    }

    fn change(&self, version: &str, change: impl FnOnce(&mut Version)) {
        let mut keys = self.keys.lock().unwrap();
        let mut all = keys.values_mut().flatten();
        change(all.find(|it| it.name == version).unwrap());
    }

    fn next_lie(&self) -> Option<Lie> {
        let mut lies = self.lies.lock().unwrap();
        (!lies.is_empty()).then(|| lies.remove(0))
    }
}

impl Service for Gcp {
    fn answer(&self, asked: &Asked) -> Answer {
        let answered = match asked.path() {
            "/token" => {
                self.token_requests.fetch_add(1, Ordering::SeqCst);
                self.token(asked)
            }
            path if path == "/" || path.starts_with("/computeMetadata/") => self.metadata(asked),
            path if path.contains("/serviceAccounts/") => self.impersonate(asked),
            _ => {
                self.requests.fetch_add(1, Ordering::SeqCst);
                self.kms(asked)
            }
        };
        answered.unwrap_or_else(|refused| refused)
    }
}

/// An error as all of Google's APIs tell it (`google.rpc.Status` in JSON).
fn refused(code: u16, status: &str, message: &str, details: &[Value]) -> Answer {
    let body =
        json!({"error": {"code": code, "message": message, "status": status, "details": details}});
    Answer::json(code, &body)
}

fn invalid(message: &str) -> Answer {
    refused(400, "INVALID_ARGUMENT", message, &[])
}

fn info(reason: &str, domain: &str, metadata: &Value) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": domain,
        "metadata": metadata,
    })
}

/// CRC-32C (RFC 3720, appendix B.4), bit by bit.
pub fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & 0_u32.wrapping_sub(crc & 1))
        })
    })
}

impl std::fmt::Debug for Gcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gcp").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        assert_eq!(super::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(super::crc32c(b"123456789"), 0xe306_9283);
    }
}
