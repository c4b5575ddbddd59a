//! How long Salesforce's tokens live.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keybearer_auth::Token;
use serde_json::{Map, Value};

/// What an opaque token is taken to live. Salesforce tells no lifetime; a session's time-out is set by the app, the profile or
/// the org, and a quarter of an hour is the shortest that an org can set. A login each quarter of an hour is far from
/// the 3,600 an hour that a user may make.
pub const ASSUMED_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// As a JWT-format token itself says, else [`ASSUMED_LIFETIME`].
pub(crate) fn of(token: &Token) -> Duration {
    of_jwt(token.access_token().expose(), token.obtained_at()).unwrap_or(ASSUMED_LIFETIME)
}

fn of_jwt(token: &str, obtained_at: SystemTime) -> Option<Duration> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims: Map<String, Value> =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let time = |name: &str| claims.get(name).and_then(Value::as_u64);
    let expires = time("exp")?;
    // By the server's own clock, where it tells when the token began: ours may be wrong.
    let began = time("iat").or_else(|| time("nbf")).unwrap_or_else(|| {
        let since = obtained_at.duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap_or_default().as_secs()
    });
    Some(Duration::from_secs(expires.saturating_sub(began)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime(access_token: &str) -> u64 {
        let json = format!("{{\"access_token\":\"{access_token}\"}}");
        let obtained_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        of(&Token::from_json(json.as_bytes(), obtained_at).unwrap()).as_secs()
    }

    fn jwt(claims: &str) -> String {
        format!(
            "eyJhbGciOiJSUzI1NiJ9.{}.c2ln",
            URL_SAFE_NO_PAD.encode(claims)
        )
    }

    #[test]
    fn a_jwt_says_it_itself() {
        assert_eq!(lifetime(&jwt(r#"{"iat":500,"exp":2300}"#)), 1800);
        assert_eq!(lifetime(&jwt(r#"{"nbf":500,"exp":800}"#)), 300);
        assert_eq!(lifetime(&jwt(r#"{"exp":1600}"#)), 600);
        assert_eq!(lifetime(&jwt(r#"{"exp":10,"iat":500}"#)), 0);
    }

    #[test]
    fn of_others_it_is_assumed() {
        for token in [
            "00Dxx0000001gPL!AQ.cAQ.x",
            "a.b",
            "..",
            &jwt("{}"),
            &jwt("[1]"),
        ] {
            assert_eq!(lifetime(token), 900, "{token}");
        }
    }
}
