//! Which entry of a key store is meant: an exact match first, then without case, as Java does.

use keybearer_core::{Error, ErrorKind, Result};

/// No error lists more names.
const LISTED: usize = 20;

/// The keys of a store that may be meant, in its order: those with this very alias, or else those whose alias differs
/// in case alone, or all of them where none is asked for. `keys` are (alias, key); `others` are the aliases of what is
/// no key.
///
/// # Errors
/// [`ErrorKind::NotFound`], which tells what is there.
pub fn find<A: AsRef<str>, T>(
    keys: Vec<(A, T)>,
    others: &[&str],
    asked: Option<&str>,
) -> Result<Vec<(A, T)>> {
    if keys.is_empty() {
        return Err(no_key(others));
    }
    let Some(asked) = asked else {
        return Ok(keys);
    };
    let lower = asked.to_lowercase();
    let is_exact = |alias: &str| alias == asked;
    let is_like = |alias: &str| alias.to_lowercase() == lower;
    let names: Vec<_> = keys
        .iter()
        .map(|(alias, _)| alias.as_ref().to_owned())
        .collect();
    let matching: &dyn Fn(&str) -> bool = if names.iter().any(|alias| is_exact(alias)) {
        &is_exact
    } else {
        &is_like
    };
    let found: Vec<_> = keys
        .into_iter()
        .filter(|(alias, _)| matching(alias.as_ref()))
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let shown = asked.escape_debug();
    let message = if others.iter().any(|other| is_exact(other) || is_like(other)) {
        format!("\"{shown}\" is not a private key but a certificate or a secret")
    } else {
        format!("the store has no private key \"{shown}\"")
    };
    Err(Error::new(ErrorKind::NotFound, message)
        .with_hint(format!("the private keys are {}", list(&names))))
}

/// The one key of those that [`find`] found.
///
/// # Errors
/// [`ErrorKind::Ambiguous`] where there are several, with their aliases.
pub fn only<A: AsRef<str>, T>(mut found: Vec<(A, T)>) -> Result<(A, T)> {
    if found.len() == 1
        && let Some(only) = found.pop()
    {
        return Ok(only);
    }
    let names: Vec<_> = found.iter().map(|(alias, _)| alias.as_ref()).collect();
    let same = names
        .first()
        .filter(|first| names.iter().all(|name| name == *first));
    let error = |message| Error::new(ErrorKind::Ambiguous, message);
    Err(match same {
        Some(name) => error(format!(
            "the store has {} private keys of the alias \"{}\"",
            names.len(),
            name.escape_debug()
        ))
        .with_hint("name one by its fingerprint: spki-sha256="),
        None => error(format!("the store has {} private keys", names.len()))
            .with_hint(format!("name one by its alias: {}", list(&names))),
    })
}

/// An error about a name that an entry of the store has already.
pub fn taken(known: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "the store has an entry \"{}\" already",
            known.escape_debug()
        ),
    )
    .with_hint("choose another alias, or ask for this entry to be replaced (--force)")
}

/// The names in quotation marks, as far as an error can hold them.
pub fn list(names: &[impl AsRef<str>]) -> String {
    let quoted: Vec<_> = names
        .iter()
        .take(LISTED)
        .map(|name| format!("\"{}\"", name.as_ref().escape_debug()))
        .collect();
    let mut list = quoted.join(", ");
    if names.len() > LISTED {
        list.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    list
}

fn no_key(others: &[&str]) -> Error {
    if others.is_empty() {
        return Error::new(ErrorKind::NotFound, "the store has no private key")
            .with_hint("it is empty: name the file that has the key");
    }
    Error::new(
        ErrorKind::NotFound,
        format!(
            "the store has no private key, only certificates or secrets: {}",
            list(others)
        ),
    )
    .with_hint(
        "this is a trust store: name the key store, which has the key beside its certificate",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(keys: &[&str], asked: Option<&str>) -> Result<usize> {
        let keys = keys.iter().copied().zip(0..).collect();
        only(find(keys, &["ca"], asked)?).map(|(_, key)| key)
    }

    #[test]
    fn exact_before_without_case() {
        assert_eq!(choose(&["Job", "job"], Some("job")).unwrap(), 1);
        assert_eq!(choose(&["Job", "other"], Some("jOB")).unwrap(), 0);
        assert_eq!(choose(&["\u{c4}"], Some("\u{e4}")).unwrap(), 0);
        assert_eq!(choose(&["one"], None).unwrap(), 0);
    }

    #[test]
    fn several_are_listed() {
        let error = choose(&["a", "b\n"], None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous);
        assert!(error.hint().unwrap().contains("\"a\", \"b\\n\""));
        let error = choose(&["a", "A"], Some("x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = choose(&["Twin", "tWin"], Some("twin")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous);
        let error = choose(&["twin", "twin"], Some("twin")).unwrap_err();
        assert!(error.hint().unwrap().contains("spki-sha256"));
    }

    #[test]
    fn a_trust_store_is_told() {
        let error = choose(&[], None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("\"ca\""), "{error}");
        let error = choose(&["job"], Some("CA")).unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
    }

    #[test]
    fn a_list_has_an_end() {
        let names: Vec<_> = (0..10_000).map(|number| number.to_string()).collect();
        assert!(list(&names).ends_with("and 9980 more"));
    }
}
