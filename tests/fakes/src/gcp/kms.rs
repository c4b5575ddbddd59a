//! The methods of `cryptoKeyVersions`.

use std::sync::atomic::Ordering;

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{GET, Gcp, LIST, Lie, READ, SIGN, crc32c, info, invalid, refused, tokens::form};
use crate::{Answer, Asked, Encoding, Hash, Key, Kind, Padding};

/// A `CryptoKeyVersion`.
pub struct Version {
    pub(super) name: String,
    pub(super) algorithm: &'static str,
    pub(super) state: &'static str,
    /// `None` for a purpose other than `ASYMMETRIC_SIGN`.
    pub(super) key: Option<Key>,
}

/// The longest `data` that is signed, in bytes.
const LONGEST: usize = 64 << 10;

impl Version {
    pub(super) fn new(name: String, algorithm: &'static str) -> Self {
        let kind = match algorithm {
            "EC_SIGN_P256_SHA256" => Some(Kind::P256),
            "EC_SIGN_P384_SHA384" => Some(Kind::P384),
            "EC_SIGN_ED25519" => Some(Kind::Ed25519),
            name if !name.starts_with("RSA_SIGN_") => None,
            name if name.contains("_3072") => Some(Kind::Rsa3072),
            name if name.contains("_4096") => Some(Kind::Rsa4096),
            _ => Some(Kind::Rsa2048),
        };
        Self {
            name,
            algorithm,
            state: "ENABLED",
            key: kind.map(Key::generate),
        }
    }

    fn hash(&self) -> Option<(&'static str, Hash)> {
        let (_, hash) = self.algorithm.rsplit_once('_')?;
        match hash {
            "SHA256" => Some(("sha256", Hash::Sha256)),
            "SHA384" => Some(("sha384", Hash::Sha384)),
            "SHA512" => Some(("sha512", Hash::Sha512)),
            _ => None,
        }
    }

    fn as_json(&self) -> Value {
        json!({
            "name": self.name,
            "state": self.state,
            "algorithm": self.algorithm,
            "protectionLevel": "SOFTWARE",
        })
    }

    /// The key, if it is in use and made to sign.
    fn usable(&self) -> Result<&Key, Answer> {
        let failed = |why: &str| {
            let message = format!("{} is not usable: {why}", self.name);
            refused(400, "FAILED_PRECONDITION", &message, &[])
        };
        match &self.key {
            None => Err(failed("its purpose is another")),
            Some(_) if self.state != "ENABLED" => Err(failed(self.state)),
            Some(key) => Ok(key),
        }
    }
}

