//! A signed assertion.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_core::{Bound, Error, ErrorKind, Secret};
use serde_json::{Map, Value};

/// A JWT (RFC 7519) in compact form. Whoever holds it can get a token: `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Assertion {
    compact: Secret,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Assertion {
    /// Signs a header and claims. `alg` is set from what signs; all else is the caller's.
    ///
    /// # Errors
    /// As [`Bound::sign`].
    pub async fn sign(
        bound: &Bound,
        mut header: Map<String, Value>,
        claims: Map<String, Value>,
    ) -> Result<Self, Error> {
        // A caller may ask for RFC 9864's name of Ed25519; no other `alg` than the signer's own is true.
        let asked = header.get("alg").and_then(Value::as_str);
        let name = asked
            .filter(|asked| *asked == bound.algorithm().name())
            .unwrap_or(bound.algorithm().jws_name());
        header.insert("alg".into(), name.into());
        let mut compact = encode(&header)?;
        compact.push('.');
        compact.push_str(&encode(&claims)?);
        let signature = bound.sign(compact.as_bytes()).await?;
        compact.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut compact);
        Ok(Self {
            compact: compact.into(),
            header,
            claims,
        })
    }

    /// The assertion itself: `header.claims.signature`.
    pub fn expose(&self) -> &str {
        self.compact.expose_str().unwrap_or_default()
    }

    /// The JOSE header.
    pub fn header(&self) -> &Map<String, Value> {
        &self.header
    }

    /// The claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertion(***)")
    }
}

fn encode(part: &Map<String, Value>) -> Result<String, Error> {
    let json = serde_json::to_vec(part).map_err(|error| {
        Error::new(
            ErrorKind::Unsupported,
            "the assertion cannot be written as JSON",
        )
        .with_source(error.to_string())
    })?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}
