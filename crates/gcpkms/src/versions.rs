//! The versions of a key.

use keybearer_core::{EcCurve, Entries, Entry, EntryKind, Error, ErrorKind, KeyType, Result};
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    answer::field,
    api::{Ask, Session},
    locator::Locator,
    public, spec,
};

const LIST: &str = "cloudkms.cryptoKeyVersions.list";
const ENABLED: &str = "ENABLED";

struct Version {
    number: u64,
    state: String,
    algorithm: String,
}

/// The only version that is enabled. Keys that sign have no primary version: which one signs is for their users to say.
pub(crate) async fn only_enabled(session: &Session, key: &Locator) -> Result<Locator> {
    let name = key.key_name();
    let listed = list(session, key).await;
    let listed = listed.map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            error.with_hint(format!("name the version: {name}/cryptoKeyVersions/1"))
        }
        _ => error,
    })?;
    let of = |state: &str| -> Vec<_> { listed.iter().filter(|it| it.state == state).collect() };
    let mut enabled = of(ENABLED);
    if enabled.is_empty() {
        // Of a key that was just made: opening it waits for its version.
        enabled = of("PENDING_GENERATION");
    }
    match enabled.as_slice() {
        [version] => Ok(key.at(Some(version.number))),
        [] => Err(Error::new(
            ErrorKind::NotFound,
            format!("{name} has no version that is enabled"),
        )
        .with_hint(format!("see their states: {}", key.gcloud("list")))),
        several => {
            let listed: Vec<_> = several
                .iter()
                .map(|it| format!("{} ({})", it.number, it.algorithm))
                .collect();
            Err(Error::new(
                ErrorKind::Ambiguous,
                format!("{name} has several versions that are enabled, and each has a public key of its own"),
            )
            .with_hint(format!(
                "add /cryptoKeyVersions/N for the one whose certificate is registered; N is one of {}",
                listed.join(", ")
            )))
        }
    }
}

/// All versions, or the one that is named.
pub(crate) async fn entries(session: &Session, key: &Locator) -> Result<Entries> {
    let listed = list(session, key).await?;
    let is_wanted = |it: &&Version| key.version.is_none_or(|number| number == it.number);
    let entries: Vec<_> = listed
        .iter()
        .filter(is_wanted)
        .map(|it| entry(key, it))
        .collect();
    if entries.is_empty() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("Cloud KMS has no {key}"),
        ));
    }
    Ok(Entries::new("Cloud KMS", entries))
}

fn entry(key: &Locator, version: &Version) -> Entry {
    let Version {
        number,
        state,
        algorithm,
    } = version;
    let alias = key.at(Some(*number)).to_string();
    let entry = Entry::new(Some(alias), EntryKind::Key);
    let mut entry = match key_type(algorithm) {
        Some(key_type) => entry.with_key_type(key_type),
        None => entry,
    };
    entry.note = Some(match (state.as_str(), spec::algorithm(algorithm)) {
        (ENABLED, Some(does)) => format!("signs {does}"),
        (ENABLED, None) => format!("signs nothing of JOSE's: {algorithm}"),
        (state, _) => format!("{state}, {algorithm}"),
    });
    entry
}

/// The kind of key, by the name of its algorithm.
fn key_type(algorithm: &str) -> Option<KeyType> {
    let parts: Vec<_> = algorithm.split('_').collect();
    match parts.as_slice() {
        ["EC", "SIGN", "P256", ..] => Some(KeyType::Ec(EcCurve::P256)),
        ["EC", "SIGN", "P384", ..] => Some(KeyType::Ec(EcCurve::P384)),
        ["EC", "SIGN", "ED25519"] => Some(KeyType::Ed25519),
        ["RSA", ..] => {
            let bits = parts.iter().find_map(|part| part.parse().ok())?;
            Some(KeyType::Rsa { bits })
        }
        _ => None,
    }
}

async fn list(session: &Session, key: &Locator) -> Result<Vec<Version>> {
    let key = key.key();
    let mut all = Vec::new();
    let mut page = String::new();
    loop {
        let query = match page.as_str() {
            "" => String::new(),
            page => {
                let page: String = form_urlencoded::byte_serialize(page.as_bytes()).collect();
                format!("?pageToken={page}")
            }
        };
        let ask = Ask {
            path: format!("{key}/cryptoKeyVersions{query}"),
            body: None,
            permission: LIST,
            about: &key,
        };
        let answer = session.ask(&ask, |answer| Ok(answer.clone())).await?;
        let versions = answer["cryptoKeyVersions"].as_array();
        for version in versions.into_iter().flatten() {
            all.push(read(version, &key)?);
        }
        let next = answer["nextPageToken"].as_str().unwrap_or_default();
        // A server that repeats itself would be asked for ever.
        if next.is_empty() || next == page {
            return Ok(all);
        }
        page = next.to_owned();
    }
}

fn read(version: &Value, key: &Locator) -> Result<Version> {
    let told = version["name"].as_str().unwrap_or_default();
    let found = Locator::parse(told).ok().filter(|it| it.key() == *key);
    let number = found.and_then(|it| it.version);
    Ok(Version {
        number: number.ok_or_else(|| public::odd("a version of another key"))?,
        state: field(version, "state"),
        algorithm: field(version, "algorithm"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_keys_are_told_by_their_algorithms() {
        for (name, expected) in [
            (
                "RSA_SIGN_PSS_4096_SHA512",
                Some(KeyType::Rsa { bits: 4096 }),
            ),
            (
                "RSA_DECRYPT_OAEP_2048_SHA256",
                Some(KeyType::Rsa { bits: 2048 }),
            ),
            ("EC_SIGN_P384_SHA384", Some(KeyType::Ec(EcCurve::P384))),
            ("EC_SIGN_ED25519", Some(KeyType::Ed25519)),
            ("EC_SIGN_SECP256K1_SHA256", None),
            ("GOOGLE_SYMMETRIC_ENCRYPTION", None),
            ("", None),
        ] {
            assert_eq!(key_type(name), expected, "{name}");
        }
    }
}
