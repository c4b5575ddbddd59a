//! The words of a query.

use super::Refused;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a number.
    Word(String),
    /// A string, its escapes resolved.
    Text(String),
    /// `,` `(` `)` `=` `!=`.
    Sign(&'static str),
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Its place, in characters.
    pub(super) at: usize,
}

const SIGNS: &[&str] = &["!=", "=", ",", "(", ")"];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Refused> {
    let refused = |at, what: String| Refused::new("MALFORMED_QUERY", text, at, what);
    let chars: Vec<_> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        let begin = at;
        let kind = if c == '\'' {
            let (string, end) = string(&chars, at + 1)
                .ok_or_else(|| refused(begin, "unexpected token: '''".into()))?;
            at = end;
            Kind::Text(string)
        } else if is_word(c) {
            while chars.get(at).is_some_and(|c| is_word(*c)) {
                at += 1;
            }
            Kind::Word(chars.get(begin..at).unwrap_or_default().iter().collect())
        } else {
            let rest = chars.get(at..).unwrap_or_default();
            let begins = |sign: &&&str| sign.chars().eq(rest.iter().take(sign.len()).copied());
            let sign = SIGNS
                .iter()
                .find(begins)
                .ok_or_else(|| refused(begin, format!("unexpected token: '{c}'")))?;
            at += sign.len();
            Kind::Sign(sign)
        };
        tokens.push(Token { kind, at: begin });
    }
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.')
}

/// A string up to its quote, and where it ends. `None` where it does not end.
fn string(chars: &[char], mut at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    loop {
        match chars.get(at)? {
            '\'' => return Some((text, at + 1)),
            '\\' => {
                at += 1;
                text.push(match chars.get(at)? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => *other,
                });
            }
            other => text.push(*other),
        }
        at += 1;
    }
}

impl Token {
    /// As an error shows it.
    pub(super) fn shown(&self) -> String {
        match &self.kind {
            Kind::Word(word) => word.clone(),
            Kind::Text(text) => format!("'{text}'"),
            Kind::Sign(sign) => (*sign).into(),
        }
    }
}
