//! Options that are written `NAME=VALUE`.

use serde_json::Value;

use crate::failure::Failure;

/// Parameters that the grant itself sets.
const OURS: [&str; 4] = [
    "grant_type",
    "assertion",
    "client_assertion",
    "client_assertion_type",
];

/// `NAME=JSON`, as `flag` takes it.
pub(super) fn json(texts: &[String], flag: &str) -> Result<Vec<(String, Value)>, Failure> {
    let parse = |text: &String| {
        let (name, json) = split(text, flag, "JSON")?;
        let value = serde_json::from_str(json).map_err(|error| {
            Failure::usage(format!("the value of {flag} {name} is not JSON"))
                .with_cause(&error)
                .with_hint(format!("a text is written {flag} '{name}=\"text\"'"))
        })?;
        Ok((name.to_owned(), value))
    };
    texts.iter().map(parse).collect()
}

/// `--param NAME=VALUE`.
pub(super) fn parameters(texts: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let parse = |text: &String| {
        let (name, value) = split(text, "--param", "VALUE")?;
        if OURS.contains(&name) {
            return Err(Failure::usage(format!(
                "--param {name} would stand twice in the request: the grant sets it"
            )));
        }
        if name == "client_secret" {
            return Err(Failure::usage(
                "a secret on the command line is seen by other users of this machine",
            )
            .with_hint("give --client-auth secret-post with --client-secret-source"));
        }
        Ok((name.to_owned(), value.to_owned()))
    };
    texts.iter().map(parse).collect()
}

/// Without the text in the failure: it may hold what is not to be seen.
fn split<'a>(text: &'a str, flag: &str, form: &str) -> Result<(&'a str, &'a str), Failure> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.ok_or_else(|| Failure::usage(format!("{flag} is written {flag} NAME={form}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_equals_signs() {
        let pairs = parameters(&["resource=a=b".into()]).unwrap();
        assert_eq!(pairs, [("resource".into(), "a=b".into())]);
        let pairs = json(&["aud=[\"a=b\"]".into()], "--claim").unwrap();
        assert_eq!(pairs, [("aud".into(), serde_json::json!(["a=b"]))]);
    }

    #[test]
    fn what_is_no_pair_is_refused_without_being_repeated() {
        for text in ["hunter2", "=hunter2"] {
            let failure = parameters(&[text.into()]).unwrap_err();
            assert!(!failure.message().contains("hunter2"));
        }
        json(&["sub=ann".into()], "--claim").unwrap_err();
    }

    #[test]
    fn parameters_of_the_grant_are_not_ours_to_set() {
        for name in OURS.iter().chain(&["client_secret"]) {
            parameters(&[format!("{name}=x")]).unwrap_err();
        }
    }
}
