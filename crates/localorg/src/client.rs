//! Apps that show their secret (RFC 6749 section 2.3.1).

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine, engine::general_purpose::STANDARD};
use keybearer_core::Secret;
use url::form_urlencoded;

use crate::{form::Form, refusal::Refusal, state::State};

/// What a client says it is.
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    secret: Option<Secret>,
}

impl Credentials {
    /// From the `Authorization` header, or else the form. `None` where neither says anything.
    ///
    /// # Errors
    /// `invalid_basic_auth_header` for a header that is no Basic.
    pub(crate) fn read(headers: &HeaderMap, form: &Form) -> Result<Option<Self>, Refusal> {
        if let Some(header) = headers.get(AUTHORIZATION) {
            let basic = header.to_str().ok().and_then(basic).ok_or_else(|| {
                Refusal::new(
                    "invalid_basic_auth_header",
                    "invalid basic authorization header",
                    "the Authorization header is not Basic with an id and a secret",
                )
            })?;
            return Ok(Some(basic));
        }
        let Some(client_id) = form.get("client_id") else {
            return Ok(None);
        };
        Ok(Some(Self {
            client_id: client_id.into(),
            secret: form.get("client_secret").map(Secret::from),
        }))
    }

    /// Whether a secret was sent.
    pub(crate) fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// The app whose secret it is.
    ///
    /// # Errors
    /// `invalid_client_id`, `invalid_client`.
    pub(crate) fn app(&self, state: &State) -> Result<usize, Refusal> {
        let at = state.find_app(&self.client_id).ok_or_else(|| {
            let why = "no app has this consumer key";
            Refusal::new("invalid_client_id", "client identifier invalid", why)
        })?;
        let known = state.app(at)?.model.secret.as_ref();
        if known.is_some() && known == self.secret.as_ref() {
            return Ok(at);
        }
        let why = match (known, &self.secret) {
            (None, _) => "the app has no consumer secret here, and a secret was sent or is needed",
            (Some(_), None) => "the app's consumer secret is missing",
            (Some(_), Some(_)) => "the consumer secret is another",
        };
        Err(Refusal::new(
            "invalid_client",
            "invalid client credentials",
            why,
        ))
    }
}

/// The id and the secret are form-encoded before they are put together.
fn basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Secret::new(STANDARD.decode(encoded.trim()).ok()?);
    let (client_id, secret) = decoded.expose_str()?.split_once(':')?;
    let plain = |part: &str| {
        let text = format!("x={part}");
        let mut pairs = form_urlencoded::parse(text.as_bytes());
        pairs.next().map(|(_, value)| value.into_owned())
    };
    Some(Credentials {
        client_id: plain(client_id)?,
        secret: Some(Secret::from(plain(secret)?)),
    })
}
