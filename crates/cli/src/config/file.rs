//! Reading `keybearer.toml`.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use toml::{Table, Value};

use crate::failure::Failure;

/// What the file says: every key is an option's long name, or another name of one.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) default_profile: Option<String>,
    pub(super) profiles: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// More than this is no configuration.
const LIMIT: u64 = 1 << 20;

/// Reads and checks the whole file, profiles that are not in force included: a slip in one is found before it matters.
///
/// `options` are the options that there are, with their other names.
pub(super) fn read(
    path: &Path,
    options: &BTreeMap<String, Vec<String>>,
) -> Result<Content, Failure> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_string(&mut text));
    let read = read.map_err(|error| {
        Failure::config(format!("{} cannot be read", path.display())).with_cause(&error)
    })?;
    if read as u64 > LIMIT {
        return Err(Failure::config(format!(
            "{} has more than {LIMIT} bytes",
            path.display()
        )));
    }
    parse(&text, options).map_err(|complaint| {
        let failure = Failure::config(format!("{}: {}", path.display(), complaint.message));
        match complaint.hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    })
}

#[derive(Debug)]
struct Complaint {
    message: String,
    hint: Option<String>,
}

fn complain(message: String) -> Complaint {
    Complaint {
        message,
        hint: None,
    }
}

fn parse(text: &str, options: &BTreeMap<String, Vec<String>>) -> Result<Content, Complaint> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        // The error's own `Display` shows the line, and a secret may stand in it.
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.unwrap_or_default().matches('\n').count() + 1;
        complain(format!(
            "line {line}: {}",
            error.message().replace('\n', ", ")
        ))
    })?;
    let mut content = Content {
        default_profile: None,
        profiles: BTreeMap::new(),
    };
    for (key, value) in table {
        match (key.as_str(), value) {
            ("default-profile", Value::String(name)) => content.default_profile = Some(name),
            ("default-profile", _) => {
                return Err(complain("default-profile is the name of a profile".into()));
            }
            ("profile", Value::Table(tables)) => {
                for (name, table) in tables {
                    let Value::Table(table) = table else {
                        return Err(complain(format!("profile.{name} is not a table")));
                    };
                    let values = profile(&name, table, options)?;
                    content.profiles.insert(name, values);
                }
            }
            ("profile", _) => return Err(complain("profile is not a table".into())),
            (other, _) => {
                return Err(Complaint {
                    message: format!("unknown key \"{other}\""),
                    hint: Some(
                        match nearest(other, ["default-profile", "profile"].into_iter()) {
                            Some(near) => format!("did you mean \"{near}\"?"),
                            None => "options stand under [profile.NAME]".into(),
                        },
                    ),
                });
            }
        }
    }
    Ok(content)
}

fn profile(
    profile: &str,
    table: Table,
    options: &BTreeMap<String, Vec<String>>,
) -> Result<BTreeMap<String, Vec<String>>, Complaint> {
    let mut values = BTreeMap::new();
    for (key, value) in table {
        let names = options
            .iter()
            .flat_map(|(name, others)| others.iter().chain([name]))
            .map(String::as_str);
        if !names.clone().any(|name| name == key) {
            return Err(Complaint {
                message: format!("unknown key \"{key}\" in profile \"{profile}\""),
                hint: nearest(&key, names).map(|near| format!("did you mean \"{near}\"?")),
            });
        }
        let words = words(value).ok_or_else(|| {
            complain(format!(
                "\"{key}\" in profile \"{profile}\" is not a string, a number, a boolean or a list of them"
            ))
        })?;
        values.insert(key, words);
    }
    for (name, others) in options {
        // What is also an option of its own does not count as another name here.
        let only_here = |other: &&String| !options.contains_key(*other);
        let mut said = others
            .iter()
            .filter(only_here)
            .chain([name])
            .filter(|name| values.contains_key(*name));
        if let (Some(first), Some(second)) = (said.next(), said.next()) {
            return Err(complain(format!(
                "profile \"{profile}\" says one thing twice: \"{first}\" and \"{second}\" are two names of it"
            )));
        }
    }
    Ok(values)
}

/// The words that would stand on the command line.
fn words(value: Value) -> Option<Vec<String>> {
    Some(match value {
        Value::Array(values) => {
            let words: Option<Vec<_>> = values.into_iter().map(word).collect();
            words?
        }
        single => vec![word(single)?],
    })
}

fn word(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The candidate that is most like `text`.
fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |candidate: &&str| (strsim::jaro_winkler(text, candidate) * 1e6) as u32;
    candidates.max_by_key(likeness)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> BTreeMap<String, Vec<String>> {
        let of = |name: &str, others: &[&str]| {
            (
                name.to_owned(),
                others.iter().map(|other| (*other).to_owned()).collect(),
            )
        };
        [
            of("client-id", &["consumer-key", "issuer"]),
            of("username", &["principal", "subject"]),
            of("subject", &[]),
            of("lifetime", &[]),
            of("claim", &[]),
        ]
        .into()
    }

    #[test]
    fn values_become_words() {
        let text = "default-profile = \"a\"\n[profile.a]\nissuer = \"x\"\nlifetime = 60\nclaim = [\"a=1\", \"b=2\"]";
        let content = parse(text, &options()).unwrap();
        assert_eq!(content.default_profile.as_deref(), Some("a"));
        let a = &content.profiles["a"];
        assert_eq!(a["issuer"], ["x"]);
        assert_eq!(a["lifetime"], ["60"]);
        assert_eq!(a["claim"], ["a=1", "b=2"]);
    }

    #[test]
    fn a_certificates_subject_may_stand_beside_the_users_name() {
        let text = "[profile.a]\nusername = \"ann\"\nsubject = \"CN=a\"";
        assert_eq!(parse(text, &options()).unwrap().profiles["a"].len(), 2);
        parse(
            "[profile.a]\nusername = \"a\"\nprincipal = \"b\"",
            &options(),
        )
        .unwrap_err();
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = parse("[profile.a]\nclientid = \"x\"", &options()).unwrap_err();
        assert_eq!(error.message, "unknown key \"clientid\" in profile \"a\"");
        assert_eq!(error.hint.unwrap(), "did you mean \"client-id\"?");
        let error = parse("default_profile = \"a\"", &options()).unwrap_err();
        assert_eq!(error.hint.unwrap(), "did you mean \"default-profile\"?");
    }

    #[test]
    fn what_is_no_profile_is_refused() {
        for text in [
            "profile = 1",
            "[profile]\na = 1",
            "default-profile = 1",
            "[profile.a]\nlifetime = { a = 1 }",
            "[profile.a]\nissuer = \"a\"\nclient-id = \"b\"",
            "[profile.a]\nlifetime = [[1]]",
        ] {
            parse(text, &options()).unwrap_err();
        }
    }

    #[test]
    fn a_syntax_error_gives_its_line_and_not_the_text() {
        let error = parse("\n[profile.a]\nkey = hunter2\n", &options()).unwrap_err();
        assert!(error.message.starts_with("line 3: "), "{}", error.message);
        assert!(!error.message.contains("hunter2"));
    }
}