impl Gcp {
    pub(super) fn kms(&self, asked: &Asked) -> Result<Answer, Answer> {
        let lie = self.next_lie();
        match lie {
            Some(Lie::Html) => return Ok(Answer::html()),
            Some(Lie::Status(code, status, wait)) => {
                let details = wait.map(|wait| json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{wait}s")}));
                let details = Vec::from_iter(details);
                return Err(refused(code, status, "told to", &details));
            }
            Some(Lie::Forbidden(reason)) => {
                let details = [info(reason, "googleapis.com", &json!({}))];
                return Err(refused(403, "PERMISSION_DENIED", "told to", &details));
            }
            _ => {}
        }
        let path = asked.path().strip_prefix("/v1/").ok_or_else(not_here)?;
        let (resource, verb) = match (asked.method.as_str(), path) {
            ("POST", path) => match path.strip_suffix(":asymmetricSign") {
                Some(name) => (name, SIGN),
                None => return Err(not_here()),
            },
            ("GET", path) => match path.strip_suffix("/publicKey") {
                Some(name) => (name, READ),
                None => match path.strip_suffix("/cryptoKeyVersions") {
                    Some(key) => (key, LIST),
                    None => (path, GET),
                },
            },
            _ => return Err(not_here()),
        };
        query(asked, verb)?;
        let caller = self.caller(asked)?;
        self.allowed(&caller, verb, resource)?;
        let answer = match verb {
            LIST => self.list(asked, resource)?,
            verb => self.on_version(asked, resource, verb, lie)?,
        };
        let answer = Answer::json(200, &answer);
        Ok(match lie {
            Some(Lie::Truncated) => Answer {
                body: answer.body[..answer.body.len() / 2].to_vec(),
                ..answer
            },
            _ => answer,
        })
    }

    fn list(&self, asked: &Asked, key: &str) -> Result<Value, Answer> {
        let keys = self.keys.lock().unwrap();
        let versions = keys.get(key).ok_or_else(|| not_found(key))?;
        let of = |name| form(asked.uri.query().unwrap_or_default().as_bytes(), name);
        let only = match of("filter").as_str() {
            "" => None,
            "state=ENABLED" => Some("ENABLED"),
            _ => return Err(invalid("this filter is not known here")),
        };
        let shown = versions
            .iter()
            .filter(|it| only.is_none_or(|state| it.state == state));
        let shown: Vec<_> = shown.map(Version::as_json).collect();
        let from = match of("pageToken").strip_prefix("page+/") {
            Some(from) => from.parse().map_err(|_| invalid("pageToken"))?,
            None if of("pageToken").is_empty() => 0,
            None => return Err(invalid("pageToken")),
        };
        let most = self.page.load(Ordering::SeqCst) as usize;
        let size = of("pageSize").parse().unwrap_or(most).clamp(1, most);
        let mut answer = json!({"totalSize": shown.len()});
        let rest = shown.get(from..).ok_or_else(|| invalid("pageToken"))?;
        answer["cryptoKeyVersions"] = rest.iter().take(size).cloned().collect();
        if rest.len() > size {
            answer["nextPageToken"] = format!("page+/{}", from + size).into();
        }
        Ok(answer)
    }

    fn on_version(
        &self,
        asked: &Asked,
        name: &str,
        verb: &str,
        lie: Option<Lie>,
    ) -> Result<Value, Answer> {
        let keys = self.keys.lock().unwrap();
        let version = keys.values().flatten().find(|it| it.name == name);
        let version = version.ok_or_else(|| not_found(name))?;
        let mut answer = match verb {
            GET => version.as_json(),
            READ => public_key(version, lie)?,
            _ => {
                self.signatures.fetch_add(1, Ordering::SeqCst);
                sign(version, &asked.json(), lie)?
            }
        };
        if let Some(Lie::OtherVersion) = lie {
            answer["name"] = json!(format!("{name}0"));
        }
        Ok(answer)
    }
}

fn public_key(version: &Version, lie: Option<Lie>) -> Result<Value, Answer> {
    let pem = match lie {
        Some(Lie::OtherKey) => Key::generate(version.usable()?.kind).spki_pem(),
        _ => version.usable()?.spki_pem(),
    };
    Ok(json!({
        "pem": pem,
        "algorithm": version.algorithm,
        "pemCrc32c": checksum(pem.as_bytes(), lie),
        "name": version.name,
        "protectionLevel": "SOFTWARE",
    }))
}

fn sign(version: &Version, body: &Value, lie: Option<Lie>) -> Result<Value, Answer> {
    let body = body.as_object().ok_or_else(|| invalid("no JSON object"))?;
    known(
        body,
        &["name", "digest", "digestCrc32c", "data", "dataCrc32c"],
    )?;
    let own = version.usable()?;
    let other;
    let key = match lie {
        Some(Lie::OtherKey) => {
            other = Key::generate(own.kind);
            &other
        }
        _ => own,
    };
    let (signature, verified) = match (body.get("digest"), body.get("data")) {
        (Some(digest), None) => {
            let digest = digest.as_object().ok_or_else(|| invalid("digest"))?;
            known(digest, &["sha256", "sha384", "sha512"])?;
            let (field, hash) = version
                .hash()
                .filter(|_| !version.algorithm.contains("_RAW_"))
                .ok_or_else(|| invalid("this algorithm takes data and no digest"))?;
            if digest.len() != 1 {
                return Err(invalid("one digest"));
            }
            let value = digest.get(field).ok_or_else(|| {
                invalid("the digest's type is not the one of the key's algorithm")
            })?;
            let bytes = bytes(value)?;
            let verified = verify(body.get("digestCrc32c"), &bytes)?;
            let signature = signed(version, key, hash, &bytes)?;
            (signature, ("verifiedDigestCrc32c", verified))
        }
        (None, Some(data)) => {
            let data = bytes(data)?;
            if data.len() > LONGEST {
                return Err(invalid("data is longer than 64 KiB"));
            }
            let verified = verify(body.get("dataCrc32c"), &data)?;
            let signature = match version.hash() {
                Some((_, hash)) => {
                    let digest = digest::digest(algorithm(hash), &data);
                    signed(version, key, hash, digest.as_ref())?
                }
                None => key.sign_message(&data).ok_or_else(|| invalid("data"))?,
            };
            (signature, ("verifiedDataCrc32c", verified))
        }
        _ => return Err(invalid("exactly one of digest and data")),
    };
    let signature = match lie {
        Some(Lie::NoSignature) => b"no signature".to_vec(),
        _ => signature,
    };
    let mut answer = json!({
        "name": version.name,
        "signature": STANDARD.encode(&signature),
        "signatureCrc32c": checksum(&signature, lie),
        "protectionLevel": "SOFTWARE",
    });
    // What is false is left out, as the JSON of protocol buffers does.
    if verified.1 && !matches!(lie, Some(Lie::Unverified)) {
        answer[verified.0] = json!(true);
    }
    Ok(answer)
}

fn signed(version: &Version, key: &Key, hash: Hash, digest: &[u8]) -> Result<Vec<u8>, Answer> {
    let padding = match version.algorithm.contains("_PSS_") {
        true => Padding::Pss,
        false => Padding::Pkcs1,
    };
    key.sign_digest(padding, hash, Encoding::Der, digest)
        .map_err(invalid)
}

fn algorithm(hash: Hash) -> &'static digest::Algorithm {
    match hash {
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    }
}

