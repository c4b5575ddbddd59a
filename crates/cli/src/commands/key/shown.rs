//! One key as `key show` and `key new` tell of it.

use keybearer_core::{
    Algorithm, Certificate, Entry, Error, ErrorKind, KeyId, KeyUri, PublicKey, Signer,
};
use serde::Serialize;

use super::salesforce;
use crate::{
    certificates::{self, Told},
    failure::Failure,
    output::Output,
    text::{columns, printable},
};

/// What is told of one key.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    id: String,
    alias: Option<String>,
    #[serde(rename = "type")]
    key_type: Option<String>,
    bits: Option<usize>,
    spki_sha256: Option<String>,
    algorithms: Vec<&'static str>,
    certificates: Vec<Told>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// What will not work, or not for long.
    warnings: Vec<String>,
    #[serde(skip)]
    chain: Vec<Certificate>,
}

impl Shown {
    /// A key that is open.
    pub(crate) async fn signer(signer: &dyn Signer) -> Result<Self, Failure> {
        let chain = signer.certificate_chain().await?;
        let public_key = match signer.public_key().await {
            Ok(key) => Some(key),
            // A role that may sign but not read, or a source that tells nothing: the rest can be shown.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Unsupported | ErrorKind::PermissionDenied
                ) =>
            {
                None
            }
            Err(error) => return Err(error.into()),
        };
        let algorithms = signer.algorithms();
        let mut shown = Self::new(signer.id(), chain)?.with_public_key(public_key.as_ref());
        shown.key_type = shown
            .key_type
            .or_else(|| algorithms.first().map(|first| type_of(*first).into()));
        shown.algorithms = algorithms
            .iter()
            .map(|algorithm| algorithm.name())
            .collect();
        Ok(shown.judged(public_key.as_ref()))
    }

    /// A key that nothing here signs with, and why.
    pub(crate) fn unusable(uri: &KeyUri, entry: &Entry, why: &Error) -> Result<Self, Failure> {
        let leaf = entry.certificates.first();
        let public_key = leaf.and_then(|leaf| leaf.public_key().ok());
        let mut shown = Self::new(&KeyId::new(uri), entry.certificates.clone())?
            .with_public_key(public_key.as_ref());
        shown.alias = entry.alias.clone();
        shown.key_type = entry.key_type.clone().or(shown.key_type);
        shown.bits = entry.bits.or(shown.bits);
        let cure = why.hint().map(|hint| format!("; {hint}"));
        let cure = cure.unwrap_or_default();
        shown
            .warnings
            .push(format!("this key cannot sign: {why}{cure}"));
        shown.note = Some(why.to_string());
        Ok(shown.judged(None))
    }

    /// With more that is to be warned of.
    pub(crate) fn with_warnings(mut self, more: Vec<String>) -> Self {
        self.warnings.extend(more);
        self
    }

    /// Prints it, and warns of what will not work, or not for long.
    pub(crate) fn print(&self, out: Output) -> Result<(), Failure> {
        out.data(self, || self.text())?;
        for warning in &self.warnings {
            out.warning(warning);
        }
        Ok(())
    }

    /// With what its certificates and Salesforce's rules give to warn of.
    fn judged(mut self, public_key: Option<&PublicKey>) -> Self {
        let leaf = self.chain.first();
        let of_leaf = leaf.and_then(|leaf| leaf.public_key().ok());
        if let (Some(own), Some(other)) = (public_key, of_leaf)
            && *own != other
        {
            self.warnings
                .push("the first certificate does not match this key".into());
        }
        for (place, certificate) in self.chain.iter().enumerate() {
            let owner = match self.certificates.get(place) {
                Some(told) if place > 0 => format!("the issuer \"{}\"", told.subject),
                _ => "this key".into(),
            };
            self.warnings
                .extend(certificates::expiry(&owner, certificate));
        }
        let refusals = salesforce::refusals(self.key_type.as_deref(), self.bits, leaf);
        self.warnings.extend(refusals);
        self
    }

    fn new(id: &KeyId, chain: Vec<Certificate>) -> Result<Self, Failure> {
        let certificates: keybearer_core::Result<_> = chain.iter().map(Told::of).collect();
        Ok(Self {
            id: id.to_string(),
            alias: id.uri().attribute("alias").map(str::to_owned),
            key_type: None,
            bits: None,
            spki_sha256: None,
            algorithms: Vec::new(),
            certificates: certificates.map_err(|error| error.with_key(id))?,
            note: None,
            warnings: Vec::new(),
            chain,
        })
    }

    fn with_public_key(mut self, key: Option<&PublicKey>) -> Self {
        if let Some(key) = key {
            self.key_type = Some(key.key_type().name().into());
            self.bits = Some(key.key_type().bits());
            self.spki_sha256 = Some(keybearer_soft::spki_sha256(key));
        }
        self
    }

    fn text(&self) -> String {
        let mut rows = Vec::new();
        let mut row = |name: &str, value: String| rows.push(vec![name.into(), printable(&value)]);
        row("key", self.id.clone());
        if let Some(alias) = &self.alias {
            row("alias", alias.clone());
        }
        let bits = self
            .bits
            .map(|bits| format!(", {bits} bits"))
            .unwrap_or_default();
        row(
            "type",
            format!("{}{bits}", self.key_type.as_deref().unwrap_or("unknown")),
        );
        if let Some(fingerprint) = &self.spki_sha256 {
            row("spki sha256", fingerprint.clone());
        }
        row(
            "algorithms",
            if self.algorithms.is_empty() {
                "none".into()
            } else {
                self.algorithms.join(", ")
            },
        );
        if self.certificates.is_empty() {
            row("certificate", "none (keybearer cert new makes one)".into());
        }
        for (index, certificate) in self.certificates.iter().enumerate() {
            row(
                if index == 0 {
                    "certificate"
                } else {
                    "issued by"
                },
                certificate.subject.clone(),
            );
            if certificate.issuer == certificate.subject {
                row("  issuer", "itself (self-signed)".into());
            } else {
                row("  issuer", certificate.issuer.clone());
            }
            row("  serial", certificate.serial.clone());
            row(
                "  valid",
                format!("{} to {}", certificate.not_before, certificate.not_after),
            );
            row("  sha256", certificate.sha256.clone());
        }
        columns(&rows)
    }
}

/// The type of key that an algorithm needs, as a JWK names it.
fn type_of(algorithm: Algorithm) -> &'static str {
    match algorithm.curve() {
        _ if algorithm.is_rsa() => "RSA",
        Some(_) => "EC",
        None => "OKP",
    }
}