fn known(object: &Map<String, Value>, names: &[&str]) -> Result<(), Answer> {
    match object.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(invalid(&format!(
            "Invalid JSON payload received. Unknown name \"{name}\""
        ))),
        None => Ok(()),
    }
}

fn query(asked: &Asked, verb: &str) -> Result<(), Answer> {
    let query = asked.uri.query().unwrap_or_default();
    let names = query.split('&').filter(|part| !part.is_empty());
    for name in names.map(|part| part.split('=').next().unwrap_or(part)) {
        let of_list = verb == LIST && ["filter", "pageSize", "pageToken"].contains(&name);
        if !of_list && !["alt", "$alt", "%24alt"].contains(&name) {
            return Err(invalid(&format!(
                "Invalid JSON payload received. Unknown name \"{name}\""
            )));
        }
    }
    Ok(())
}

fn bytes(value: &Value) -> Result<Vec<u8>, Answer> {
    let text = value.as_str().ok_or_else(|| invalid("Base64"))?;
    STANDARD.decode(text).map_err(|_| invalid("Base64"))
}

/// An int64 stands as text in JSON, and is taken as a number too.
fn verify(sent: Option<&Value>, bytes: &[u8]) -> Result<bool, Answer> {
    let Some(sent) = sent else { return Ok(false) };
    let number = sent.as_str().and_then(|text| text.parse().ok());
    match number.or_else(|| sent.as_u64()) {
        Some(sum) if sum == u64::from(crc32c(bytes)) => Ok(true),
        _ => Err(invalid("the checksum does not match")),
    }
}

fn checksum(bytes: &[u8], lie: Option<Lie>) -> String {
    let wrong = u32::from(matches!(lie, Some(Lie::WrongChecksum)));
    (crc32c(bytes) ^ wrong).to_string()
}

fn not_found(name: &str) -> Answer {
    refused(404, "NOT_FOUND", &format!("{name} not found."), &[])
}

/// What Google's front end says of a path that no API has: a page.
fn not_here() -> Answer {
    Answer::text(
        404,
        "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>",
    )
    .with("content-type", "text/html; charset=UTF-8")
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version")
            .field("name", &self.name)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
